#!/usr/bin/env python3
"""Writes input.jsonl, and expected.jsonl: the letters that both.keras gives, the likeliest each time.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)

The training graph itself is asked, with the whole word and all letters said so far: no state is passed by hand.
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

STEPS, WORDS = 8, ["abc", "hgfe", "deaf", "beech", "ha", "cabbage"]

options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
model = keras.saving.load_model(options.folder / "both.keras")
letters = (options.folder / "letters.txt").read_text().splitlines()
words = (options.folder / "words.txt").read_text().splitlines()
if not options.check:
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        for end in (False, True):
            for number, word in enumerate(WORDS):
                half = len(word) // 2
                line = {"stream": f"w{number}", "text": word[half:] if end else word[:half]}
                file.write(json.dumps(line | ({"end": True} if end else {})) + "\n")
texts = {}
for message in read_json_lines((options.folder if options.check else out) / "input.jsonl"):
    texts[message["stream"]] = texts.get(message["stream"], "") + message["text"]
lines = []
for stream, text in texts.items():
    source = np.array([[1 + letters.index(letter) for letter in text]])
    said = [words.index("<start>")]
    for number in range(STEPS):
        row = np.asarray(model([source, np.array([said])], training=False))[0, -1]
        said.append(int(np.argmax(row)))
        if words[said[-1]] == "<end>":
            break
        lines.append(answer_line(stream, number, row, words, token=words[said[-1]], end=number == STEPS - 1))
    print(text, "->", "".join(words[word] for word in said[1:-1]))
finish({"expected.jsonl": lines}, out, options.check)
