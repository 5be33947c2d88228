#!/usr/bin/env python3
"""Writes expected.jsonl: what Keras answers to each character of input.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
vocabulary = (options.folder / "vocabulary.txt").read_text().splitlines()
labels = (options.folder / "labels.txt").read_text().splitlines()
one_hot = dict(zip(vocabulary, np.eye(len(vocabulary), dtype=np.float32)))

lines, since_reset, next_number = [], {}, {}
for message in read_json_lines(options.folder / "input.jsonl"):
    stream, text = message["stream"], message.get("text", "")
    if message.get("reset"):
        since_reset[stream] = ""
    for character in text:
        # Keras is given all characters since the reset; its last row answers this step.
        since_reset[stream] = since_reset.get(stream, "") + character
        prefix = np.stack([one_hot[c] for c in since_reset[stream]])
        output = np.asarray(model(prefix[None], training=False))[0, -1]
        number = next_number.get(stream, 0)
        next_number[stream] = number + 1
        lines.append(answer_line(stream, number, output, labels, token=character))
finish({"expected.jsonl": lines}, options.out or options.folder, options.check)
