#!/usr/bin/env python3
"""Writes expected.jsonl (answers) and gates.jsonl: what Keras' LSTM does with each letter of input.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)

The model is ../remember/model.keras. h and c come from the layer's own cell; the gates, which Keras does not tell, from
its weights by the formulas of its documentation, and must give that c and h again.
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import arguments, characters_tokenizer, finish, lines_since_reset, np
from answer_lines import read_json_lines, whole_sequence

TEXT = "rememberthefirstletterofthistext"

options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
remember = options.folder.parent / "remember"
letters = (remember / "letters.txt").read_text().splitlines()
model = keras.saving.load_model(remember / "model.keras")
if not options.check:
    (out / "input.jsonl").write_text(json.dumps({"stream": "text", "text": TEXT, "end": True}) + "\n")
messages = read_json_lines((options.folder if options.check else out) / "input.jsonl")
answers = lines_since_reset(
    messages, characters_tokenizer(letters), whole_sequence(model), letters, top=2, with_values=False)

sigmoid = lambda x: 1 / (1 + np.exp(-x))
lstm = next(layer for layer in model.layers if isinstance(layer, keras.layers.LSTM))
kernel, recurrent, bias = (weights.astype(np.float64) for weights in lstm.get_weights())
ids = np.array([[letters.index(letter) for letter in messages[0]["text"]]], np.int32)
rows = np.asarray(model.layers[0](ids))[0]
h = c = np.zeros((1, lstm.units), np.float32)
lines = []
for number, row in enumerate(rows):
    i, f, g, o = np.split(row @ kernel + h[0] @ recurrent + bias, 4)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    _, (next_h, next_c) = lstm.cell(row[None], [h, c])
    # c counts up beyond 20 here, so that the difference is relative.
    assert (np.abs(f * c[0] + i * g - np.asarray(next_c)[0]) < 1e-6 * (1 + np.abs(c[0]))).all()
    assert np.abs(o * np.tanh(np.asarray(next_c)[0]) - np.asarray(next_h)[0]).max() < 1e-6
    h, c = np.asarray(next_h), np.asarray(next_c)
    line = {"number": number, "letter": messages[0]["text"][number]}
    for name, values in zip("ifgohc", (i, f, g, o, h[0], c[0])):
        line[name] = [round(float(value), 7) for value in values]
    lines.append(json.dumps(line, separators=(",", ":")))
finish({"expected.jsonl": answers}, out, options.check)
if options.check:
    for new, old in zip(map(json.loads, lines), read_json_lines(options.folder / "gates.jsonl")):
        assert all(np.allclose(new[name], old[name], 1e-6, 1e-6) for name in "ifgohc"), old["number"]
    print("gates.jsonl: the same")
else:
    (out / "gates.jsonl").write_text("\n".join(lines) + "\n")
    print(f"gates.jsonl: {len(lines)} steps")
