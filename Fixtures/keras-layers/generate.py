"""Writes Keras models of windows, branches and norms, and of weights alone, with Keras' own answers.

    KERAS_BACKEND=tensorflow python generate.py      # keras 3.15.1, tf_keras 2.21.0, tensorflow 2.21.0

steps.jsonl: y is the answer for the prefix x[0..t]; a step whose prefix fills no window has none.
"""

import json
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def folder(name):
    path = os.path.join(HERE, name)
    os.makedirs(path, exist_ok=True)
    return path


def numbers(values):
    return [float(str(np.float32(v))) for v in np.ravel(values)]


def randomize(model, random):
    values = []
    for weight in model.weights:
        value = np.asarray(random.normal(0, 0.5, tuple(weight.shape)))
        if "variance" in weight.name:
            value = np.abs(value) + 0.5
        values.append(value.astype("float32"))
    model.set_weights(values)


def write_steps(path, model, xs, first=0):
    with open(os.path.join(path, "steps.jsonl"), "w") as file:
        for t, x in enumerate(xs):
            line = {"t": t, "x": int(x) if np.ndim(x) == 0 else numbers(x)}
            if t >= first:
                y = np.asarray(model(np.asarray(xs[: t + 1])[None]))
                line["y"] = numbers(y[0, -1] if y.ndim == 3 else y[0])
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def vectors(random, steps, width):
    return random.normal(0, 1, (steps, width)).astype("float32")


def save(name, model, xs, first=0, legacy=True):
    path = folder(name)
    model.save(os.path.join(path, "model.keras"))
    if legacy:
        model.save(os.path.join(path, "model.h5"))
    write_steps(path, model, xs, first)


def windows(keras, random):
    L = keras.layers
    model = keras.Sequential([
        L.Input((None, 3)), L.Conv1D(5, 3, strides=2, activation="relu"),
        L.Conv1D(4, 2, dilation_rate=2, padding="valid"), L.MaxPooling1D(2, strides=1),
        L.GRU(4, return_sequences=True), L.Dense(2)])
    randomize(model, random)
    save("windows-each", model, vectors(random, 16, 3), first=8)
    model = keras.Sequential([
        L.Input((None, 3)), L.Conv1D(5, 3, strides=2, padding="causal", activation="tanh"),
        L.AveragePooling1D(3), L.LSTM(4), L.Dense(2, activation="softmax")])
    randomize(model, random)
    save("windows-last", model, vectors(random, 17, 3), first=4)
    # Windows of several sizes over a text, the greatest of each.
    i = L.Input((None,))
    x = L.Embedding(9, 4)(i)
    parts = [L.GlobalMaxPooling1D()(L.Conv1D(3, size, activation="relu")(x)) for size in (1, 2, 4)]
    x = L.Dense(3, activation="softmax")(L.Concatenate()(parts))
    model = keras.Model(i, x)
    randomize(model, random)
    save("windows-text", model, np.array([3, 8, 0, 1, 5, 2, 2, 7], "int32"), first=3)


def running(keras, random):
    L = keras.layers
    i = L.Input((None,))
    x = L.Embedding(7, 4, mask_zero=True)(i)
    x = L.LSTM(5, return_sequences=True)(x)
    x = L.GlobalAveragePooling1D()(x)
    x = L.Reshape((5,))(L.Flatten()(x))
    x = L.Dense(2)(x)
    model = keras.Model(i, x)
    randomize(model, random)
    save("mean-masked", model, np.array([3, 0, 0, 5, 1, 0, 2], "int32"))
    model = keras.Sequential([
        L.Input((None, 3)), L.SimpleRNN(4, return_sequences=True), L.GlobalMaxPooling1D()])
    randomize(model, random)
    save("maximum", model, vectors(random, 8, 3))


