#!/usr/bin/env python3
"""Draws stacks of layers with odd sizes and options, and compares `millrace model run` with Keras and PyTorch, step by step.

Usage: python check.py MILLRACE [--count 200] [--seed 1] [--kind keras|torch|both]      (needs keras, tensorflow-cpu, numpy; torch for its half)

Prints each seed; one seed makes one model. Exits with 1 when a model's answers are outside the tolerance or the file is refused.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import numpy as np

ABSOLUTE, RELATIVE, STEPS = 2e-5, 2e-4, 12
ACTIVATIONS = ["tanh", "relu", "sigmoid", "elu", "selu", "softplus", "softsign", "hard_sigmoid", "gelu", "silu", "linear",
               "exponential", "leaky_relu", "relu6", "mish"]


def perturb(weights, random):
    """Weights that are not an initializer's zeros and ones; variances stay positive."""
    return [np.abs(w) + random.uniform(0.1, 0.4, w.shape).astype(np.float32) if "variance" in name
            else w + random.normal(0, 0.15, w.shape).astype(np.float32) for name, w in weights]


def keras_model(random, folder):
    import keras

    def units():
        return int(random.integers(1, 40))

    def chance(share=0.5):
        return bool(random.random() < share)

    def recurrent():
        kind = random.choice(["SimpleRNN", "LSTM", "GRU"])
        options = {"use_bias": chance(0.8), "return_sequences": True, "activation": str(random.choice(ACTIVATIONS[:10]))}
        if chance(0.6):
            options["activation"] = "tanh"
        if kind != "SimpleRNN":
            options["recurrent_activation"] = str(random.choice(["sigmoid", "sigmoid", "hard_sigmoid"]))
        if kind == "GRU":
            options["reset_after"] = chance()
        if kind == "LSTM":
            options["unit_forget_bias"] = chance()
        if chance(0.2):
            options["dropout"] = 0.3
        return getattr(keras.layers, kind)(units(), **options)

    tokens = chance(0.4)
    if tokens:
        vocabulary = int(random.integers(3, 50))
        layers = [keras.layers.Input((None,), dtype="int32"), keras.layers.Embedding(vocabulary, units(), mask_zero=chance(0.3))]
    else:
        vocabulary, width = 0, int(random.integers(1, 12))
        layers = [keras.layers.Input((None, width))]
        if chance(0.2):
            layers.append(keras.layers.Masking(mask_value=0.0))
    masked = not tokens and len(layers) == 2 or tokens and layers[1].mask_zero
    for _ in range(int(random.integers(1, 5))):
        roll = random.random()
        if roll < 0.5:
            layers.append(recurrent())
        elif roll < 0.6 and not masked:
            layers.append(keras.layers.Conv1D(units(), int(random.integers(1, 5)), padding="causal",
                                              dilation_rate=int(random.integers(1, 4)), activation=str(random.choice(ACTIVATIONS)),
                                              use_bias=chance()))
        elif roll < 0.7:
            layers.append(keras.layers.Dense(units(), activation=str(random.choice(ACTIVATIONS)), use_bias=chance()))
        elif roll < 0.8:
            layers.append(keras.layers.LayerNormalization(center=chance(), scale=chance()))
        elif roll < 0.9:
            layers.append(keras.layers.BatchNormalization(center=chance(), scale=chance()))
        else:
            layers.append(keras.layers.Dropout(0.4))
    layers.append(recurrent())
    last = chance(0.4)
    if last:
        layers[-1].return_sequences = False
    if chance(0.7):
        layers.append(keras.layers.Dense(int(random.integers(2, 9)), activation=str(random.choice(["softmax", "linear", "sigmoid"]))))
    model = keras.Sequential(layers)
    model.set_weights(perturb([(w.path, w.numpy()) for w in model.weights], random))
    path = folder / random.choice(["model.keras", "model.h5"])
    model.save(path)
    if tokens:
        x = random.integers(0, vocabulary, (1, STEPS)).astype(np.int32)
    else:
        x = random.normal(0, 1, (1, STEPS, width)).astype(np.float32)
        if masked:
            x[:, random.random(STEPS) < 0.3] = 0
    if last:
        y = [np.asarray(model(x[:, :t + 1], training=False))[0] for t in range(STEPS)]
    else:
        y = list(np.asarray(model(x, training=False))[0])
    return path, [], x[0], y, [layer.__class__.__name__ for layer in model.layers]


