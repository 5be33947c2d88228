"""Writes a PyTorch model as Millrace reads it: its weights, and what its layers are.

    from millrace.export_torch import save_torch
    save_torch(model, "model.safetensors", example)     # and model.layers.json beside it

A state dict has no architecture. `save_torch` runs the module on an example, notes which modules are
called in which order, runs these one after the other as Millrace will, and compares: what is
written gives the module's own numbers, or nothing is written.
"""

import json
import struct
from collections.abc import Iterable
from typing import Any

__all__ = ["save_torch"]


def save_torch(module: Any, path: str, example: Any = None) -> list[dict[str, Any]]:
    """Writes `path` (.safetensors) and NAME.layers.json beside it; returns the layers.

    `module` is an nn.Module in one chain: nn.RNN, nn.GRU, nn.LSTM, their Cells in a loop over the
    steps, Embedding, Linear, Conv1d with zeros before the sequence, BatchNorm1d, LayerNorm and
    activations as modules. `example` is one input of at least two steps, `[1, steps, values]` (or
    `[steps, 1, values]`) of floats or `[1, steps]` of token ids; without it the module must be an
    nn.Sequential or one of these layers, and an example is made up.

    Raises ValueError for what cannot be written so.
    """
    import torch

    if not path.endswith(".safetensors"):
        raise ValueError(f"{path}: expected a name that ends in .safetensors")
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            leaves, expected, example = _calls(module, example)
            layers = [_layer(name, leaf) for name, leaf in leaves]
            received = example
            for _, leaf in leaves:
                received = _apply(leaf, received)
    finally:
        module.train(was_training)
    expected, received = expected.reshape(-1), received.reshape(received.shape[1], -1)
    if expected.numel() == received.shape[1]:
        layers.append({"kind": "last"})
        received = received[-1]
    received = received.reshape(-1)
    if received.shape != expected.shape or not torch.allclose(
            received, expected, rtol=1e-4, atol=1e-5):
        raise ValueError(
            "the module's modules one after the other (" + ", ".join(n or "it" for n, _ in leaves)
            + ") do not give its answer; write activations as modules (nn.ReLU, not F.relu), and "
            "pad a Conv1d with (kernel - 1) * dilation zeros before the sequence")
    _write(path, {name: value for name, value in module.state_dict().items()
                  if any(not n or name.startswith(n + ".") for n, _ in leaves)})
    with open(path.removesuffix(".safetensors") + ".layers.json", "w") as file:
        json.dump({"layers": layers}, file, indent=1)
        file.write("\n")
    return layers


def _calls(module: Any, example: Any) -> tuple[list[tuple[str, Any]], Any, Any]:
    """The leaf modules in the order of their first call, the answer, and the example as it is run:
    `[1, steps, values]` or `[1, steps]`."""
    import torch
    from torch import nn

    leaves = [(name, leaf) for name, leaf in module.named_modules() if not list(leaf.children())]
    if example is None:
        if not isinstance(module, nn.Sequential) and list(module.children()):
            raise ValueError("a module of its own class needs an example input, of which its chain is "
                             "proved: save_torch(module, path, example=x)")
        if any(isinstance(leaf, nn.Conv1d) for _, leaf in leaves):
            raise ValueError("a Conv1d alone does not say what stands before the sequence: wrap it "
                             "in a module that pads, and give an example input")
        for name, leaf in leaves:
            _layer(name, leaf)
        example = _example([leaf for _, leaf in leaves])
        received = example
        for _, leaf in leaves:
            received = _apply(leaf, received)
        return leaves, received, example
    called: list[Any] = []
    names = {leaf: name for name, leaf in leaves}

    def note(leaf: Any, _inputs: Any, _output: Any) -> None:
        if leaf not in called:
            called.append(leaf)

    hooks = [leaf.register_forward_hook(note) for _, leaf in leaves]
    try:
        output = module(example)
    finally:
        for hook in hooks:
            hook.remove()
    while isinstance(output, (tuple, list)):
        output = output[0]
    floats = example.dtype.is_floating_point
    if floats and example.dim() == 3 and example.shape[0] != 1:
        example = example.transpose(0, 1)
    if example.dim() == 2 and (floats or example.shape[0] != 1):
        example = example[None] if floats else example.transpose(0, 1)
    if example.shape[0] != 1 or example.shape[1] < 2:
        raise ValueError(f"the example has shape {list(example.shape)}, expected one sequence of "
                         "at least two steps")
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"the module answers with a {type(output).__name__}, expected a tensor")
    return [(names[leaf], leaf) for leaf in called], output, example


