#!/usr/bin/env python3
"""Writes input.jsonl (toy pictures) and expected.jsonl: the three words that Keras gives for each.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from answer_lines import answer_line, arguments, finish, np, read_json_lines
from pictures import draws

SEED, PICTURES = 100, 12

options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
if not options.check:
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        for index, (values, words) in enumerate(draws(SEED, PICTURES)):
            # The stream's name says what the picture shows.
            stream = f"{index:02}-{'-'.join(words)}"
            file.write(json.dumps({"stream": stream, "values": values, "end": True}) + "\n")
model = keras.saving.load_model(options.folder / "model.keras")
labels = (options.folder / "labels.txt").read_text().splitlines()
lines = []
for message in read_json_lines((options.folder if options.check else out) / "input.jsonl"):
    # As the daemon scales them: (value - 0) / 255 in float32.
    x = np.array([[message["values"]]], np.float32) / np.float32(255)
    # The last one is the last of its stream.
    for number, output in enumerate(np.asarray(model(x, training=False))[0]):
        lines.append(answer_line(message["stream"], number, output, labels, end=number == 2))
finish({"expected.jsonl": lines}, out, options.check)
