#!/usr/bin/env python3
"""Writes a model of an LSTM and a GRU, and what Keras answers when both begin with given states.

    KERAS_BACKEND=tensorflow python generate.py      # keras 3.15.1, tensorflow 2.21.0
"""

import json
import os

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, WIDTH = 6, 3
keras.utils.set_random_seed(61)
random = np.random.default_rng(61)

lstm = keras.layers.LSTM(5, return_sequences=True, name="lstm")
gru = keras.layers.GRU(4, return_sequences=True, name="gru")
dense = keras.layers.Dense(2, name="out")
model = keras.Sequential([keras.Input((None, WIDTH)), lstm, keras.layers.BatchNormalization(name="norm"), gru, dense])
for weight in model.weights:
    value = random.normal(0, 0.5, tuple(weight.shape))
    weight.assign(np.abs(value) + 0.5 if "variance" in weight.name else value)
model.save(os.path.join(HERE, "model.keras"))


def answers(rows, state):
    """One call over all steps; `state` is h and c of the LSTM and h of the GRU."""
    h, c, g = (np.float32(row)[None] for row in state)
    y = lstm(rows[None], initial_state=[h, c])
    return np.asarray(dense(gru(model.get_layer("norm")(y, training=False), initial_state=g)))[0]


def lines(name, rows):
    with open(os.path.join(HERE, name), "w") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


inputs, expected = [], []
for stream in ("given", "zeros", "far"):
    rows = random.normal(0, 1, (STEPS, WIDTH)).astype("float32")
    scale = {"given": 1, "zeros": 0, "far": 3}[stream]
    state = [(scale * random.normal(0, 1, n)).astype("float32") for n in (5, 5, 4)]
    for t, (row, output) in enumerate(zip(rows, answers(rows, state))):
        line = {"stream": stream, "values": row.tolist()}
        if t == 0 and stream != "zeros":
            line["state"] = [part.tolist() for part in state]
        if t == STEPS - 1:
            line["end"] = True
        inputs.append(line)
        expected.append({"stream": stream, "number": t, "values": output.tolist()})
# A state given is one that a model of zeros would not answer.
assert np.abs(answers(rows, state) - np.asarray(model(rows[None]))[0]).max() > 0.1
lines("input.jsonl", inputs)
lines("expected.jsonl", expected)
