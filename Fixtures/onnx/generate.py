"""Writes the ONNX graphs of this folder, and what they answer for every prefix.

    python generate.py operators    # onnx 1.23.2, onnxruntime 1.32.0: RNN, GRU, LSTM, each attribute
    python generate.py torch        # torch 2.13.0 (CPU): both of its exporters
    python generate.py keras        # keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0
    python generate.py refused      # graphs that must be refused

The answers are onnxruntime's. Where ONNX' own reference evaluator knows the attributes, it must agree.
"""

import json
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
SCRATCH = os.path.join(tempfile.gettempdir(), "model.onnx")
RANDOM = np.random.default_rng(4)


def draw(*shape, scale=0.5):
    return RANDOM.normal(0, scale, shape).astype(np.float32)


def numbers(values):
    return [float(str(np.float32(v))) for v in np.ravel(values)]


def write(name, model, x, axis, reference=False, states=(), first=0):
    """`axis` is that of the steps in the input; the answer is the first output.

    Before step `first` there is no answer. An exporter that fixed the number of steps leaves the
    rows of the whole sequence.
    """
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    onnx.checker.check_model(model)
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    evaluator = ReferenceEvaluator(model) if reference else None
    steps = x.shape[axis]
    width = model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value

    def run(inputs):
        feed = {names[0]: inputs, **dict(zip(names[1:], states))}
        y = session.run(None, feed)[0]
        if evaluator is not None:
            other = evaluator.run(None, feed)[0]
            assert np.allclose(y, other, atol=2e-6), (name, np.abs(y - other).max())
        return y.reshape(-1, width)

    whole = run(x)
    with open(os.path.join(folder, "steps.jsonl"), "w") as file:
        for t in range(steps):
            row = np.take(x, t, axis)
            line = {"t": t, "x": int(row.item()) if x.dtype.kind == "i" else numbers(row)}
            if t >= first:
                try:
                    y = run(np.take(x, range(t + 1), axis))[-1]
                except Exception:
                    assert len(whole) == steps
                    y = whole[t]
                line["y"] = numbers(y)
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def model(nodes, inputs, outputs, initializers, opset=22):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                             ir_version=10)


