#!/usr/bin/env python3
"""Writes expected.jsonl: the words that Keras gives for the sentences of input.jsonl, the likeliest each time; and
expected-beam.jsonl: the likeliest sentence that a beam search finds.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy, tokenizers)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, read_json_lines

STEPS = 8
# As in Pipelines/translate-beam.yaml.
WIDTH, POWER = 4, 0.7

options = arguments(__doc__, HERE).parse_args()
import keras
import tokenizers

encoder = keras.saving.load_model(options.folder / "encoder.keras")
decoder = keras.saving.load_model(options.folder / "decoder.keras")
pieces = tokenizers.Tokenizer.from_file(str(options.folder / "tokenizer.json"))
words = (options.folder / "words.txt").read_text(encoding="utf-8").splitlines()

texts = {}
for message in read_json_lines(options.folder / "input.jsonl"):
    texts[message["stream"]] = texts.get(message["stream"], "") + message["text"]

START, END = words.index("<start>"), words.index("<end>")


def decode(word, state):
    output, state = decoder.layers[1].cell(decoder.layers[0](np.array([word])), state)
    for layer in decoder.layers[2:]:
        output = layer(output)
    return np.asarray(output)[0], state


def greedy(state):
    word, answers = START, []
    for _ in range(STEPS):
        row, state = decode(word, state)
        word = int(np.argmax(row))
        if word == END:
            break
        answers.append((word, row))
    return answers


def beam(state):
    """The answers with the largest sum of ln p, divided by length ** POWER: WIDTH hypotheses side by side."""
    live, finished = [(0.0, [], state, START)], []
    while live:
        continued = []
        for total, answers, state, word in live:
            row, after = decode(word, state)
            with np.errstate(divide="ignore"):
                sums = total + np.log(row.astype(np.float64))
            continued += [(sums[next_word], answers + [(next_word, row)], after, next_word) for next_word in range(len(row))]
        continued.sort(key=lambda hypothesis: -hypothesis[0])
        best = continued[:WIDTH]
        done = lambda hypothesis: hypothesis[3] == END or len(hypothesis[1]) == STEPS
        finished += [hypothesis for hypothesis in best if done(hypothesis)]
        live = [hypothesis for hypothesis in best if not done(hypothesis)]
    answers = max(finished, key=lambda hypothesis: hypothesis[0] / len(hypothesis[1]) ** POWER)[1]
    return [(word, row) for word, row in answers if word != END]


outputs = {"expected.jsonl": [], "expected-beam.jsonl": []}
for stream, text in texts.items():
    ids = pieces.encode(text).ids
    x = encoder.layers[0](np.array([ids]))
    state = [np.zeros((1, encoder.layers[1].units), np.float32)] * 2
    for t in range(len(ids)):
        _, state = encoder.layers[1].cell(x[:, t], state)
    for name, search in (("expected.jsonl", greedy), ("expected-beam.jsonl", beam)):
        answers = search(state)
        # A search knows which word is its last; who draws word by word does not.
        last = len(answers) - 1 if search is beam else STEPS - 1
        outputs[name] += [answer_line(stream, number, row, words, token=words[word], with_values=False, end=number == last)
                          for number, (word, row) in enumerate(answers)]
        print(name, text, "->", " ".join(words[word] for word, _ in answers))
finish(outputs, options.out or options.folder, options.check)
