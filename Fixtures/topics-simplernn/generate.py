#!/usr/bin/env python3
"""Writes expected.jsonl: the topic Keras gives after each word of input.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines, streamed_twin

# The characters that the model's training turned into spaces, as Keras' text Tokenizer does.
# The apostrophe is not among them: "company's" is one word.
SEPARATORS = re.compile(r'[!"#$%&()*+,\-./:;<=>?@\[\]^_`{|}~\t\n\\]')
START, UNKNOWN, FIRST = 1, 2, 3

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
twin = streamed_twin(model)
vocabulary = (options.folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
labels = (options.folder / "labels.txt").read_text(encoding="utf-8").splitlines()
ids = {word: FIRST + line for line, word in enumerate(vocabulary)}

texts = {}
for message in read_json_lines(options.folder / "input.jsonl"):
    texts[message["stream"]] = texts.get(message["stream"], "") + message["text"]

lines = []
for stream, text in texts.items():
    words = SEPARATORS.sub(" ", text.lower()).split()
    sequence = np.array([[START] + [ids.get(word, UNKNOWN) for word in words]], np.int32)
    tokens = ["<start>"] + [word if word in ids else "<unknown>" for word in words]
    outputs = np.asarray(twin(sequence, training=False))[0]
    # The twin's last row is what the model itself gives for the whole text.
    original = np.asarray(model(sequence, training=False))[0]
    assert np.allclose(original, outputs[-1], atol=1e-5), stream
    for number, (token, output) in enumerate(zip(tokens, outputs)):
        lines.append(answer_line(stream, number, output, labels, token=token, with_values=False))
finish({"expected.jsonl": lines}, options.out or options.folder, options.check)
