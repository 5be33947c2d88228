"""ONNX graphs drawn from a seed: RNN, GRU and LSTM with their attributes and inputs, answered by onnxruntime or, where that does not
know the attribute `layout`, by ONNX' own reference evaluator."""
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

STEPS = 12
# Names with the ranges of their alpha and beta.
ACTIVATIONS = {
    "Relu": [], "Tanh": [], "Sigmoid": [], "Softsign": [], "Softplus": [], "Affine": [(0.3, 0.9), (-0.2, 0.2)],
    "LeakyRelu": [(0.05, 0.3)], "ThresholdedRelu": [(0.1, 0.5)], "ScaledTanh": [(0.5, 1.2), (0.5, 1.2)],
    "HardSigmoid": [(0.1, 0.4), (0.3, 0.6)], "Elu": [(0.5, 1.2)]}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}


class Graph:
    def __init__(self, random):
        self.random = random
        self.nodes, self.weights = [], []

    def weight(self, *shape, spread=0.4):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(self.random.normal(0, spread, shape).astype(np.float32), name))
        return name

    def add(self, kind, inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def ints(self, *values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def chance(self, share):
        return self.random.random() < share

    def recurrent(self, x, width, layout):
        """One operator of one direction behind rows [steps, batch, width], or with layout 1 [batch, steps, width]."""
        kind = str(self.random.choice(list(GATES)))
        units, gates = int(self.random.integers(1, 24)), GATES[kind]
        attributes = {"hidden_size": units}
        if layout:
            attributes["layout"] = 1
        if kind == "GRU" and self.chance(0.5):
            attributes["linear_before_reset"] = 1
        # The evaluator that knows the layout does not know other functions.
        if not layout and self.chance(0.5):
            names = [str(name) for name in self.random.choice(list(ACTIVATIONS), FUNCTIONS[kind])]
            attributes["activations"] = names
            for key, place in (("activation_alpha", 0), ("activation_beta", 1)):
                drawn = [float(self.random.uniform(*ACTIVATIONS[name][place])) for name in names if len(ACTIVATIONS[name]) > place]
                if drawn:
                    attributes[key] = drawn
        state = [1, 1, units]
        inputs = [x, self.weight(1, gates * units, width), self.weight(1, gates * units, units),
                  self.weight(1, 2 * gates * units) if self.chance(0.8) else "", "",
                  self.weight(*state) if self.chance(0.4) else ""]
        if kind == "LSTM":
            inputs += [self.weight(*state) if self.chance(0.4) else "", self.weight(1, 3 * units) if self.chance(0.4) else ""]
        while inputs[-1] == "":
            inputs.pop()
        rows = self.add(kind, inputs, **attributes)
        return self.add("Squeeze", [rows, self.ints(2 if layout else 1)]), units, kind


def onnx_model(random, folder):
    """Draws a graph and saves it: its path, inputs, answers and the names of its operators."""
    graph = Graph(random)
    layout, width = int(graph.chance(0.25)), int(random.integers(1, 12))
    x = random.normal(0, 1, (STEPS, width)).astype(np.float32)
    rows, units, names = "x", width, []
    for _ in range(int(random.integers(1, 4))):
        rows, units, kind = graph.recurrent(rows, units, layout)
        names.append(kind)
    classes = int(random.integers(2, 9))
    rows = graph.add("MatMul", [rows, graph.weight(units, classes)])
    rows = graph.add("Add", [rows, graph.weight(classes)])
    if graph.chance(0.5):
        rows = graph.add("Softmax", [rows], axis=-1)
    shape = ["batch", "steps"] if layout else ["steps", "batch"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "drawn", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape + [width])],
            [helper.make_tensor_value_info(rows, TensorProto.FLOAT, shape + [classes])], graph.weights),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path = folder / "model.onnx"
    onnx.save(model, path)
    # With the rows between, which may grow without bounds though the answers do not.
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    between = [node.output[0] for node in model.graph.node if node.op_type == "Squeeze"]
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in between)
    if layout:
        evaluate = ReferenceEvaluator(watched).run
    else:
        evaluate = onnxruntime.InferenceSession(watched.SerializeToString(), quiet(), providers=["CPUExecutionProvider"]).run

    def answers(x):
        y, *others = evaluate(None, {"x": x[None] if layout else x[:, None]})
        return (y[0] if layout else y[:, 0]), max(float(np.abs(rows).max()) for rows in others)

    y, most = answers(x)
    # Functions without bounds can make any difference a large one.
    is_steady = most < 1e4 and np.allclose(answers(np.nextafter(x, np.float32(9)))[0], y, rtol=5e-5, atol=5e-6)
    return path, x, list(y) if is_steady else None, names + (["layout"] if layout else [])


def quiet():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options
