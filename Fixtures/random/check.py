#!/usr/bin/env python3
"""Draws models with odd sizes and options, and compares `millrace model run` with Keras, PyTorch and onnxruntime, step by step.

Usage: python check.py MILLRACE [--count 200] [--seed 1] [--kind keras|torch|onnx|all]
(needs numpy, and of keras with tensorflow-cpu, torch, onnx with onnxruntime what --kind asks for)

Prints a line for each seed; one seed makes one model. Exits with 1 when a model's answers are outside the tolerance or the file is
refused. A model whose own answers grow beyond 1e4, or change much with the last bit of an input, is passed over, and another is drawn in
its place from the seed behind the last.
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

ABSOLUTE, RELATIVE, MOST = 2e-5, 2e-4, 1e4
KINDS = ["keras", "torch", "onnx"]


def draw(kind, seed, folder):
    random = np.random.default_rng(seed)
    if kind == "keras":
        from keras_models import keras_model as model
    elif kind == "torch":
        from torch_models import torch_model as model
    else:
        from onnx_models import onnx_model as model
    return model(random, folder)


def difference(rows, expected):
    """The largest difference of a value, or what is wrong in words. None among `expected` is a row that there cannot be yet."""
    if len(rows) != len(expected):
        return f"{len(rows)} rows, expected {len(expected)}"
    largest = 0.0
    for number, (row, wanted) in enumerate(zip(rows, expected)):
        if wanted is None:
            if any(value is not None for value in row):
                return f"step {number}: {row}, expected no row yet"
            continue
        have, want = np.array(row, np.float64), np.array(wanted, np.float64)
        if have.shape != want.shape or not np.all(np.abs(have - want) <= ABSOLUTE + RELATIVE * np.abs(want)):
            return f"step {number}: {row}, expected {want.tolist()}"
        largest = max(largest, float(np.abs(have - want).max()))
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS + ["all"], default="all")
    options = parser.parse_args()
    worst, failures, compared, seed = 0.0, 0, 0, options.seed
    while compared < options.count:
        kind = options.kind if options.kind != "all" else KINDS[seed % len(KINDS)]
        with tempfile.TemporaryDirectory() as name:
            path, x, expected, layers = draw(kind, seed, Path(name))
            steps = "".join(json.dumps({"t": t, "x": value.tolist()}) + "\n" for t, value in enumerate(x))
            command = [options.millrace, "model", "run", path, "--input", "-"]
            run = subprocess.run(command, input=steps, capture_output=True, text=True)
        name = f"seed {seed} {kind} {path.name}: {' '.join(layers)}"
        seed += 1
        values = [row for row in expected or [] if row is not None]
        if expected is None or not all(np.isfinite(row).all() and np.abs(row).max() <= MOST for row in values):
            print(f"passed over {name}: its own answers are not steady")
            continue
        compared += 1
        found = run.stderr.strip() if run.returncode else difference([json.loads(line)["y"] for line in run.stdout.splitlines()], expected)
        if isinstance(found, str):
            print(f"FAILED {name}: {found}", flush=True)
            failures += 1
        else:
            print(f"{name}: {found:.1e}", flush=True)
            worst = max(worst, found)
    print(f"{compared} models, seeds {options.seed} to {seed - 1}: {failures} failed, largest difference {worst:.3g}")
    sys.exit(1 if failures else 0)


main()