def floats(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def operator(name, kind, *, units=4, width=3, bias=True, peepholes=False, initial=None, last=False,
             layout=0, reference=False, steps=7, scale=0.5, opset=22, stateful=False, **attributes):
    gates = GATES[kind]
    tensors = {"W": draw(1, gates * units, width, scale=scale), "R": draw(1, gates * units, units)}
    inputs = ["X", "W", "R", "", "", "", "", ""]
    if bias:
        tensors["B"] = draw(1, 2 * gates * units)
        inputs[3] = "B"
    shape = (1, 1, units)
    if initial:
        tensors["h0"] = draw(*shape)
        inputs[5] = "h0"
        if kind == "LSTM":
            tensors["c0"] = draw(*shape)
            inputs[6] = "c0"
    if peepholes:
        tensors["P"] = draw(1, 3 * units)
        inputs[7] = "P"
    extra = []
    if stateful:
        inputs[5] = "h_in"
        extra = [floats("h_in", *shape)]
        if kind == "LSTM":
            inputs[6] = "c_in"
            extra.append(floats("c_in", *shape))
    while inputs[-1] == "":
        inputs.pop()
    outputs = ["", "Y"] if last else ["Y"]
    if stateful:
        outputs = ["Y", "h_out"] + (["c_out"] if kind == "LSTM" else [])
    if layout:
        attributes["layout"] = layout
    node = helper.make_node(kind, inputs, outputs, hidden_size=units, **attributes)
    axes = [None, 1] if layout == 0 else [1, None]
    dims = ([1] if last else [None, 1]) if layout == 0 else ([1] if last else [1, None])
    value = floats("Y", *([1, 1] if last else ([None, 1, 1] if layout == 0 else [1, None, 1])), units)
    outs = [value] + [floats(o, *shape) for o in outputs[1:] if o != "Y" and not last]
    made = model([node], [floats("X", *axes, width)] + extra, outs,
                 [numpy_helper.from_array(v, n) for n, v in tensors.items()], opset)
    x = draw(steps, 1, width, scale=1) if layout == 0 else draw(1, steps, width, scale=1)
    write(name, made, x, layout, reference,
          states=[np.zeros(shape, np.float32)] * len(extra))


def operators():
    operator("rnn", "RNN", reference=True)
    operator("rnn-relu-last", "RNN", activations=["Relu"], last=True)
    operator("rnn-affine", "RNN", activations=["Affine"], activation_alpha=[0.4],
             activation_beta=[0.1])
    operator("rnn-scaledtanh", "RNN", activations=["ScaledTanh"], activation_alpha=[1.4],
             activation_beta=[0.7])
    operator("rnn-hardsigmoid", "RNN", activations=["HardSigmoid"], activation_alpha=[0.3],
             activation_beta=[0.4], scale=2)
    operator("rnn-leakyrelu", "RNN", activations=["LeakyRelu"], activation_alpha=[0.2])
    operator("rnn-elu", "RNN", activations=["Elu"], activation_alpha=[0.8])
    operator("rnn-softsign", "RNN", activations=["Softsign"])
    operator("rnn-initial", "RNN", initial=True, reference=True)
    operator("gru", "GRU", reference=True)
    operator("gru-linear-before-reset", "GRU", linear_before_reset=1, reference=True)
    operator("gru-nobias-initial", "GRU", bias=False, initial=True, linear_before_reset=1)
    operator("gru-activations", "GRU", activations=["HardSigmoid", "Softsign"], scale=2)
    operator("gru-last", "GRU", last=True, reference=True)
    operator("gru-stateful", "GRU", stateful=True, linear_before_reset=1)
    operator("lstm", "LSTM", reference=True)
    operator("lstm-nobias", "LSTM", bias=False)
    operator("lstm-peepholes", "LSTM", peepholes=True, reference=True)
    operator("lstm-initial", "LSTM", initial=True, reference=True)
    operator("lstm-initial-peepholes-last", "LSTM", initial=True, peepholes=True, last=True)
    operator("lstm-activations", "LSTM", activations=["HardSigmoid", "Softsign", "Relu"],
             activation_alpha=[0.25], activation_beta=[0.45])
    operator("lstm-stateful", "LSTM", stateful=True)
    operator("lstm-opset7", "LSTM", opset=7)


def layouts():
    """onnxruntime does not implement layout 1: the answers are those of layout 0, transposed."""
    for kind in ["RNN", "GRU", "LSTM"]:
        units, width, gates = 4, 3, GATES[kind]
        tensors = {"W": draw(1, gates * units, width), "R": draw(1, gates * units, units)}
        weights = [numpy_helper.from_array(v, n) for n, v in tensors.items()]
        x = draw(1, 6, width, scale=1)
        node = helper.make_node(kind, ["T", "W", "R"], ["U"], hidden_size=units)
        plain = model(
            [helper.make_node("Transpose", ["X"], ["T"], perm=[1, 0, 2]), node,
             helper.make_node("Transpose", ["U"], ["Y"], perm=[2, 0, 1, 3])],
            [floats("X", 1, None, width)], [floats("Y", 1, None, 1, units)], weights)
        name = "layout-" + kind.lower()
        write(name, plain, x, 1)
        node = helper.make_node(kind, ["X", "W", "R"], ["Y"], hidden_size=units, layout=1)
        batch_first = model([node], [floats("X", 1, None, width)],
                            [floats("Y", 1, None, 1, units)], weights)
        onnx.checker.check_model(batch_first)
        with open(os.path.join(HERE, name, "model.onnx"), "wb") as file:
            file.write(batch_first.SerializeToString())


def torch_models():
    import torch
    import warnings
    from torch import nn

    warnings.filterwarnings("ignore")

    class Classifier(nn.Module):
        def __init__(self, rnn, last, batch_first=True):
            super().__init__()
            self.embedding = nn.Embedding(12, 5)
            self.rnn = rnn
            self.head = nn.Linear(rnn.hidden_size, 3)
            self.last = last

        def forward(self, ids):
            y, _ = self.rnn(self.embedding(ids))
            if self.last:
                y = y[:, -1]
            return torch.softmax(self.head(y), -1)

    class Hidden(nn.Module):
        """Classifies by the last state, and gives the states as well."""

        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 6, num_layers=1)
            self.head = nn.Linear(6, 2)

        def forward(self, x):
            _, (h, c) = self.rnn(x)
            return torch.sigmoid(self.head(h[-1])), h, c

    class Convolutional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv1d(3, 6, 3, dilation=2), nn.BatchNorm1d(6)
            self.chomp = nn.Conv1d(6, 6, 3, padding=2)
            self.rnn = nn.GRU(6, 5, batch_first=True)
            self.layer_norm, self.head = nn.LayerNorm(5), nn.Linear(5, 5)

        def forward(self, x):
            x = nn.functional.pad(x.transpose(1, 2), (4, 0))
            x = torch.relu(self.norm(self.conv(x)))
            x = nn.functional.silu(self.chomp(x)[:, :, :-2]).transpose(1, 2)
            y, _ = self.rnn(x)
            return y + torch.tanh(self.head(self.layer_norm(y)))

    class Windows(nn.Module):
        """A convolution without padding, pooling, and the mean over the steps."""

        def __init__(self):
            super().__init__()
            self.conv, self.pool = nn.Conv1d(2, 5, 3, stride=1), nn.MaxPool1d(2)
            self.head = nn.Linear(10, 3)

        def forward(self, x):
            y = self.pool(torch.relu(self.conv(x.transpose(1, 2))))
            return self.head(torch.cat([y.mean(2), y.amax(2)], 1))

    def randomize(module):
        generator = np.random.default_rng(7)
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                drawn = generator.normal(0, 0.5, tuple(value.shape))
                drawn = np.abs(drawn) + 0.5 if "var" in name else drawn
                value.copy_(torch.from_numpy(drawn.astype(np.float32)))

    def export(name, module, x, steps_axis, exporters=("script", "dynamo"), first=0):
        module.eval()
        randomize(module)
        for exporter in exporters:
            file = SCRATCH
            if exporter.startswith("script"):
                torch.onnx.export(module, (x,), file, dynamo=False, input_names=["x"],
                                  opset_version=int(exporter[6:] or 20),
                                  dynamic_axes={"x": {steps_axis: "t"}})
            else:
                torch.onnx.export(module, (x,), file, dynamo=True, external_data=False,
                                  dynamic_shapes=({steps_axis: torch.export.Dim("t", min=2)},),
                                  verbose=False)
            made = onnx.load(file)
            for node in made.graph.node:                # paths of the machine it was made on
                del node.metadata_props[:]
                node.doc_string = ""
            for value in made.graph.value_info:
                del value.metadata_props[:]
            del made.metadata_props[:], made.graph.metadata_props[:]
            for output in made.graph.output:
                del output.metadata_props[:]
            for i in made.graph.input:
                del i.metadata_props[:]
            for i in made.graph.initializer:
                del i.metadata_props[:]
            write(f"torch-{exporter}-{name}", made, x.numpy(), steps_axis, first=first)

    ids = torch.from_numpy(np.array([[3, 0, 11, 5, 5, 2, 7]]))
    export("lstm-each", Classifier(nn.LSTM(5, 6, num_layers=2, batch_first=True), False), ids, 1)
    export("gru-last", Classifier(nn.GRU(5, 6, num_layers=2, batch_first=True), True), ids, 1)
    export("hidden", Hidden(), torch.from_numpy(draw(7, 1, 3, scale=1)), 0)
    export("convolutional", Convolutional(), torch.from_numpy(draw(1, 9, 3, scale=1)), 1)
    # Layer normalization written out.
    export("norms", nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 4), nn.GELU("tanh"),
                                  nn.LayerNorm(4, elementwise_affine=False)),
           torch.from_numpy(draw(1, 6, 3, scale=1)), 1, ("script13",))
    # The other exporter fixes the number of steps of a window.
    export("windows", Windows(), torch.from_numpy(draw(1, 11, 2, scale=1)), 1, ("script",),
           first=3)