def _example(leaves: Iterable[Any]) -> Any:
    import torch
    from torch import nn

    for leaf in leaves:
        if isinstance(leaf, nn.Embedding):
            return torch.arange(5)[None] % leaf.num_embeddings
        for name in ("input_size", "in_features", "in_channels", "num_features"):
            if hasattr(leaf, name):
                return torch.randn(1, 5, getattr(leaf, name))
        if isinstance(leaf, nn.LayerNorm):
            return torch.randn(1, 5, leaf.normalized_shape[-1])
    raise ValueError("no layer says how wide the input is; give an example input")


def _apply(leaf: Any, x: Any) -> Any:
    """What Millrace will do with a sequence `[1, steps, values]`."""
    import torch
    from torch import nn

    if isinstance(leaf, nn.RNNBase):
        return leaf(x)[0] if leaf.batch_first else leaf(x.transpose(0, 1))[0].transpose(0, 1)
    if isinstance(leaf, nn.RNNCellBase):
        state: Any = None
        rows: list[Any] = []
        for step in x.unbind(1):
            state = leaf(step, state)
            rows.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(rows, 1)
    if isinstance(leaf, nn.Conv1d):
        past = (leaf.kernel_size[0] - 1) * leaf.dilation[0]
        x = torch.nn.functional.pad(x.transpose(1, 2), (past, 0))
        x = torch.nn.functional.conv1d(x, leaf.weight, leaf.bias, dilation=leaf.dilation)
        return x.transpose(1, 2)
    if isinstance(leaf, nn.BatchNorm1d):
        return leaf(x.transpose(1, 2)).transpose(1, 2)
    if isinstance(leaf, (nn.Softmax, nn.LogSoftmax)):
        return type(leaf)(-1)(x)
    return leaf(x)


def _layer(name: str, leaf: Any) -> dict[str, Any]:
    """The entry of the layers file."""
    from torch import nn

    entry = _describe(leaf)
    if entry is None:
        raise ValueError(f"{name or 'the module'}: {type(leaf).__name__} is not supported")
    if list(leaf.state_dict()) and name:
        entry["prefix"] = name
    if isinstance(leaf, (nn.Dropout, nn.Identity)):
        return {"kind": entry["kind"]}
    return entry


