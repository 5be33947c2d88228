#!/usr/bin/env python3
"""Writes input.jsonl and expected.jsonl: the next note that Keras gives after each note of four melodies.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from answer_lines import arguments, finish, lines_since_reset, read_json_lines
from answer_lines import whole_sequence, words_tokenizer
from melodies import notes

# The last was not trained. A line holds eight notes.
STREAMS, NOTES = ("ode-to-joy", "arirang", "twinkle", "london-bridge"), 8

options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
if not options.check:
    messages = []
    for melody in STREAMS:
        tokens = notes(melody)[:-1]
        starts = range(0, len(tokens), NOTES)
        for start in starts:
            message = {"stream": melody, "text": " ".join(tokens[start:start + NOTES]) + " "}
            messages.append((start, message | ({"end": True} if start == starts[-1] else {})))
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(message) + "\n" for _, message in sorted(messages, key=lambda m: m[0]))
model = keras.saving.load_model(options.folder / "model.keras")
names = (options.folder / "notes.txt").read_text().splitlines()
lines = lines_since_reset(
    read_json_lines((options.folder if options.check else out) / "input.jsonl"), words_tokenizer(names),
    whole_sequence(model), names, with_values=False)
finish({"expected.jsonl": lines}, out, options.check)