def torch_model(random, folder):
    import torch

    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Clients" / "python"))
    from millrace.export_torch import save_torch

    torch.manual_seed(int(random.integers(1 << 30)))
    width = int(random.integers(1, 12))
    tokens = random.random() < 0.4
    vocabulary = int(random.integers(3, 50))
    layers = [torch.nn.Embedding(vocabulary, width)] if tokens else []
    for _ in range(int(random.integers(1, 3))):
        kind = random.choice(["RNN", "LSTM", "GRU"])
        units = int(random.integers(2, 40))
        options = {"num_layers": int(random.integers(1, 4)), "bias": bool(random.random() < 0.8), "batch_first": True}
        if kind == "RNN":
            options["nonlinearity"] = str(random.choice(["tanh", "relu"]))
        projected = kind == "LSTM" and random.random() < 0.3 and units > 2
        if projected:
            options["proj_size"] = int(random.integers(1, units))
        layers.append(getattr(torch.nn, kind)(width, units, **options))
        width = options.get("proj_size", units)
        if random.random() < 0.3:
            layers.append(torch.nn.LayerNorm(width))
    layers.append(torch.nn.Linear(width, int(random.integers(2, 9))))
    if random.random() < 0.5:
        layers.append(torch.nn.Softmax(dim=-1))
    module = torch.nn.Sequential(*layers).eval()
    path = folder / "model.safetensors"
    save_torch(module, str(path))
    first = layers[0].embedding_dim if tokens else layers[0].input_size
    x = random.integers(0, vocabulary, STEPS) if tokens else random.normal(0, 1, (STEPS, first)).astype(np.float32)
    with torch.no_grad():
        y = torch.as_tensor(x)[None]
        for layer in layers:
            y = layer(y)
            y = y[0] if isinstance(y, tuple) else y
    return path, [], x, list(y[0].numpy()), [layer.__class__.__name__ for layer in layers]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millrace")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=["keras", "torch", "both"], default="both")
    options = parser.parse_args()
    worst, failures = 0.0, 0
    for seed in range(options.seed, options.seed + options.count):
        random = np.random.default_rng(seed)
        kind = options.kind if options.kind != "both" else ["keras", "torch"][seed % 2]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path, extra, x, y, layers = (keras_model if kind == "keras" else torch_model)(random, folder)
            steps = folder / "steps.jsonl"
            steps.write_text("".join(json.dumps({"t": t, "x": v.tolist()}) + "\n" for t, v in enumerate(x)))
            run = subprocess.run([options.millrace, "model", "run", path, "--input", steps, *extra], capture_output=True, text=True)
            rows = [np.array(json.loads(line)["y"], np.float64) for line in run.stdout.splitlines()]
        name = f"seed {seed} {kind} {path.name}: {' '.join(layers)}"
        if run.returncode or len(rows) != len(y):
            print(f"FAILED {name}: {run.stderr.strip() or f'{len(rows)} rows, expected {len(y)}'}")
            failures += 1
            continue
        wanted = np.array(y, np.float64)
        if not np.isfinite(wanted).all() or np.abs(wanted).max() > 1e4:
            print(f"passed over {name}: its own answers grow beyond 1e4")
            continue
        difference = np.abs(np.array(rows) - wanted)
        worst = max(worst, float(difference.max()))
        if not np.all(difference <= ABSOLUTE + RELATIVE * np.abs(wanted)):
            print(f"FAILED {name}: differs by {difference.max():.3g} at step {int(difference.max(axis=1).argmax())}")
            failures += 1
    print(f"{options.count} models from seed {options.seed}: {failures} failed, largest difference {worst:.3g}")
    sys.exit(1 if failures else 0)


main()