def keras_models():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers

    def export(name, model, x):
        generator = np.random.default_rng(9)
        drawn = [generator.normal(0, 0.5, w.shape).astype(np.float32) for w in model.weights]
        model.set_weights([np.abs(v) + 0.5 if "variance" in w.path else v
                           for w, v in zip(model.weights, drawn)])
        made = {}
        spec = [tf.TensorSpec([None, None] + list(x.shape[2:]), x.dtype)]
        function = tf.function(lambda v: model(v, training=False), input_signature=spec)
        made["tf2onnx"] = tf2onnx.convert.from_function(function, input_signature=spec, opset=17)[0]
        model.export(SCRATCH, format="onnx", verbose=False)
        made["export"] = onnx.load(SCRATCH)
        answers = [np.asarray(model(x[:, :t + 1]))[0] for t in range(x.shape[1])]
        answers = [y[-1] if y.ndim == 2 else y for y in answers]
        for how, graph in made.items():
            write(f"keras-{how}-{name}", graph, x, 1)
            folder = os.path.join(HERE, f"keras-{how}-{name}")
            lines = [json.loads(line) for line in open(os.path.join(folder, "steps.jsonl"))]
            for line, y in zip(lines, answers):
                assert np.allclose(line["y"], y, atol=2e-6)
            model.save(os.path.join(folder, "model.keras"))

    x = np.array([[3, 0, 11, 5, 5, 2, 7]], np.int32)
    export("lstm-last", keras.Sequential([
        keras.Input((None,), dtype="int32"), layers.Embedding(12, 5),
        layers.LSTM(6, return_sequences=True), layers.Dense(4, activation="relu"), layers.LSTM(4),
        layers.Dense(3, activation="softmax")]), x)
    # These are written as loops over the steps.
    export("loops", keras.Sequential([
        keras.Input((None, 3)), layers.GRU(5, return_sequences=True),
        layers.SimpleRNN(4, return_sequences=True, activation="relu"),
        layers.GRU(4, return_sequences=True, reset_after=False),
        layers.GRU(3, return_sequences=True, use_bias=False),
        layers.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid"),
        layers.SimpleRNN(4), layers.Dense(2)]), draw(1, 9, 3, scale=1))
    export("conv-lstm", keras.Sequential([
        keras.Input((None, 3)), layers.Conv1D(4, 3, dilation_rate=2, padding="causal"),
        layers.BatchNormalization(), layers.LSTM(5, return_sequences=True),
        layers.LayerNormalization(), layers.LayerNormalization(center=False, scale=False),
        layers.Dense(2, activation="tanh")]), draw(1, 9, 3, scale=1))