def branches(keras, random):
    L = keras.layers
    i = L.Input((None, 4))
    a = L.LSTM(6, return_sequences=True, name="a")(i)
    b = L.Conv1D(6, 3, padding="causal", name="b")(i)
    x = L.Add()([a, b])
    gate = L.Dense(6, activation="sigmoid")(x)
    x = L.Multiply()([x, gate])
    x = L.LayerNormalization()(L.Add()([x, a]))
    x = L.Concatenate()([x, i])
    x = L.GRU(5, return_sequences=True)(x)
    x = L.Maximum()([x, L.Dense(5)(x)])
    x = L.Subtract()([x, L.Dense(5, activation="tanh")(x)])
    x = L.Average()([x, L.Minimum()([x, L.Dense(5)(x)]), x])
    model = keras.Model(i, L.Dense(3)(x))
    randomize(model, random)
    save("branches", model, vectors(random, 10, 4))
    i = L.Input((None,))
    x = L.Embedding(7, 4, mask_zero=True)(i)
    y = L.GRU(4, return_sequences=True)(x)
    x = L.Add()([x, y])
    x = L.Concatenate()([L.LSTM(3)(x), L.SimpleRNN(2)(y)])
    model = keras.Model(i, L.Dense(3, activation="softmax")(x))
    randomize(model, random)
    save("branches-masked", model, np.array([0, 3, 0, 5, 1, 0, 2], "int32"), legacy=False)
    # The + and * of tensors are operations of their own.
    i = L.Input((None, 3))
    x = L.Dense(3)(i)
    x = L.GRU(3, return_sequences=True)(x + i * x)
    model = keras.Model(i, x)
    randomize(model, random)
    save("operations", model, vectors(random, 6, 3), legacy=False)


def stacks(keras, random):
    """Layers that a TimeDistributed wraps together."""
    L = keras.layers
    inner = keras.Sequential([L.Dense(5, activation="tanh"), L.BatchNormalization(), L.Dropout(0.2), L.Dense(4, use_bias=False), L.ReLU()])
    head = keras.Sequential([L.Dense(3), L.Dense(2, activation="softmax")])
    model = keras.Sequential([
        L.Input((None, 3)), L.Masking(), L.TimeDistributed(inner), L.GRU(4, return_sequences=True),
        L.TimeDistributed(keras.Sequential([L.Dense(3)])), L.TimeDistributed(head)])
    randomize(model, random)
    x = vectors(random, 9, 3)
    x[[0, 4]] = 0
    save("time-distributed-stacks", model, x)
    model.save_weights(os.path.join(folder("time-distributed-stacks"), "model.weights.h5"))
    with open(os.path.join(folder("time-distributed-stacks"), "model.json"), "w") as file:
        file.write(model.to_json())


