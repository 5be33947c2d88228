"""PyTorch models drawn from a seed, written by `millrace.export_torch.save_torch`."""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "torch"), str(Path(__file__).resolve().parents[2] / "Clients" / "python")]
from chain import Chain
from millrace.export_torch import save_torch

STEPS = 12


def activation(random):
    return [nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.ReLU6(), nn.SELU(), nn.SiLU(), nn.Mish(), nn.Softsign(), nn.Tanhshrink(),
            nn.LogSigmoid(), nn.Hardsigmoid(), nn.Hardswish(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.CELU(1.3), nn.Softshrink(0.3),
            nn.Hardshrink(0.3), nn.Threshold(0.1, -0.4), nn.Hardtanh(), nn.Softplus(), nn.GELU(), nn.GELU("tanh"), nn.PReLU(),
            nn.LogSoftmax(-1)][int(random.integers(24))]


def layer(random, width):
    """Some layer behind rows of `width`, and how wide its own are."""
    roll, units, bias = random.random(), int(random.integers(2, 40)), bool(random.random() < 0.8)
    if roll < 0.4:
        kind = str(random.choice(["RNN", "LSTM", "GRU"]))
        options = {"num_layers": int(random.integers(1, 4)), "bias": bias, "batch_first": True}
        if kind == "RNN":
            options["nonlinearity"] = str(random.choice(["tanh", "relu"]))
        if kind == "LSTM" and random.random() < 0.3 and units > 2:
            options["proj_size"] = int(random.integers(1, units))
        return getattr(nn, kind)(width, units, **options), options.get("proj_size", units)
    if roll < 0.55:
        kind = str(random.choice(["RNNCell", "LSTMCell", "GRUCell"]))
        return getattr(nn, kind)(width, units, bias=bias), units
    if roll < 0.65:
        kernel, dilation = int(random.integers(1, 5)), int(random.integers(1, 4))
        return nn.Conv1d(width, units, kernel, dilation=dilation, bias=bias), units
    if roll < 0.72:
        return nn.BatchNorm1d(width, affine=bool(random.random() < 0.7)), width
    if roll < 0.8:
        return nn.LayerNorm(width, eps=float(random.choice([1e-5, 1e-3])), elementwise_affine=bool(random.random() < 0.7)), width
    if roll < 0.85:
        return nn.Dropout(0.4), width
    if roll < 0.93:
        return activation(random), width
    return nn.Linear(width, units, bias=bias), units


def torch_model(random, folder):
    """Draws a model and saves it: its path, inputs, answers and the names of its layers."""
    torch.manual_seed(int(random.integers(1 << 30)))
    width = int(random.integers(1, 12))
    first = width
    tokens = random.random() < 0.4
    vocabulary = int(random.integers(3, 50))
    padding = int(random.integers(vocabulary)) if random.random() < 0.5 else None
    layers = [nn.Embedding(vocabulary, width, padding_idx=padding)] if tokens else []
    for _ in range(int(random.integers(2, 6))):
        drawn, width = layer(random, width)
        layers.append(drawn)
    layers.append(nn.Linear(width, int(random.integers(2, 9))))
    if random.random() < 0.5:
        layers.append(nn.Softmax(dim=-1))
    module = Chain(*layers, last=bool(random.random() < 0.4)).eval()
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if "running_var" in name:
                value.copy_(torch.from_numpy(random.uniform(0.3, 2, value.shape).astype(np.float32)))
            elif value.dtype.is_floating_point:
                value.add_(torch.from_numpy(random.normal(0, 0.1, value.shape).astype(np.float32)))
    x = random.integers(0, vocabulary, STEPS) if tokens else random.normal(0, 1, (STEPS, first)).astype(np.float32)
    path = folder / "model.safetensors"
    save_torch(module, str(path), torch.as_tensor(x)[None])
    with torch.no_grad():
        if module.last:
            y = [module(torch.as_tensor(x[:t + 1])[None])[0].numpy() for t in range(STEPS)]
        else:
            y = list(module(torch.as_tensor(x)[None])[0].numpy())
    return path, x, y, [layer.__class__.__name__ for layer in layers]
