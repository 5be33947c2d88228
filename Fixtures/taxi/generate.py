#!/usr/bin/env python3
"""Writes expected.jsonl: the forecast that Keras gives after each half-hour of input.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
       python generate.py --passengers NYC_TAXI.csv    also rebuilds input.jsonl: two weeks from row 5000
"""
import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

FIRST, STEPS = 5000, 672

parser = arguments(__doc__, HERE)
parser.add_argument("--passengers", type=Path, help="rebuild the input from this table first")
options = parser.parse_args()
import keras

out = options.out or options.folder
if options.passengers:
    with open(options.passengers, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[FIRST:FIRST + STEPS]
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            line = {"stream": "nyc", "number": number, "values": [int(row["value"])]}
            file.write(json.dumps(line | ({"end": True} if number == STEPS - 1 else {})) + "\n")
model = keras.saving.load_model(options.folder / "model.keras")
scaling = json.loads((options.folder / "scaling.json").read_text())
mean, std = (np.array(scaling[key], np.float32) for key in ("mean", "std"))
messages = read_json_lines((out if options.passengers else options.folder) / "input.jsonl")
scaled = (np.array([message["values"] for message in messages], np.float32) - mean) / std
assert scaled.dtype == np.float32
outputs = np.asarray(model(scaled[None], training=False))[0]
lines = [answer_line("nyc", number, output, None) for number, output in enumerate(outputs)]
finish({"expected.jsonl": lines}, out, options.check)
true = np.array([message["values"][0] for message in messages[1:]])
print(f"mean absolute error {np.abs(outputs[:-1, 0] - true).mean():.0f} passengers, "
      f"after the first day {np.abs(outputs[48:-1, 0] - true[48:]).mean():.0f}")