def norms(keras, random):
    L = keras.layers
    adapted = L.Normalization()
    adapted.adapt(random.normal(30, 4, (50, 3)).astype("float32"))
    whole = L.Normalization(axis=None)
    whole.adapt(random.normal(1, 2, (50, 3)).astype("float32"))
    model = keras.Sequential([
        L.Input((None, 3)), adapted, L.Rescaling(0.5, offset=0.25),
        L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.5, 2.5, 0.5], invert=True),
        L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.5, 2.5, 0.5]), whole,
        L.RMSNormalization(epsilon=0.01), L.GRU(4, return_sequences=True), L.RMSNormalization()])
    for layer in model.layers:
        if type(layer).__name__ in ("GRU", "RMSNormalization"):
            layer.set_weights([random.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    save("norms", model, (vectors(random, 7, 3) * 4 + 30).astype("float32"))


def words(keras, random):
    """Text goes in; x is the id that the model's own first layer gives for the step's token."""
    L = keras.layers

    def case(name, front, shape, size, tokens, text, **options):
        model = keras.Sequential([
            keras.Input(shape, dtype="string"), front, L.Embedding(size, 3, **options),
            L.GRU(4, return_sequences=True), L.Dense(2)])
        for layer in model.layers[1:]:
            layer.set_weights([random.normal(0, 0.5, w.shape) for w in layer.get_weights()])
        path = folder(name)
        model.save(os.path.join(path, "model.keras"))
        with open(os.path.join(path, "steps.jsonl"), "w") as file:
            for t in range(len(tokens)):
                given = keras.ops.convert_to_tensor(text(tokens[: t + 1]))
                ids = np.asarray(front(given)).reshape(-1)
                assert len(ids) == t + 1
                line = {"t": t, "x": int(ids[-1]), "y": numbers(np.asarray(model(given))[0, -1])}
                file.write(json.dumps(line, separators=(",", ":")) + "\n")

    tokens = ["Hello,", "blue", "sky", "unheard", "of", "sky!"]
    front = L.TextVectorization()
    front.adapt(["hello sky", "blue sky", "out of the blue"])
    case("text-words", front, (1,), front.vocabulary_size(), tokens,
         lambda some: [[" ".join(some)]], mask_zero=True)
    front = L.TextVectorization(split="character", standardize="lower")
    front.adapt(["hello sky", "blue sky"])
    case("text-characters", front, (), front.vocabulary_size(), list("Blue hat"),
         lambda some: ["".join(some)])
    front = L.StringLookup(vocabulary=["red", "green", "blue"], mask_token="")
    case("lookup-given", front, (None,), 5, ["green", "red", "white", "blue"],
         lambda some: [some])
    front = L.StringLookup()
    front.adapt(["red", "green", "red"])
    case("lookup-adapted", front, (None,), 3, ["green", "red", "white"], lambda some: [some])


def weights_alone(keras, random):
    L = keras.layers
    model = keras.Sequential([
        L.Input((None, 3)), L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
        L.TimeDistributed(L.Dense(3)), L.GRU(4, return_sequences=True)])
    randomize(model, random)
    path = folder("weights-keras3")
    model.save_weights(os.path.join(path, "model.weights.h5"))
    with open(os.path.join(path, "model.layers.json"), "w") as file:
        file.write(model.to_json())
    write_steps(path, model, vectors(random, 8, 3))

    import tf_keras

    L = tf_keras.layers
    model = tf_keras.Sequential([
        L.Input((None, 3)), L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
        L.TimeDistributed(L.Dense(3)), L.GRU(4, return_sequences=True)])
    randomize(model, random)
    path = folder("weights-keras2")
    model.save_weights(os.path.join(path, "model.h5"))
    with open(os.path.join(path, "model.json"), "w") as file:
        file.write(model.to_json())
    write_steps(path, model, vectors(random, 8, 3))


def cudnn(random):
    """Keras' own conversion writes the layout that CuDNNLSTM and CuDNNGRU saved."""
    import tf_keras
    from tf_keras.src.saving.legacy import hdf5_format

    L = tf_keras.layers
    model = tf_keras.Sequential([
        L.Input((None, 3)), L.LSTM(4, return_sequences=True, name="lstm"),
        L.GRU(5, return_sequences=True, name="gru")])
    randomize(model, random)
    path = folder("weights-cudnn")
    write_steps(path, model, vectors(random, 8, 3))
    with open(os.path.join(path, "model.json"), "w") as file:
        file.write(model.to_json())
    model.save_weights(os.path.join(path, "model.h5"))
    with h5py.File(os.path.join(path, "model.h5"), "r+") as file:
        for name, kind in [("lstm", "CuDNNLSTM"), ("gru", "CuDNNGRU")]:
            saved = [str(n) for n in file[name].attrs["weight_names"]]
            target = type(kind, (), {})()
            converted = hdf5_format._convert_rnn_weights(
                target, [file[name][n][()] for n in saved])
            for n, value in zip(saved, converted):
                del file[name][n]
                file[name].create_dataset(n, data=value)
    again = tf_keras.models.model_from_json(model.to_json())
    again.load_weights(os.path.join(path, "model.h5"))
    for a, b in zip(model.get_weights(), again.get_weights()):
        assert np.allclose(a, b, atol=1e-6)


def refused(keras):
    L = keras.layers
    path = folder("refused")

    def case(name, *layers, width=3, **options):
        model = keras.Sequential([L.Input((None, width)), *layers])
        model.save(os.path.join(path, name + ".keras"))

    case("conv-same", L.Conv1D(2, 3, padding="same"))
    case("pool-same", L.MaxPooling1D(2, padding="same"))
    case("mean-keepdims", L.GlobalAveragePooling1D(keepdims=True))
    case("conv-groups", L.Conv1D(3, 2, padding="causal", groups=3))
    fixed = keras.Sequential([L.Input((4, 3)), L.Flatten()])
    fixed.save(os.path.join(path, "flatten-steps.keras"))
    fixed = keras.Sequential([L.Input((4, 3)), L.Reshape((2, 6))])
    fixed.save(os.path.join(path, "reshape-steps.keras"))
    fixed = keras.Sequential([L.Input((4, 3)), L.Permute((2, 1))])
    fixed.save(os.path.join(path, "permute.keras"))
    i = L.Input((None, 3))
    keras.Model(i, L.Concatenate(axis=1)([i, L.Dense(3)(i)])).save(
        os.path.join(path, "concatenate-steps.keras"))
    i = L.Input((None, 3))
    x = L.GRU(3)(i)
    keras.Model(i, L.Add()([i, x])).save(os.path.join(path, "add-last.keras"))
    i = L.Input((6, 3))
    x = L.Conv1D(3, 2)(i)
    y = L.MaxPooling1D(2, strides=1)(i)
    keras.Model(i, L.Add()([x, y])).save(os.path.join(path, "add-other-steps.keras"))
    front = L.TextVectorization(output_sequence_length=5, vocabulary=["a", "b"])
    keras.Sequential([L.Input((1,), dtype="string"), front, L.Embedding(4, 2), L.GRU(2)]).save(
        os.path.join(path, "text-padded.keras"))
    front = L.StringLookup(vocabulary=["a", "b"], num_oov_indices=3)
    keras.Sequential([L.Input((None,), dtype="string"), front, L.Embedding(5, 2)]).save(
        os.path.join(path, "lookup-hashed.keras"))
    # Keras takes the mask away here, without a word in the file.
    case("mask-rms", L.Masking(), L.RMSNormalization(), L.GRU(2))
    case("mask-reshape", L.Masking(), L.Reshape((-1, 3)), L.GRU(2))
    i = L.Input((None,))
    x = L.Embedding(5, 3, mask_zero=True)(i)
    model = keras.Model(i, L.GRU(2)(L.Dense(3)(x) + x))
    model.save(os.path.join(path, "mask-operation.keras"))
    model.save(os.path.join(path, "mask-operation.h5"))
    i = L.Input((None, 3))
    keras.Model(i, [L.Dense(2)(i), L.Dense(2)(i)]).save(os.path.join(path, "two-outputs.keras"))


def options(keras, random):
    """Options of recurrent layers that change nothing here, and those that are refused."""
    L = keras.layers
    # The batch and the steps are fixed, as `stateful` and `unroll` need them.
    model = keras.Sequential([
        L.Input(batch_shape=(1, 6, 3)),
        L.LSTM(4, return_sequences=True, stateful=True),
        L.GRU(3, return_sequences=True, unroll=True, reset_after=False),
        L.SimpleRNN(2, return_sequences=True, stateful=True, unroll=True)])
    randomize(model, random)
    path = folder("stateful-unrolled")
    model.save(os.path.join(path, "model.keras"))
    model.save(os.path.join(path, "model.h5"))
    xs = vectors(random, 6, 3)
    model.reset_states() if hasattr(model, "reset_states") else [l.reset_states() for l in model.layers if hasattr(l, "reset_states")]
    answers = np.asarray(model(xs[None]))[0]
    with open(os.path.join(path, "steps.jsonl"), "w") as file:
        for t, x in enumerate(xs):
            file.write(json.dumps({"t": t, "x": numbers(x), "y": numbers(answers[t])}, separators=(",", ":")) + "\n")

    path = folder("refused")

    def case(name, *layers):
        keras.Sequential([L.Input((None, 3)), *layers]).save(os.path.join(path, name + ".keras"))

    for name in ("SimpleRNN", "GRU", "LSTM"):
        case("go-backwards-" + name.lower(), getattr(L, name)(2, return_sequences=True, go_backwards=True))
    case("bidirectional", L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum"))
    case("time-distributed-rnn", L.TimeDistributed(L.Reshape((3, 1))), L.TimeDistributed(L.LSTM(2)))
    case("prelu", L.PReLU(shared_axes=[1]))
    case("float16", L.GRU(2, dtype="float16"))
    case("model-inside", keras.Sequential([L.Input((None, 3)), L.GRU(2)], name="inside"))
    i = L.Input((None, 3))
    x, h = L.GRU(2, return_sequences=True, return_state=True)(i)
    keras.Model(i, x).save(os.path.join(path, "return-state.keras"))
    i = L.Input((None, 4))
    keras.Model(i, L.MultiHeadAttention(1, 2)(i, i)).save(os.path.join(path, "attention.keras"))

    import tf_keras
    for name in ("SimpleRNN", "GRU", "LSTM"):
        layer = getattr(tf_keras.layers, name)(2, return_sequences=True, time_major=True)
        tf_keras.Sequential([tf_keras.layers.Input((None, 3)), layer]).save(os.path.join(path, f"time-major-{name.lower()}.h5"))


if __name__ == "__main__":
    import keras

    windows(keras, np.random.default_rng(51))
    running(keras, np.random.default_rng(52))
    branches(keras, np.random.default_rng(53))
    norms(keras, np.random.default_rng(54))
    weights_alone(keras, np.random.default_rng(55))
    cudnn(np.random.default_rng(56))
    refused(keras)
    words(keras, np.random.default_rng(57))
    options(keras, np.random.default_rng(58))
    stacks(keras, np.random.default_rng(59))
