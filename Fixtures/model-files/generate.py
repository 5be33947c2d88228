"""Writes the models of this folder and what their own Keras answers, step by step.

    KERAS_BACKEND=tensorflow python generate.py keras3      # keras 3.15.1
    KERAS_BACKEND=tensorflow python generate.py keras2      # tf_keras 2.21.0: the format of Keras 2
    python generate.py keras1                               # written with h5py, answers by numpy
    python generate.py hdf5                                 # files that must be refused
"""

import json
import os
import sys

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def folder(name):
    path = os.path.join(HERE, name)
    os.makedirs(path, exist_ok=True)
    return path


def numbers(values):
    return [float(str(np.float32(v))) for v in np.ravel(values)]


def write_steps(path, xs, ys):
    with open(os.path.join(path, "steps.jsonl"), "w") as file:
        for t, (x, y) in enumerate(zip(xs, ys)):
            x = int(x) if np.ndim(x) == 0 else numbers(x)
            file.write(json.dumps({"t": t, "x": x, "y": numbers(y)}, separators=(",", ":")) + "\n")


def randomize(model, random):
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        value = random.normal(0, 0.5, shape)
        # Keras 3 names variables by role alone, tf_keras by path.
        if "variance" in weight.name:
            value = np.abs(value) + 0.5
        values.append(value.astype("float32"))
    model.set_weights(values)


def save(name, model, xs):
    """Both file forms, and the answer for every prefix."""
    path = folder(name)
    model.save(os.path.join(path, "model.keras"))
    model.save(os.path.join(path, "model.h5"))
    ys = []
    for t in range(len(xs)):
        y = np.asarray(model(np.asarray(xs[: t + 1])[None]))
        ys.append(y[0, t] if y.ndim == 3 else y[0])
    write_steps(path, xs, ys)


def vectors(random, steps, width):
    return random.normal(0, 1, (steps, width)).astype("float32")


def masked_functional(keras, prefix, random):
    L = keras.layers
    ids = np.array([0, 3, 0, 5, 6, 0, 0, 2, 1], dtype="int32")
    i = L.Input((None,))
    x = L.Embedding(7, 4, mask_zero=True, name="words")(i)
    x = L.LSTM(3, return_sequences=True, dropout=0.1, name="b")(x)
    x = L.Dropout(0.2)(x)
    x = L.TimeDistributed(L.Dense(4, activation="tanh"), name="a")(x)
    x = L.GRU(3, return_sequences=True, zero_output_for_mask=True)(x)
    model = keras.Model(i, x)
    randomize(model, random)
    save(prefix + "-functional-mask", model, ids)

    rows = vectors(random, 8, 3)
    rows[[1, 2, 6]] = 0.5
    i = L.Input((None, 3))
    x = L.Masking(0.5)(i)
    x = L.GRU(4, return_sequences=True)(x)
    x = L.LSTM(3)(x)
    x = L.BatchNormalization(axis=1, epsilon=0.01)(x)
    x = L.LayerNormalization(axis=1, epsilon=0.002)(x)
    x = L.Dense(3)(x)
    x = L.Activation("softmax")(x)
    model = keras.Model(i, x)
    randomize(model, random)
    save(prefix + "-functional-masking", model, rows)


def keras3():
    import keras

    L = keras.layers
    random = np.random.default_rng(31)
    masked_functional(keras, "keras3", random)
    model = keras.Sequential(
        [
            L.Input((None, 3)),
            L.Conv1D(5, 2, padding="causal", dilation_rate=2, activation="gelu", name="z"),
            L.Conv1D(5, 1, padding="same", use_bias=False, activation=L.LeakyReLU(0.1)),
            L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid", name="second"),
            L.ReLU(max_value=0.4, negative_slope=0.2, threshold=0.05),
            L.LayerNormalization(center=False, scale=False),
            L.LSTM(4, return_sequences=True, activation="softsign", name="first"),
            L.LeakyReLU(0.15),
            L.ELU(0.7),
            L.BatchNormalization(scale=False),
            L.GaussianNoise(0.1),
            L.Dense(5, activation="mish", use_bias=False),
            L.LayerNormalization(center=False, epsilon=0.01),
            L.Dense(3),
            L.Softmax(axis=2),
        ],
        name="many_layers",
    )
    randomize(model, random)
    save("keras3-many-layers", model, vectors(random, 9, 3))


