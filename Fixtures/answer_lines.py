"""Reads the input lines and writes the output lines of the fixtures.

Used by the generate.py of the pipelines' fixtures. An input line is what `millrace pipe` reads
(stream, number, text | values, end, reset), an output line what it prints under `--values`.
"""
import argparse
import gzip
import io
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

# How far two runs may differ: |a - b| <= ABSOLUTE + RELATIVE * |b|. The same numbers stand in
# the test files beside the pipelines.
ABSOLUTE = 5.0e-5
RELATIVE = 5.0e-4


def opened(path, mode):
    """Opens plain or gzip text; gzip without name and date, so that equal text is equal bytes."""
    if not str(path).endswith(".gz"):
        return open(path, mode, encoding="utf-8", newline="\n")
    if mode == "r":
        return gzip.open(path, "rt", encoding="utf-8")
    raw = gzip.GzipFile(filename="", mode="wb", fileobj=open(path, "wb"), mtime=0)
    return io.TextIOWrapper(raw, encoding="utf-8", newline="\n")


def read_json_lines(path):
    with opened(path, "r") as lines:
        return [json.loads(line) for line in lines]


def shortest(value):
    """The shortest decimal that reads back to the same float32."""
    return str(np.float32(value))


def answer_line(stream, number, output, labels, token=None, top=3, with_values=True, end=False,
                anomaly=None):
    """One output line; keys in the order stream, number, token, label, score, top, values, anomaly, end.

    Without labels there are neither label, score nor top.
    """
    output = np.asarray(output, np.float32)
    # Stable: of two equal scores the lower index comes first.
    order = np.argsort(-output, kind="stable")[:top]
    text = lambda value: json.dumps(value, ensure_ascii=False)
    parts = [f'"stream":{text(stream)}', f'"number":{number}']
    if token is not None:
        parts.append(f'"token":{text(token)}')
    if labels:
        parts.append(f'"label":{text(labels[order[0]])}')
        parts.append(f'"score":{shortest(output[order[0]])}')
        pairs = ",".join(f"[{text(labels[i])},{shortest(output[i])}]" for i in order)
        parts.append(f'"top":[{pairs}]')
    if with_values:
        parts.append(f'"values":[{",".join(map(shortest, output))}]')
    if anomaly is not None:
        parts.append(f'"anomaly":{shortest(anomaly)}')
    if end:
        parts.append('"end":true')
    return "{" + ",".join(parts) + "}"


def numbers(line):
    """Score, the scores in top and values; near-equal scores may swap places within top."""
    scores = [line["score"]] if "score" in line else []
    return np.array([*scores, *(score for _, score in line.get("top", [])), *line.get("values", []),
                     *([line["anomaly"]] if "anomaly" in line else [])])


def compare(lines, path):
    """Compares new lines with the file's: numbers within the tolerance, all else equal."""
    old, new = read_json_lines(path), [json.loads(line) for line in lines]
    if len(old) != len(new):
        return f"{path}: {len(old)} lines, expected {len(new)}"
    worst = 0.0
    for a, b in zip(new, old):
        where = f'{path}: stream {b["stream"]} number {b["number"]}'
        for key in ("stream", "number", "token", "label", "end"):
            if a.get(key) != b.get(key):
                return f"{where}: {key} is {b.get(key)!r}, Keras gives {a.get(key)!r}"
        x, y = numbers(a), numbers(b)
        if x.shape != y.shape:
            return f"{where}: {y.size} numbers, Keras gives {x.size}"
        difference = np.abs(x - y)
        worst = max(worst, float(difference.max()))
        if not np.all(difference <= ABSOLUTE + RELATIVE * np.abs(x)):
            return f"{where}: score, top or values differ by {difference.max():.3g}"
    print(f"{path.name}: {len(new)} lines agree, largest difference {worst:.3g}")
    return None


def finish(outputs, out, check):
    """Writes each {file name: lines}, or with `check` compares them with the files there."""
    failures = []
    for name, lines in outputs.items():
        path = Path(out) / name
        if check:
            failures.append(compare(lines, path))
            continue
        with opened(path, "w") as file:
            file.writelines(line + "\n" for line in lines)
        print(f"{path.name}: {len(lines)} lines")
    failures = [failure for failure in failures if failure]
    if failures:
        sys.exit("\n".join(failures))


def arguments(description, here):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, default=here, help="where model and input are")
    parser.add_argument("--out", type=Path, help="where to write; the folder itself if not given")
    parser.add_argument("--check", action="store_true", help="write nothing, compare instead")
    return parser


def lines_since_reset(messages, tokenize, answer, labels, **options):
    """Answer lines of text streams, stream after stream, as Keras gives them for whole sequences.

    `tokenize(text)` gives names and ids of a whole text; `answer(ids)` one row for each id. A RESET
    or END ends what is one sequence, and what is not ended is ended by the end of the input.
    """
    sequences = {}
    for message in messages:
        parts = sequences.setdefault(message["stream"], [""])
        if message.get("reset"):
            parts.append("")
        parts[-1] += message.get("text", "")
    lines = []
    for stream, texts in sequences.items():
        number = 0
        for text in texts:
            names, ids = tokenize(text)
            for name, output in zip(names, answer(ids) if len(ids) else []):
                lines.append(answer_line(stream, number, output, labels, token=name, **options))
                number += 1
    return lines


def whole_sequence(model):
    """What `model`, which returns its whole sequence, gives for a list of ids."""
    return lambda ids: np.asarray(model(np.array([ids], np.int32), training=False))[0]


def characters_tokenizer(vocabulary, first=0, unknown=None):
    """Names and ids of a text's characters; `unknown` is the id of one that is not known."""
    ids = {character: first + line for line, character in enumerate(vocabulary)}

    def tokenize(text):
        names = [c if c in ids else "<unknown>" for c in text]
        return names, [ids[c] if unknown is None else ids.get(c, unknown) for c in text]

    return tokenize


def words_tokenizer(vocabulary, first=0, separators=""):
    """Names and ids of a text's words; white space and each of `separators` stand between them."""
    ids = {word: first + line for line, word in enumerate(vocabulary)}
    table = str.maketrans(dict.fromkeys(separators, " "))

    def tokenize(text):
        words = text.translate(table).split()
        return words, [ids[word] for word in words]

    return tokenize


# The characters that Keras' text Tokenizer, and `kind: words`, turn into spaces if not told else.
SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def streamed_twin(model):
    """The same weights with every recurrent layer returning its whole sequence.

    Its row t is what the original returns for the steps 0..t.
    """
    import keras

    source = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    value = source
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        config = layer.get_config()
        if isinstance(layer, keras.layers.RNN):
            config["return_sequences"] = True
        value = layer.__class__.from_config(config)(value)
    twin = keras.Model(source, value)
    twin.set_weights(model.get_weights())
    return twin
