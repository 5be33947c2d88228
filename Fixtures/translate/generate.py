#!/usr/bin/env python3
"""Writes expected.jsonl: the words that Keras gives for the sentences of input.jsonl, the likeliest each time.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

STEPS, FIRST = 8, 1

options = arguments(__doc__, HERE).parse_args()
import keras

encoder = keras.saving.load_model(options.folder / "encoder.keras")
decoder = keras.saving.load_model(options.folder / "decoder.keras")
characters = (options.folder / "characters.txt").read_text(encoding="utf-8").splitlines()
words = (options.folder / "words.txt").read_text(encoding="utf-8").splitlines()

texts = {}
for message in read_json_lines(options.folder / "input.jsonl"):
    texts[message["stream"]] = texts.get(message["stream"], "") + message["text"]

lines = []
for stream, text in texts.items():
    # A character that the vocabulary has not makes no step.
    ids = [FIRST + characters.index(c) for c in text if c in characters]
    x = encoder.layers[0](np.array([ids]))
    state = [np.zeros((1, 128), np.float32)] * 2
    for t in range(len(ids)):
        _, state = encoder.layers[1].cell(x[:, t], state)
    word = words.index("<start>")
    for number in range(STEPS):
        output, state = decoder.layers[1].cell(decoder.layers[0](np.array([word])), state)
        row = np.asarray(decoder.layers[2](output))[0]
        word = int(np.argmax(row))
        if words[word] == "<end>":
            break
        lines.append(answer_line(stream, number, row, words, token=words[word], with_values=False))
finish({"expected.jsonl": lines}, options.out or options.folder, options.check)
