#!/usr/bin/env python3
"""Writes input.jsonl and what Keras answers with both models: expected.jsonl (LSTM), simplernn.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import arguments, characters_tokenizer, finish, lines_since_reset
from answer_lines import read_json_lines, whole_sequence

# Streams, and letters of each: the first and 200 more.
SEED, STREAMS, LENGTH = 3, 3, 201

options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
letters = (options.folder / "letters.txt").read_text().splitlines()
if not options.check:
    draw = random.Random(SEED)
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        for number in range(STREAMS):
            text = "".join(draw.choices(letters, k=LENGTH))
            file.write(json.dumps({"stream": f"text{number}", "text": text, "end": True}) + "\n")
messages = read_json_lines((options.folder if options.check else out) / "input.jsonl")
outputs = {}
for model, name in (("model.keras", "expected.jsonl"), ("simplernn.keras", "simplernn.jsonl")):
    answer = whole_sequence(keras.saving.load_model(options.folder / model))
    # Label and score only: 26 values in each of 603 lines would be most of this folder.
    outputs[name] = lines_since_reset(
        messages, characters_tokenizer(letters), answer, letters, top=2, with_values=False)
finish(outputs, out, options.check)
