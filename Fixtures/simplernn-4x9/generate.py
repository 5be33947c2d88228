#!/usr/bin/env python3
"""Writes input.jsonl and expected.jsonl: h after each of four steps of nine numbers.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines, streamed_twin

STEPS, WIDTH = 4, 9

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
assert model.count_params() == 39
twin = streamed_twin(model)
source = options.folder / "input.jsonl"
if not options.check:
    # Two streams of four steps each, sent in turn.
    random = np.random.default_rng(1)
    with open((options.out or options.folder) / "input.jsonl", "w", encoding="utf-8") as file:
        for number in range(STEPS):
            for stream in ("a", "b"):
                values = [round(float(v), 2) for v in random.uniform(-1, 1, WIDTH)]
                line = {"stream": stream, "number": number, "values": values}
                file.write(json.dumps(line | ({"end": True} if number == STEPS - 1 else {})) + "\n")

streams = {}
for message in read_json_lines(source):
    streams.setdefault(message["stream"], []).append(message["values"])
lines = []
for stream, values in streams.items():
    x = np.array([values], np.float32)
    outputs = np.asarray(twin(x, training=False))[0]
    # The model answers once, for all four steps; the twin's last row is that answer.
    assert np.allclose(np.asarray(model(x, training=False))[0], outputs[-1], atol=1e-6)
    lines += [answer_line(stream, n, output, None) for n, output in enumerate(outputs)]
finish({"expected.jsonl": lines}, options.out or options.folder, options.check)
