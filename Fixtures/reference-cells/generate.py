#!/usr/bin/env python3
"""Writes cells.json: small Keras models with their weights, inputs and Keras' answers.

Usage:  KERAS_BACKEND=tensorflow python generate.py
Needs:  keras 3, tensorflow (CPU), numpy. See PROVENANCE.md for the versions used.

Answers come from running Keras on prefixes of the sequence: answer t is the last row (or the only
row) that Keras gives for x[0..t]. One-to-many: the rows for the whole sequence.
"""
import json
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np
from keras import activations, layers as L, ops

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20240611


def numbers(a):
    """Floats as the shortest decimals that read back to the same float32; nested lists."""
    a = np.asarray(a)
    if a.dtype.kind != "f":
        return a.tolist()
    if a.ndim == 0:
        return float(np.format_float_scientific(np.float32(a), unique=True))
    return [numbers(v) for v in a]


def activation_name(function):
    return function if isinstance(function, str) else activations.serialize(function)


def describe(layer):
    """A layer as the tests read it: kind, options, weights by their Keras names."""
    while layer.__class__.__name__ == "TimeDistributed":
        layer = layer.layer
    kind = layer.__class__.__name__
    config = layer.get_config()
    spec = {"kind": kind, "name": layer.name}
    for key in ("units", "activation", "recurrent_activation", "reset_after", "return_sequences",
                "mask_zero", "mask_value", "epsilon", "dilation_rate", "n"):
        if key in config:
            value = config[key]
            if key == "dilation_rate":
                value = value[0] if isinstance(value, (list, tuple)) else value
            spec[key] = value
    if kind in ("SimpleRNN", "GRU", "LSTM"):
        spec["zero_output_for_mask"] = bool(getattr(layer, "zero_output_for_mask", False))
    spec["weights"] = {}
    for weight in layer.weights:
        if "seed" in weight.path:
            continue
        value = ops.convert_to_numpy(weight.value)
        spec["weights"][weight.path.split("/")[-1]] = {
            "shape": list(value.shape), "values": numbers(value.ravel())}
    return spec


def streamed_layers(model):
    return [l for l in model.layers if l.__class__.__name__ not in ("InputLayer", "Dropout")]


def randomise(model, rng):
    """No weight keeps a 0 or 1 it started with, so that a swapped or forgotten one shows."""
    for w in model.weights:
        if "seed" in w.path:
            continue
        if "moving_variance" in w.path:
            v = rng.uniform(0.4, 2.5, w.shape)
        elif "gamma" in w.path:
            v = rng.uniform(0.5, 1.5, w.shape)
        elif "kernel" in w.path:
            v = rng.normal(0, 1.3 / np.sqrt(max(1, int(np.prod(w.shape[:-1])))), w.shape)
        else:
            v = rng.normal(0, 0.3, w.shape)
        w.assign(np.round(v, 3).astype(np.float32))


def case(name, model, x, mode):
    randomise(model, np.random.default_rng(SEED))
    run = lambda v: ops.convert_to_numpy(model(v[None], training=False))[0]
    if mode == "many_to_many":
        answers = [run(x[: t + 1])[-1] for t in range(len(x))]
    elif mode == "many_to_one":
        answers = [run(x[: t + 1]) for t in range(len(x))]
    else:
        answers = list(run(x))
    streamed = streamed_layers(model)
    if x.dtype.kind == "i":
        inputs = {"tokens": int(streamed[0].input_dim), "ids": x.tolist()}
    else:
        inputs = {"width": int(x.shape[1]), "rows": numbers(x)}
    return {"name": name, "mode": mode, "input": inputs,
            "layers": [describe(l) for l in streamed], "answers": numbers(np.stack(answers))}


def rows(seed, steps, width):
    values = np.random.default_rng(seed).normal(0, 1, (steps, width))
    return np.round(values, 3).astype(np.float32)


def sequential(*stack):
    return keras.Sequential(list(stack))


