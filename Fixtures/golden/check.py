#!/usr/bin/env python3
"""Loads every committed Keras model again and compares it with its steps.jsonl.

Usage: python check.py [--backend tensorflow|torch|jax]     (needs keras and that back end)
"""
import argparse
import json
import os
import sys
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--backend", default="tensorflow")
os.environ["KERAS_BACKEND"] = parser.parse_args().backend
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

worst, files = 0.0, 0
for folder in sorted(Path(__file__).resolve().parent.glob("k_*")):
    case = json.loads((folder / "case.json").read_text())
    steps = [json.loads(line) for line in open(folder / "steps.jsonl")]
    kind = np.int32 if case["input"]["kind"] == "token" else np.float32
    inputs = np.array([step["x"] for step in steps if "x" in step], kind)[None]
    for path in sorted(folder.glob("model.*")):
        model = keras.saving.load_model(path, compile=False)
        run = lambda x: np.asarray(keras.ops.convert_to_numpy(model(x, training=False)))[0]
        if case["mode"] == "reject":
            got, wanted = run(inputs), np.array(case["whole_sequence_output"])
        elif case["mode"] == "many_to_one":
            got = np.stack([run(inputs[:, : t + 1]) for t in range(inputs.shape[1])])
            wanted = np.array([step["y"] for step in steps])
        else:
            got, wanted = run(inputs), np.array([step["y"] for step in steps if "y" in step])
        difference = np.abs(got - wanted)
        worst, files = max(worst, float(difference.max())), files + 1
        limit = case["tolerance"]["abs"] + case["tolerance"]["rel"] * np.abs(wanted)
        if got.shape != wanted.shape or np.any(difference > limit):
            sys.exit(f"{folder.name}/{path.name}: differs by {difference.max():.3g}")
print(f"{files} model files agree, largest difference {worst:.3g}")
