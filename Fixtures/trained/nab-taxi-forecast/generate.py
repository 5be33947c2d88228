#!/usr/bin/env python3
"""Writes the y of steps.jsonl: what Keras forecasts at each step, from model.keras.

Usage: python generate.py [--check]      (needs keras, tensorflow-cpu, numpy)
With --check nothing is written; both model files are compared with the steps there.
"""
import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--check", action="store_true")
check = parser.parse_args().check

tolerance = json.loads((HERE / "case.json").read_text())["tolerance"]
steps = [json.loads(line) for line in open(HERE / "steps.jsonl")]
inputs = np.array([step["x"] for step in steps], np.float32)
decimals = lambda row: [float(str(value)) for value in np.asarray(row, np.float32)]
for name in ("model.keras", "model.h5") if check else ("model.keras",):
    model = keras.saving.load_model(HERE / name, compile=False)
    outputs = np.asarray(model(inputs[None], training=False))[0]
    if check:
        wanted = np.array([step["y"] for step in steps])
        difference = np.abs(outputs - wanted)
        if np.any(difference > tolerance["abs"] + tolerance["rel"] * np.abs(wanted)):
            sys.exit(f"{name}: differs by {difference.max():.3g}")
        print(f"{name}: {len(steps)} steps agree, largest difference {difference.max():.3g}")
if not check:
    with open(HERE / "steps.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for t, (x, y) in enumerate(zip(inputs, outputs)):
            file.write(json.dumps({"t": t, "x": decimals(x), "y": decimals(y)}) + "\n")