def cases():
    I, many, one = keras.Input, "many_to_many", "many_to_one"
    masked = np.where(np.array([1, 0, 1, 0, 1, 1, 0])[:, None] == 1, np.float32(-1), rows(8, 7, 3))
    ids = np.array([0, 0, 3, 5, 0, 1, 6, 0], np.int32)
    yield case("simple_rnn", sequential(I((None, 3)), L.SimpleRNN(4, return_sequences=True)), rows(1, 8, 3), many)
    yield case("simple_rnn_relu_no_bias", sequential(
        I((None, 3)), L.SimpleRNN(4, activation="relu", use_bias=False, return_sequences=True)), rows(2, 8, 3), many)
    yield case("gru_reset_after", sequential(I((None, 3)), L.GRU(4, return_sequences=True)), rows(3, 9, 3), many)
    yield case("gru_reset_before", sequential(
        I((None, 3)), L.GRU(4, reset_after=False, return_sequences=True)), rows(4, 9, 3), many)
    yield case("gru_no_bias_last", sequential(I((None, 2)), L.GRU(3, use_bias=False), L.Dense(2)), rows(5, 6, 2), one)
    yield case("gru_before_no_bias_odd_activations", sequential(
        I((None, 2)), L.GRU(3, use_bias=False, reset_after=False, activation="softsign",
                            recurrent_activation="hard_sigmoid", return_sequences=True)), rows(5, 6, 2), many)
    yield case("lstm", sequential(I((None, 3)), L.LSTM(4, return_sequences=True)), rows(6, 10, 3), many)
    yield case("lstm_no_bias_last", sequential(
        I((None, 3)), L.LSTM(4, use_bias=False), L.Dense(1, activation="sigmoid")), rows(7, 6, 3), one)
    yield case("lstm_odd_activations", sequential(
        I((None, 3)), L.LSTM(4, activation="elu", recurrent_activation="softmax", return_sequences=True)), rows(7, 6, 3), many)
    yield case("lstm_hard_sigmoid", sequential(
        I((None, 3)), L.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True)), rows(7, 6, 3) * 3, many)
    yield case("conv_dilated", sequential(
        I((None, 2)), L.Conv1D(3, 3, padding="causal", dilation_rate=2, activation="relu")), rows(9, 9, 2), many)
    yield case("conv_plain_no_bias", sequential(I((None, 2)), L.Conv1D(3, 2, padding="causal", use_bias=False)), rows(10, 5, 2), many)
    yield case("batch_normalization", sequential(I((None, 3)), L.BatchNormalization()), rows(11, 4, 3), many)
    yield case("batch_normalization_bare", sequential(
        I((None, 3)), L.BatchNormalization(scale=False, center=False, epsilon=0.25)), rows(12, 4, 3), many)
    yield case("layer_normalization", sequential(I((None, 19)), L.LayerNormalization()), rows(13, 3, 19) + 2, many)
    yield case("layer_normalization_bare", sequential(
        I((None, 3)), L.LayerNormalization(scale=False, center=False, epsilon=0.25)), rows(14, 4, 3), many)
    yield case("embedding_mask", sequential(
        I((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True), L.LSTM(4, return_sequences=True), L.Dense(2, activation="softmax")), ids, many)
    yield case("embedding_mask_last", sequential(
        I((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True), L.GRU(4), L.Dense(2)), ids, one)
    yield case("embedding_mask_two_layers", sequential(
        I((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True), L.GRU(3, return_sequences=True),
        L.LayerNormalization(), L.SimpleRNN(2, return_sequences=True)), ids, many)
    zeroing = L.GRU(3, return_sequences=True)
    zeroing.zero_output_for_mask = True
    yield case("masking_zero_output", sequential(I((None, 3)), L.Masking(-1.0), zeroing, L.Dense(2)), masked, many)
    last = L.LSTM(3)
    last.zero_output_for_mask = True
    yield case("masking_zero_output_last", sequential(I((None, 3)), L.Masking(-1.0), last), masked, one)
    yield case("masking", sequential(I((None, 3)), L.Masking(-1.0), L.SimpleRNN(3, return_sequences=True)), masked, many)
    yield case("stacked", sequential(
        I((None, 3)), L.BatchNormalization(), L.LSTM(4, return_sequences=True), L.Activation("gelu"),
        L.GRU(3, return_sequences=True), L.SimpleRNN(2, return_sequences=True)), rows(15, 8, 3), many)
    yield case("repeat_vector", sequential(
        I((None, 2)), L.GRU(3, return_sequences=True), L.LSTM(4), L.Dense(3, activation="tanh"), L.RepeatVector(4),
        L.Conv1D(3, 2, padding="causal"), L.LSTM(3, return_sequences=True), L.TimeDistributed(L.Dense(2))), rows(16, 5, 2), "one_to_many")


def activation_table():
    x = np.concatenate([np.linspace(-9, 9, 37), [-40, -20, -0.01, -1e-3, 1e-3, 0.01, 20, 40]]).astype(np.float32)
    plain = ["linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "relu6", "leaky_relu", "elu", "selu", "celu",
             "softplus", "softsign", "exponential", "silu", "hard_silu", "mish", "hard_tanh", "tanh_shrink",
             "soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "log_sigmoid", "softmax", "log_softmax"]
    entries = [(name, {}) for name in plain]
    entries += [("gelu", {"approximate": False}), ("gelu", {"approximate": True}), ("threshold", {"threshold": 0.5, "default_value": -2.0}),
                ("relu", {"max_value": 4.0}), ("relu", {"negative_slope": 0.25, "max_value": 5.0, "threshold": 1.5}),
                ("relu", {"negative_slope": 0.5, "threshold": -1.0}), ("relu", {"threshold": -1.0, "max_value": 3.0}),
                ("elu", {"alpha": 0.5}), ("celu", {"alpha": 2.0}), ("leaky_relu", {"negative_slope": 0.05})]
    for name, options in entries:
        y = ops.convert_to_numpy(getattr(activations, name)(ops.convert_to_tensor(x[None]), **options))[0]
        yield {"name": name, "options": options, "x": numbers(x), "y": numbers(y)}


if __name__ == "__main__":
    keras.utils.set_random_seed(SEED)
    document = {"keras": keras.__version__, "backend": keras.backend.backend(),
                "cases": list(cases()), "activations": list(activation_table())}
    with open(os.path.join(HERE, "cells.json"), "w") as out:
        # One case or one activation a line.
        out.write('{"keras": %s, "backend": %s,\n"cases": [\n' % (json.dumps(document["keras"]), json.dumps(document["backend"])))
        out.write(",\n".join(json.dumps(c, allow_nan=False) for c in document["cases"]))
        out.write('\n],\n"activations": [\n')
        out.write(",\n".join(json.dumps(a, allow_nan=False) for a in document["activations"]))
        out.write("\n]}\n")
