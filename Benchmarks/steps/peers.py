"""The other engines: the same weights, inputs and steps as ours."""

import ctypes as c
import time

import numpy as np

from job import GATES, KINDS


class Skipped(Exception):
    """Why a peer has no figure."""


def timed(call, times):
    start = time.thread_time_ns()
    for _ in range(times):
        call()
    return (time.thread_time_ns() - start) * 1e-9


def split(job, values):
    """W [units, G * units], U the same, bias [rows, G * units], in Keras' layout."""
    width = GATES[job.cell] * job.units
    return values[: job.matrix].reshape(job.units, width), values[job.matrix : 2 * job.matrix].reshape(job.units, width), values[2 * job.matrix :].reshape(-1, width)


def reorder(job, matrix, order):
    """The gates of [..., G * units] in another order."""
    parts = np.split(matrix, GATES[job.cell], axis=-1)
    return np.concatenate([parts[gate] for gate in order], axis=-1)


class OneDNN:
    def __init__(self, path, library, job):
        if job.tokens or job.format == "int8":
            raise Skipped("no such step")
        self.c = peer = c.CDLL(path)
        peer.onednn_make.restype, peer.onednn_run.restype = c.c_void_p, c.c_double
        peer.onednn_run.argtypes = [c.c_void_p, c.c_int]
        peer.onednn_answer.argtypes, peer.onednn_free.argtypes = [c.c_void_p, c.c_void_p], [c.c_void_p]
        self.job, weights, x = job, library.weights(job), library.inputs(job)
        rows = (c.c_void_p * len(weights))(*[w.ctypes.data for w in weights])
        self.loop = peer.onednn_make(
            KINDS[job.cell], job.layers, job.units, job.streams, job.steps, int(job.format == "bf16"), rows, x.ctypes.data_as(c.c_void_p))
        if not self.loop:
            raise Skipped("oneDNN has no such step here")

    @staticmethod
    def version(path):
        peer = c.CDLL(path)
        peer.onednn_version.restype = c.c_char_p
        return peer.onednn_version().decode()

    def run(self, times):
        return self.c.onednn_run(self.loop, times)

    def answer(self):
        rows = np.empty((self.job.streams, self.job.units), np.float32)
        self.c.onednn_answer(self.loop, rows.ctypes.data)
        return rows

    def close(self):
        self.c.onednn_free(self.loop)


class OnnxRuntime:
    """One session whose h and c go to and fro between bound values: nothing is copied or allocated."""

    def __init__(self, library, job):
        if job.tokens or job.format != "f32":
            raise Skipped("no such step")
        import onnx
        import onnxruntime

        self.job, make, x = job, onnx.helper, library.inputs(job)
        lstm = job.cell == "lstm"
        shape = [1, job.streams, job.units]
        nodes, constants, state = [], [], []
        value = "X"
        for layer, weights in enumerate(library.weights(job)):
            for name, tensor in zip("WRB", self.onnx_weights(weights)):
                constants.append(onnx.numpy_helper.from_array(tensor, f"{name}{layer}"))
            names = [f"h{layer}"] + ([f"c{layer}"] if lstm else [])
            last = layer == job.layers - 1
            options = {"linear_before_reset": 1} if job.cell == "gru" else {}
            nodes.append(make.make_node(
                {"lstm": "LSTM", "gru": "GRU", "simplernn": "RNN"}[job.cell], [value, f"W{layer}", f"R{layer}", f"B{layer}", "", *names],
                ["" if last else f"Y{layer}", *[f"{name}_next" for name in names]], hidden_size=job.units, **options))
            if not last:  # [steps, 1, streams, units] without its directions
                nodes.append(make.make_node("Squeeze", [f"Y{layer}", "axes"], [f"X{layer + 1}"]))
                value = f"X{layer + 1}"
            state += names
        if job.layers > 1:
            constants.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "axes"))
        described = lambda name, dims: make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims)
        graph = make.make_graph(
            nodes, "step", [described("X", list(x.shape)), *[described(name, shape) for name in state]],
            [described(f"{name}_next", shape) for name in state], constants)
        self.session = self.session_of(graph)
        bound = onnxruntime.OrtValue.ortvalue_from_numpy
        self.places = [[bound(np.zeros(shape, np.float32)) for _ in state] for _ in range(2)]
        self.bindings, given = [], bound(x)
        for phase in range(2):
            binding = self.session.io_binding()
            binding.bind_ortvalue_input("X", given)
            for index, name in enumerate(state):
                binding.bind_ortvalue_input(name, self.places[phase][index])
                binding.bind_ortvalue_output(f"{name}_next", self.places[1 - phase][index])
            self.bindings.append(binding)
        self.h = (job.layers - 1) * (2 if lstm else 1)
        self.phase = 0

    @staticmethod
    def session_of(graph):
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def onnx_weights(self, values):
        """W and R [1, G * units, units], B [1, 2 * G * units]; gates i o f c and z r h."""
        w, u, b = split(self.job, values)
        order = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "simplernn": (0,)}[self.job.cell]
        w, u, b = (reorder(self.job, m, order) for m in (w, u, b))
        recurrent = b[1] if len(b) > 1 else np.zeros_like(b[0])
        return np.ascontiguousarray(w.T[None]), np.ascontiguousarray(u.T[None]), np.concatenate([b[0], recurrent])[None]

    def call(self):
        self.session.run_with_iobinding(self.bindings[self.phase])
        self.phase ^= 1

    def run(self, times):
        return timed(self.call, times)

    def answer(self):
        return self.places[self.phase][self.h].numpy()[0]

    def close(self):
        pass


