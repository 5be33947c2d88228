"""Writes one network through every exporter: the same weights, and one list of answers.

    KERAS_BACKEND=tensorflow python generate.py     # keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0, torch 2.13.0 (CPU), onnx, h5py

Two networks, each an embedding of tokens, a recurrent layer and a softmax over classes at every step: `lstm` and `gru`. Keras makes them; a
PyTorch module is given the same weights, turned into its order of gates. The answers are Keras' own; PyTorch's are compared with them here.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "Clients/python"))
from millrace.export_torch import save_torch

TOKENS, WIDTH, UNITS, CLASSES = 11, 5, 6, 4
STEPS = np.array([[3, 0, 10, 5, 5, 2, 7, 1, 9, 4, 8, 6]], np.int32)


def keras_model(kind):
    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[kind](UNITS, return_sequences=True, name="recurrent")
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(TOKENS, WIDTH, name="embedding"), layer,
                              keras.layers.Dense(CLASSES, activation="softmax", name="classes")], name=kind)
    draw = np.random.default_rng(len(kind))
    model.set_weights([draw.normal(0, 0.6, w.shape).astype(np.float32) for w in model.weights])
    return model


class Network(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embedding = torch.nn.Embedding(TOKENS, WIDTH)
        self.recurrent = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](WIDTH, UNITS, batch_first=True)
        self.classes = torch.nn.Linear(UNITS, CLASSES)
        self.softmax = torch.nn.Softmax(-1)

    def forward(self, tokens):
        return self.softmax(self.classes(self.recurrent(self.embedding(tokens))[0]))


def torch_model(kind, model):
    """Keras' gates are i f c o and z r h; PyTorch's are i f g o and r z n. Its GRU keeps h by z as Keras' does."""
    embedding, kernel, recurrent, bias, head, head_bias = [np.asarray(w) for w in model.weights]
    order = [0, 1, 2, 3] if kind == "lstm" else [1, 0, 2]

    def turned(weights):
        return np.concatenate([np.split(weights, len(order), axis=-1)[g] for g in order], axis=-1).T.copy()

    both = (bias, np.zeros_like(bias)) if kind == "lstm" else (bias[0], bias[1])
    network = Network(kind)
    state = {"embedding.weight": embedding, "recurrent.weight_ih_l0": turned(kernel), "recurrent.weight_hh_l0": turned(recurrent),
             "recurrent.bias_ih_l0": turned(both[0]), "recurrent.bias_hh_l0": turned(both[1]), "classes.weight": head.T.copy(),
             "classes.bias": head_bias}
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()})
    return network.eval()


def main():
    for kind in ("lstm", "gru"):
        folder = HERE / kind
        folder.mkdir(exist_ok=True)
        model = keras_model(kind)
        answers = np.asarray(model(STEPS))[0]
        with open(folder / "steps.jsonl", "w") as file:
            for t, (token, row) in enumerate(zip(STEPS[0], answers)):
                line = {"t": t, "x": int(token), "y": [float(str(v)) for v in row]}
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        model.save(folder / "keras.keras")
        model.save(folder / "keras.h5")
        model.save_weights(folder / "keras.weights.h5")
        (folder / "keras.layers.json").write_text(model.to_json())
        with tempfile.TemporaryDirectory() as scratch:
            model.export(f"{scratch}/m.onnx", format="onnx", verbose=False)
            onnx.save(onnx.load(f"{scratch}/m.onnx"), folder / "keras-export.onnx")
        spec = [tf.TensorSpec([None, None], tf.int32)]
        function = tf.function(lambda v: model(v, training=False), input_signature=spec)
        onnx.save(tf2onnx.convert.from_function(function, input_signature=spec, opset=17)[0], folder / "tf2onnx.onnx")

        network = torch_model(kind, model)
        tokens = torch.from_numpy(STEPS.astype(np.int64))
        with torch.no_grad():
            assert np.allclose(network(tokens)[0].numpy(), answers, atol=2e-6), kind
        save_torch(network, str(folder / "torch.safetensors"), tokens)
        torch.onnx.export(network, (tokens,), folder / "torch-script.onnx", dynamo=False, input_names=["x"], opset_version=20,
                          dynamic_axes={"x": {1: "t"}})
        torch.onnx.export(network, (tokens,), folder / "torch-dynamo.onnx", dynamo=True, external_data=False,
                          dynamic_shapes=({1: torch.export.Dim("t", min=2)},), verbose=False)
        print(kind, sorted(path.name for path in folder.iterdir()))


main()