def _describe(leaf: Any) -> dict[str, Any] | None:
    from torch import nn

    if isinstance(leaf, nn.RNNBase):
        if leaf.bidirectional:
            raise ValueError("a bidirectional layer needs the end of the sequence: not streamable")
        entry = dict(kind=leaf.mode.split("_")[0].lower(), input=leaf.input_size,
                     hidden=leaf.hidden_size, num_layers=leaf.num_layers, bias=leaf.bias)
        if isinstance(leaf, nn.RNN):
            entry["nonlinearity"] = leaf.nonlinearity
        if leaf.proj_size:
            entry["proj_size"] = leaf.proj_size
        return entry
    if isinstance(leaf, nn.RNNCellBase):
        kind = {nn.RNNCell: "rnn_cell", nn.GRUCell: "gru_cell", nn.LSTMCell: "lstm_cell"}[type(leaf)]
        entry = dict(kind=kind, input=leaf.input_size, hidden=leaf.hidden_size, bias=leaf.bias)
        if kind == "rnn_cell":
            entry["nonlinearity"] = leaf.nonlinearity
        return entry
    if isinstance(leaf, nn.Embedding):
        if leaf.max_norm is not None:
            raise ValueError("an Embedding with max_norm changes its weights when it answers")
        return dict(kind="embedding", vocab=leaf.num_embeddings, dim=leaf.embedding_dim,
                    padding_idx=leaf.padding_idx)
    if isinstance(leaf, nn.Linear):
        return {"kind": "linear", "in": leaf.in_features, "out": leaf.out_features}
    if isinstance(leaf, nn.Conv1d):
        if leaf.stride[0] != 1 or leaf.groups != 1 or leaf.padding_mode != "zeros":
            raise ValueError("a Conv1d with stride, groups or other padding is not supported")
        size, dilation = leaf.kernel_size[0], leaf.dilation[0]
        return dict(kind="conv_causal", kernel=size, dilation=dilation,
                    left_pad=(size - 1) * dilation)
    if isinstance(leaf, nn.BatchNorm1d):
        if leaf.running_mean is None:
            raise ValueError("a BatchNorm1d without running statistics needs the whole batch")
        return dict(kind="batchnorm", features=leaf.num_features, eps=leaf.eps, affine=leaf.affine)
    if isinstance(leaf, nn.LayerNorm):
        if len(leaf.normalized_shape) != 1:
            raise ValueError("a LayerNorm over more than the last axis mixes the steps")
        return dict(kind="layernorm", shape=leaf.normalized_shape[0], eps=leaf.eps,
                    affine=leaf.elementwise_affine)
    return _activation(leaf)


def _activation(leaf: Any) -> dict[str, Any] | None:
    from torch import nn

    kinds: dict[Any, tuple[str, ...]] = {
        nn.Tanh: ("tanh",), nn.Sigmoid: ("sigmoid",), nn.ReLU: ("relu",), nn.ReLU6: ("relu6",),
        nn.SELU: ("selu",), nn.SiLU: ("silu",), nn.Mish: ("mish",), nn.Softsign: ("softsign",),
        nn.Tanhshrink: ("tanhshrink",), nn.LogSigmoid: ("logsigmoid",),
        nn.Hardsigmoid: ("hardsigmoid",), nn.Hardswish: ("hardswish",),
        nn.Softmax: ("softmax",), nn.LogSoftmax: ("log_softmax",),
        nn.LeakyReLU: ("leaky_relu", "negative_slope"), nn.ELU: ("elu", "alpha"),
        nn.CELU: ("celu", "alpha"), nn.Softshrink: ("softshrink", "lambd"),
        nn.Hardshrink: ("hardshrink", "lambd"), nn.Threshold: ("threshold", "threshold", "value"),
        nn.Hardtanh: ("hardtanh", "min_val", "max_val"),
        nn.Softplus: ("softplus", "beta", "threshold"), nn.GELU: ("gelu", "approximate"),
        nn.PReLU: ("prelu",), nn.Dropout: ("dropout",), nn.Identity: ("identity",),
    }
    options = kinds.get(type(leaf))
    if options is None:
        return None
    return {"kind": options[0], **{name: getattr(leaf, name) for name in options[1:]}}


def _write(path: str, tensors: dict[str, Any]) -> None:
    """The safetensors format: the header's length, the header, the data in order."""
    import torch

    header: dict[str, dict[str, Any]] = {"__metadata__": {"format": "pt"}}
    data: list[bytes] = []
    types = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16",
             torch.bfloat16: "BF16", torch.int64: "I64"}
    start = 0
    for name, value in tensors.items():
        value = value.detach().cpu().contiguous()
        if value.dtype not in types:
            raise ValueError(f"{name} holds {value.dtype}, expected floats")
        raw = value.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": types[value.dtype], "shape": list(value.shape),
                        "data_offsets": [start, start + len(raw)]}
        start += len(raw)
        data.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