class EmptyCall:
    """ONNX Runtime on one number: what a call costs from Python, to be taken off."""

    def __init__(self):
        import onnx
        import onnxruntime

        make = onnx.helper
        described = lambda name: make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        session = OnnxRuntime.session_of(make.make_graph([make.make_node("Neg", ["a"], ["b"])], "empty", [described("a")], [described("b")]))
        bound = lambda: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(1, np.float32))
        binding = session.io_binding()
        binding.bind_ortvalue_input("a", bound())
        binding.bind_ortvalue_output("b", bound())
        self.call = lambda: session.run_with_iobinding(binding)

    def run(self, times):
        return timed(self.call, times)

    def close(self):
        pass


class PyTorch:
    """`nn.LSTM` and its like, or the cells, whichever `form` says; the faster one is reported."""

    def __init__(self, library, job, form):
        if job.tokens or job.format == "int8" or (form == "cells" and job.steps > 1):
            raise Skipped("no such step")
        import torch

        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self.torch, self.job, self.form = torch, job, form
        number = torch.bfloat16 if job.format == "bf16" else torch.float32
        tensors = [self.torch_weights(values) for values in library.weights(job)]
        x = torch.from_numpy(library.inputs(job)).to(number)
        zeros = lambda *shape: torch.zeros(*shape, job.streams, job.units, dtype=number)
        both = lambda *shape: (zeros(*shape), zeros(*shape)) if job.cell == "lstm" else zeros(*shape)
        if form == "cells":
            kind = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "simplernn": torch.nn.RNNCell}[job.cell]
            self.modules = [self.loaded(kind(job.units, job.units), {f"{name}": t for name, t in layer.items()}, number) for layer in tensors]
            self.x, self.state = x[0], [both() for _ in tensors]
            self.call = self.call_cells
        else:
            kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "simplernn": torch.nn.RNN}[job.cell]
            named = {f"{name}_l{index}": t for index, layer in enumerate(tensors) for name, t in layer.items()}
            self.modules = [self.loaded(kind(job.units, job.units, num_layers=job.layers), named, number)]
            self.x, self.state = x, [both(job.layers)]
            self.call = self.call_sequence

    def loaded(self, module, named, number):
        module.load_state_dict({name: self.torch.from_numpy(values) for name, values in named.items()})
        return module.eval().to(number)

    def torch_weights(self, values):
        """Gates i f g o and r z n; every cell has two biases."""
        w, u, b = split(self.job, values)
        order = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "simplernn": (0,)}[self.job.cell]
        w, u, b = (reorder(self.job, m, order) for m in (w, u, b))
        recurrent = b[1] if len(b) > 1 else np.zeros_like(b[0])
        copied = np.ascontiguousarray
        return {"weight_ih": copied(w.T), "weight_hh": copied(u.T), "bias_ih": copied(b[0]), "bias_hh": copied(recurrent)}

    def call_cells(self):
        value = self.x
        for index, module in enumerate(self.modules):
            self.state[index] = module(value, self.state[index])
            value = self.state[index][0] if self.job.cell == "lstm" else self.state[index]

    def call_sequence(self):
        self.state[0] = self.modules[0](self.x, self.state[0])[1]

    def run(self, times):
        return timed(self.call, times)

    def answer(self):
        state = self.state[-1]
        h = state[0] if self.job.cell == "lstm" else state
        return (h if self.form == "cells" else h[-1]).float().numpy()

    def close(self):
        pass
