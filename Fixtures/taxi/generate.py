#!/usr/bin/env python3
"""Writes expected.jsonl: the forecast that Keras gives after each half-hour of input.jsonl, and its anomaly score.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
       python generate.py --passengers NYC_TAXI.csv    also rebuilds input.jsonl (two weeks from row 5000) and passengers.csv
"""
import csv
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

FIRST, STEPS = 5000, 672
# As in Pipelines/taxi.yaml; the warm-up is the default.
WINDOW, RECENT, WARM_UP = 1000, 8, 100


def anomaly_scores(values, forecasts):
    """ln p / ln 1e-10, p the tail at the mean of the last errors of the normal distribution of the window's errors."""
    errors, scores = [], [0.0]
    for value, forecast in zip(values[1:], forecasts[:-1]):
        errors.append(float(abs(np.float32(value) - np.float32(forecast))))
        window = np.array(errors[-WINDOW:])
        deviation = (np.mean(errors[-RECENT:]) - window.mean()) / (window.std() or math.inf)
        if len(errors) < WARM_UP or deviation <= 0:
            scores.append(0.0)
            continue
        tail = max(0.5 * math.erfc(deviation / math.sqrt(2)), 1e-300)
        scores.append(min(1.0, math.log(tail) / math.log(1e-10)))
    return scores

parser = arguments(__doc__, HERE)
parser.add_argument("--passengers", type=Path, help="rebuild the input from this table first")
options = parser.parse_args()
import keras

out = options.out or options.folder
if options.passengers:
    with open(options.passengers, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (out / "passengers.csv").write_text("".join(f"{row['value']}\n" for row in rows))
    rows = rows[FIRST:FIRST + STEPS]
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
outputs = np.asarray(model(scaled[None], training=False))[0] * std + mean
assert outputs.dtype == np.float32
scores = anomaly_scores([message["values"][0] for message in messages], outputs[:, 0])
lines = [answer_line("nyc", number, output, None, anomaly=score) for number, (output, score) in enumerate(zip(outputs, scores))]
finish({"expected.jsonl": lines}, out, options.check)
true = np.array([message["values"][0] for message in messages[1:]])
print(f"mean absolute error {np.abs(outputs[:-1, 0] - true).mean():.0f} passengers, "
      f"after the first day {np.abs(outputs[48:-1, 0] - true[48:]).mean():.0f}")