def refused():
    def case(name, made):
        os.makedirs(os.path.join(HERE, "refused"), exist_ok=True)
        with open(os.path.join(HERE, "refused", name + ".onnx"), "wb") as file:
            file.write(made.SerializeToString())

    def lstm(*, inputs=(), extra=(), initializers=(), gates=4, x=(None, 1, 2), kind="LSTM", **more):
        weights = [numpy_helper.from_array(draw(1, gates * 3, 2), "W"),
                   numpy_helper.from_array(draw(1, gates * 3, 3), "R")]
        node = helper.make_node(kind, ["X", "W", "R", *inputs], ["Y"], name="cell", hidden_size=3,
                                **more)
        return model([node], [floats("X", *x), *extra], [floats("Y", None, None, 1, 3)],
                     [*weights, *initializers])

    case("clip", lstm(clip=0.5))
    case("input-forget", lstm(input_forget=1))
    case("activation", lstm(activations=["Sigmoid", "Tanh", "Gelu"]))
    case("activation-count", lstm(activations=["Sigmoid"]))
    case("alpha-count", lstm(activations=["Sigmoid", "Tanh", "Tanh"], activation_alpha=[1.0]))
    case("reverse", lstm(direction="reverse"))
    case("bidirectional", lstm(direction="bidirectional"))
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT32, [1])
    case("sequence-lens", lstm(inputs=["", "lengths"], extra=[lengths]))
    made = lstm()
    made.graph.initializer[0].raw_data = np.full((1, 12, 2), np.nan, np.float32).tobytes()
    case("nan", made)
    made = lstm()
    made.graph.initializer[0].dims[1] = 1 << 40
    case("absurd-shape", made)
    made = lstm()
    made.graph.initializer[1].raw_data = b"\0" * 8
    case("short-data", made)
    made = lstm()
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../secret"
    case("external", made)
    a = helper.make_node("Add", ["X", "b"], ["a"], name="first")
    b = helper.make_node("Add", ["a", "X"], ["b"], name="second")
    case("cycle", model([a, b], [floats("X", None, 1, 2)], [floats("b", None, 1, 2)], []))
    made = lstm()
    del made.graph.initializer[1]
    made.graph.input.append(floats("R", 1, 12, 3))
    case("weight-is-input", made)
    made = lstm()
    made.opset_import[0].version = 99
    case("version", made)
    made = lstm()
    made.graph.node[0].domain = "com.example"
    case("domain", made)
    made = lstm()
    attribute = made.graph.node[0].attribute.add()
    attribute.CopyFrom(helper.make_attribute("momentum", 2))
    case("unknown-attribute", made)
    made = lstm()
    function = made.functions.add()
    function.name = "own"
    case("function", made)
    case("operator", model([helper.make_node("TopK", ["X", "k"], ["v", "i"], name="best")],
                           [floats("X", None, 2)], [floats("v", None, 1)],
                           [numpy_helper.from_array(np.array([1]), "k")]))
    case("softmax-steps", model([helper.make_node("Softmax", ["X"], ["Y"], name="s", axis=1)],
                                [floats("X", 1, None, 2)], [floats("Y", 1, None, 2)], []))
    case("first-step", model(
        [helper.make_node("LSTM", ["X", "W", "R"], ["Y"], name="cell", hidden_size=3),
         helper.make_node("Gather", ["Y", "zero"], ["Z"], name="first", axis=0)],
        [floats("X", None, 1, 2)], [floats("Z", 1, 1, 3)],
        [numpy_helper.from_array(draw(1, 12, 2), "W"), numpy_helper.from_array(draw(1, 12, 3), "R"),
         numpy_helper.from_array(np.array(0), "zero")]))

    def loop(name, cond, h):
        x = helper.make_node("Gather", ["X", "i"], ["x"])
        products = [helper.make_node("MatMul", ["x", "W"], ["wx"]),
                    helper.make_node("MatMul", ["h", "U"], ["uh"])]
        body = helper.make_graph(
            [x, *products, *h, *cond], "body",
            [helper.make_tensor_value_info("i", TensorProto.INT64, []),
             helper.make_tensor_value_info("go", TensorProto.BOOL, []), floats("h", 1, 2)],
            [helper.make_tensor_value_info("goes", TensorProto.BOOL, []), floats("next", 1, 2),
             floats("row", 1, 2)])
        shape = [helper.make_node("Shape", ["X"], ["sizes"]),
                 helper.make_node("Gather", ["sizes", "zero"], ["T"])]
        over = helper.make_node("Loop", ["T", "", "h0"], ["last", "Y"], name="loop", body=body)
        case(name, model([*shape, over], [floats("X", None, 1, 2)], [floats("Y", None, 1, 2)], [
            numpy_helper.from_array(draw(2, 2), "W"), numpy_helper.from_array(draw(2, 2), "U"),
            numpy_helper.from_array(np.array(0), "zero"),
            numpy_helper.from_array(np.array(3), "three"),
            numpy_helper.from_array(np.zeros((1, 2), np.float32), "h0")]))

    sums = [helper.make_node("Add", ["wx", "uh"], ["s"]), helper.make_node("Tanh", ["s"], ["next"]),
            helper.make_node("Identity", ["next"], ["row"])]
    loop("loop-stops", [helper.make_node("Less", ["i", "three"], ["goes"])], sums)
    loop("loop-looks", [helper.make_node("ReduceMax", ["next"], ["m"], keepdims=0),
                        helper.make_node("Less", ["m", "m"], ["goes"])], sums)
    goes = [helper.make_node("Identity", ["go"], ["goes"])]
    loop("loop-other", goes, [helper.make_node("Mul", ["wx", "uh"], ["next"]),
                              helper.make_node("Identity", ["next"], ["row"])])
    loop("loop-other-row", goes, [*sums[:2], helper.make_node("Relu", ["next"], ["row"])])
    case("conv-ahead", model(
        [helper.make_node("Conv", ["X", "W"], ["Y"], name="conv", pads=[1, 1])],
        [floats("X", 1, 2, None)], [floats("Y", 1, 3, None)],
        [numpy_helper.from_array(draw(3, 2, 3), "W")]))
    case("two-answers", model(
        [helper.make_node("Relu", ["X"], ["Y"], name="a"),
         helper.make_node("Tanh", ["X"], ["Z"], name="b")],
        [floats("X", 1, None, 2)], [floats("Y", 1, None, 2), floats("Z", 1, None, 2)], []))
    case("two-inputs", model(
        [helper.make_node("Add", ["X", "Z"], ["Y"], name="sum")],
        [floats("X", 1, None, 2), floats("Z", 1, None, 2)], [floats("Y", 1, None, 2)], []))


if __name__ == "__main__":
    if sys.argv[1] == "operators":
        operators()
        layouts()
    elif sys.argv[1] == "torch":
        torch_models()
    elif sys.argv[1] == "keras":
        keras_models()
    else:
        refused()