def keras2():
    import tf_keras as keras

    L = keras.layers
    random = np.random.default_rng(21)
    masked_functional(keras, "keras2", random)
    model = keras.Sequential(
        [
            L.Input((None, 3)),
            L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
            L.GRU(4, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"),
            L.SpatialDropout1D(0.3),
            L.LeakyReLU(0.15),
            L.ReLU(max_value=0.9, negative_slope=0.1),
            L.ThresholdedReLU(theta=0.05),
            L.GRU(4, return_sequences=True, use_bias=False),
            L.SimpleRNN(5, activation="hard_sigmoid"),
            L.BatchNormalization(),
            L.Dense(2, activation="sigmoid"),
        ],
        name="old",
    )
    randomize(model, random)
    save("keras2-hard-sigmoid", model, vectors(random, 9, 3))


# Keras 1


def sigmoid2(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def group(file, name, weights):
    layer = file.require_group("model_weights").create_group(name)
    layer.attrs["weight_names"] = np.array([n.encode() for n, _ in weights])
    for n, value in weights:
        layer.create_dataset(n, data=value.astype("float32"))


def gated(random, prefix, gates, inputs, units):
    """Weights gate by gate, as Keras 1 kept them with consume_less="cpu"."""
    weights = {}
    for gate in gates:
        weights["W_" + gate] = random.normal(0, 0.5, (inputs, units))
        weights["U_" + gate] = random.normal(0, 0.5, (units, units))
        weights["b_" + gate] = random.normal(0, 0.5, (units,))
    names = [(prefix + "_" + key, value) for key, value in weights.items()]
    return {k: v.astype("float32") for k, v in weights.items()}, names


def keras1():
    random = np.random.default_rng(11)
    path = folder("keras1")
    recurrent = {
        "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
        "inner_activation": "hard_sigmoid", "return_sequences": True, "go_backwards": False,
        "stateful": False, "unroll": False, "consume_less": "cpu", "W_regularizer": None,
        "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
        "trainable": True, "input_length": None,
    }
    dense = {
        "name": "dense_1", "output_dim": 2, "init": "glorot_uniform", "activation": "softmax",
        "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None,
        "W_constraint": None, "b_constraint": None, "bias": True, "input_dim": None,
        "trainable": True,
    }
    config = [
        {"class_name": "Embedding", "config": {
            "name": "embedding_1", "input_dim": 6, "output_dim": 3, "init": "uniform",
            "input_length": None, "mask_zero": False, "batch_input_shape": [None, None],
            "input_dtype": "int32", "dropout": 0.0, "W_regularizer": None, "W_constraint": None,
            "activity_regularizer": None, "trainable": True}},
        {"class_name": "LSTM", "config": dict(
            recurrent, name="lstm_1", output_dim=4, forget_bias_init="one", input_dim=3)},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
        {"class_name": "GRU", "config": dict(recurrent, name="gru_1", output_dim=3, input_dim=4)},
        {"class_name": "TimeDistributed", "config": {
            "name": "timedistributed_1", "trainable": True,
            "layer": {"class_name": "Dense", "config": dense}}},
    ]
    table = random.normal(0, 0.5, (6, 3)).astype("float32")
    lstm, lstm_names = gated(random, "lstm_1", "icfo", 3, 4)
    gru, gru_names = gated(random, "gru_1", "zrh", 4, 3)
    W = random.normal(0, 0.5, (3, 2)).astype("float32")
    b = random.normal(0, 0.5, (2,)).astype("float32")
    with h5py.File(os.path.join(path, "model.h5"), "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": config}).encode()
        names = ["embedding_1", "lstm_1", "dropout_1", "gru_1", "timedistributed_1"]
        file.create_group("model_weights").attrs["layer_names"] = np.array(
            [n.encode() for n in names])
        group(file, "embedding_1", [("embedding_1_W", table)])
        group(file, "lstm_1", lstm_names)
        group(file, "dropout_1", [])
        group(file, "gru_1", gru_names)
        group(file, "timedistributed_1", [("dense_1_W", W), ("dense_1_b", b)])

    # The equations of Keras 1, in 64-bit floats.
    def pre(w, gate, x, h):
        return x @ w["W_" + gate] + h @ w["U_" + gate] + w["b_" + gate]

    h, c, g = np.zeros(4), np.zeros(4), np.zeros(3)
    ids, answers = [3, 0, 5, 1, 1, 4, 2, 0], []
    for id in ids:
        x = table[id].astype("float64")
        i, f, o = (sigmoid2(pre(lstm, gate, x, h)) for gate in "ifo")
        c = f * c + i * np.tanh(pre(lstm, "c", x, h))
        h = o * np.tanh(c)
        z, r = (sigmoid2(pre(gru, gate, h, g)) for gate in "zr")
        candidate = np.tanh(h @ gru["W_h"] + (r * g) @ gru["U_h"] + gru["b_h"])
        g = z * g + (1 - z) * candidate
        e = np.exp(g @ W + b)
        answers.append(e / e.sum())
    write_steps(path, np.array(ids), answers)


# HDF5 files that must be refused


def hdf5():
    """One weight of a small model is stored in a way that a reader must not follow."""
    path = folder("hdf5")
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "Dense", "config": {
            "name": "dense", "batch_input_shape": [None, None, 2], "units": 3,
            "activation": "linear", "use_bias": False}}]}}

    def write(name, kernel, keras_version="2.2.4"):
        with h5py.File(os.path.join(path, name + ".h5"), "w") as file:
            file.attrs["keras_version"] = keras_version
            file.attrs["model_config"] = json.dumps(config)
            layer = file.create_group("model_weights/dense")
            layer.attrs["weight_names"] = np.array([b"dense/kernel:0"])
            kernel(layer.create_group("dense"))

    values = np.arange(6).reshape(2, 3)
    write("float16", lambda g: g.create_dataset("kernel:0", data=values.astype("float16")))
    write("float64", lambda g: g.create_dataset("kernel:0", data=values.astype("float64")))
    write("int32", lambda g: g.create_dataset("kernel:0", data=values.astype("int32")))
    write("deflate", lambda g: g.create_dataset(
        "kernel:0", data=values.astype("float32"), compression="gzip", chunks=(1, 3)))
    write("big-endian", lambda g: g.create_dataset("kernel:0", data=values.astype(">f4")))
    write("text", lambda g: g.create_dataset("kernel:0", data=np.array([b"a", b"b"])))
    write("absent", lambda g: None)
    write("group", lambda g: g.create_group("kernel:0"))
    write("nan", lambda g: g.create_dataset("kernel:0", data=np.full((2, 3), np.nan, "f4")))
    write("keras4", lambda g: g.create_dataset("kernel:0", data=values.astype("f4")), "4.0.0")

    def soft(g):
        g.create_dataset("other", data=values.astype("float32"))
        g["kernel:0"] = h5py.SoftLink("/model_weights/dense/dense/other")

    def huge(g, **options):
        g.create_dataset("kernel:0", shape=(1 << 20, 1 << 20), dtype="float32", **options)

    def bomb(g):
        g.create_dataset("kernel:0", shape=(1 << 13, 1 << 13), dtype="float32",
                         chunks=(64, 64), compression="gzip")

    def virtual(g):
        layout = h5py.VirtualLayout(shape=(2, 3), dtype="float32")
        layout[:] = h5py.VirtualSource("float16.h5", "model_weights/dense/dense/kernel:0", (2, 3))
        g.create_virtual_dataset("kernel:0", layout)

    def outer(g):
        g["kernel:0"] = h5py.ExternalLink("float16.h5", "/model_weights/dense/dense/kernel:0")

    write("soft-link", soft)
    write("external-link", outer)
    write("external-data", lambda g: g.create_dataset(
        "kernel:0", shape=(2, 3), dtype="float32", external=[("generate.py", 0, 24)]))
    write("virtual", virtual)
    write("huge", lambda g: huge(g, chunks=(64, 64)))
    write("bomb", bomb)


if __name__ == "__main__":
    {"keras1": keras1, "keras2": keras2, "keras3": keras3, "hdf5": hdf5}[sys.argv[1]]()
