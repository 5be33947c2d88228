"""Writes the PyTorch models of this folder, and what PyTorch answers for every prefix.

    PYTHONPATH=../../Clients/python python generate.py      # torch 2.13.0 (CPU)

Weights are random, none stays at 0 or 1. The files are those of `millrace.export_torch.save_torch`.
"""

import json
import os

import numpy as np
import torch
from chain import Chain
from millrace.export_torch import save_torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def randomize(module, random):
    for name, value in module.state_dict().items():
        if not value.dtype.is_floating_point:
            continue
        drawn = random.normal(0, 0.5, tuple(value.shape))
        if "var" in name:
            drawn = np.abs(drawn) + 0.5
        value.copy_(torch.from_numpy(drawn.astype(np.float32)))


def numbers(values):
    return [float(str(np.float32(v))) for v in np.ravel(values)]


def case(name, module, x, stored=torch.float32):
    """Saves the weights in the format `stored`; the answers are those of the rounded weights."""
    random = np.random.default_rng(hash_of(name))
    module.eval()
    randomize(module, random)
    module.to(stored).to(torch.float32)
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    x = torch.from_numpy(x)[None]
    path = os.path.join(folder, "model.safetensors")
    save_torch(module, path, x)
    if stored != torch.float32:
        from safetensors.torch import save_file

        save_file({n: v.to(stored) for n, v in module.state_dict().items()}, path)
    with torch.no_grad(), open(os.path.join(folder, "steps.jsonl"), "w") as file:
        for t in range(x.shape[1]):
            y = module(x[:, : t + 1])
            y = y[0, -1] if y.dim() == 3 else y[0]
            row = x[0, t]
            row = int(row) if row.dim() == 0 else numbers(row)
            line = {"t": t, "x": row, "y": numbers(y)}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def hash_of(name):
    return sum(ord(c) * 131**i for i, c in enumerate(name)) % 2**32


def vectors(seed, steps, width):
    return np.random.default_rng(seed).normal(0, 1, (steps, width)).astype(np.float32)


def activations(*modules):
    """Each activation between layers that keep its input in an interesting range."""
    items = [nn.Linear(4, 6)]
    for module in modules:
        items += [module, nn.LayerNorm(6, elementwise_affine=False), nn.Linear(6, 6)]
    return Chain(*items)


case("lstm-projected", Chain(nn.LSTM(3, 6, num_layers=2, proj_size=4, batch_first=True),
                             nn.Linear(4, 2)), vectors(1, 12, 3))
case("lstm-projected-nobias", Chain(nn.LSTM(3, 5, proj_size=2, bias=False, batch_first=True)),
     vectors(2, 9, 3))
case("cells", Chain(nn.RNNCell(3, 5, nonlinearity="relu"), nn.LSTMCell(5, 4), nn.GRUCell(4, 6)),
     vectors(3, 10, 3))
case("cells-nobias", Chain(nn.RNNCell(3, 5, bias=False), nn.LSTMCell(5, 4, bias=False),
                           nn.GRUCell(4, 6, bias=False)), vectors(4, 10, 3))
case("embedding-last", Chain(nn.Embedding(9, 5, padding_idx=0),
                             nn.GRU(5, 7, num_layers=2, bias=False, batch_first=True),
                             nn.Dropout(0.5), nn.Linear(7, 3), nn.LogSoftmax(-1), last=True),
     np.array([0, 3, 0, 8, 1, 1, 0, 5], np.int64))
case("norms", Chain(nn.BatchNorm1d(3, affine=False, eps=1e-2), nn.Conv1d(3, 4, 3, dilation=2,
                                                                        bias=False), nn.GELU(),
                    nn.RNN(4, 5, num_layers=2, nonlinearity="relu", batch_first=True),
                    nn.LayerNorm(5, elementwise_affine=False, eps=1e-3),
                    nn.LayerNorm(5, bias=False)), vectors(5, 13, 3))
case("activations", activations(
    nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.ReLU6(), nn.SELU(), nn.SiLU(), nn.Mish(), nn.Softsign(),
    nn.Tanhshrink(), nn.LogSigmoid(), nn.Hardsigmoid(), nn.Hardswish()), vectors(6, 6, 4))
case("activations-options", activations(
    nn.LeakyReLU(0.2), nn.ELU(0.7), nn.CELU(1.3), nn.Softshrink(0.1), nn.Hardshrink(0.2),
    nn.Threshold(0.1, -0.3), nn.Hardtanh(), nn.Hardtanh(0, 0.8), nn.Softplus(), nn.GELU("tanh"),
    nn.PReLU(), nn.Softmax(-1)), vectors(7, 6, 4))
for number_format, stored in [("f64", torch.float64), ("f16", torch.float16),
                              ("bf16", torch.bfloat16)]:
    case("stored-" + number_format, Chain(nn.LSTM(2, 3, batch_first=True)), vectors(8, 6, 2), stored)


def strided(name, first, second, zeros, x):
    """Two Conv1d as PyTorch calls them, `zeros` before the first, a GRU behind: save_torch has no such module, the layers are written by hand."""
    from safetensors.torch import save_file

    net = nn.ModuleDict({"a": first, "b": second, "g": nn.GRU(second.out_channels, 4, batch_first=True), "d": nn.Linear(4, 2)}).eval()
    randomize(net, np.random.default_rng(hash_of(name)))
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    save_file(net.state_dict(), os.path.join(folder, "model.safetensors"))
    layers = [{"kind": "conv", "prefix": "a", "stride": first.stride[0], "dilation": first.dilation[0], "left_pad": zeros},
              {"kind": "relu"}, {"kind": "conv", "prefix": "b", "stride": second.stride[0], "dilation": second.dilation[0]},
              {"kind": "gru", "prefix": "g"}, {"kind": "linear", "prefix": "d"}]
    with open(os.path.join(folder, "model.layers.json"), "w") as file:
        json.dump({"layers": layers}, file, indent=1)
        file.write("\n")
    reach = [(c.kernel_size[0] - 1) * c.dilation[0] for c in (first, second)]
    with torch.no_grad(), open(os.path.join(folder, "steps.jsonl"), "w") as file:
        for t in range(len(x)):
            line = {"t": t, "x": numbers(x[t])}
            rows = nn.functional.pad(torch.from_numpy(x[None, : t + 1]).transpose(1, 2), (zeros, 0))
            for convolution, past in zip((first, second), reach):
                if rows is not None and rows.shape[2] > past:
                    rows = convolution(rows)
                    rows = rows.relu() if convolution is first else rows
                else:
                    rows = None
            if rows is not None:
                line["y"] = numbers(net["d"](net["g"](rows.transpose(1, 2))[0])[0, -1])
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


strided("conv-strided", nn.Conv1d(3, 4, 3, stride=2), nn.Conv1d(4, 5, 2, dilation=2, bias=False), 0, vectors(9, 24, 3))
strided("conv-part-padded", nn.Conv1d(2, 3, 4), nn.Conv1d(3, 4, 2, stride=3), 1, vectors(10, 24, 2))
