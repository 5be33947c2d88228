#!/usr/bin/env python3
"""Writes what Keras answers to each step of the recorded sensor streams.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
       python generate.py --recording STREAMS.csv.gz  also rebuilds motion.jsonl.gz,
       truth.csv.gz and input.jsonl from the table stream,t,label,nine channels
"""
import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import answer_line, arguments, finish, np, opened, read_json_lines

# input.jsonl: the first steps of walking, of climbing stairs and of sitting.
SHORT_STREAMS = ("har00", "har05", "har09")
SHORT_STEPS = 40


def rebuild(recording, out):
    """Copies the decimals as they stand: step 0 of all streams, then step 1, and so on."""
    with opened(recording, "r") as file:
        rows = list(csv.reader(file))[1:]
    rows.sort(key=lambda row: (int(row[1]), row[0]))
    last = {row[0]: int(row[1]) for row in rows}

    def line(row, end):
        tail = ',"end":true' if int(row[1]) == end else ""
        return f'{{"stream":"{row[0]}","number":{row[1]},"values":[{",".join(row[3:])}]{tail}}}\n'

    with opened(out / "motion.jsonl.gz", "w") as file:
        file.writelines(line(row, last[row[0]]) for row in rows)
    with opened(out / "truth.csv.gz", "w") as file:
        file.write("stream,number,label\n")
        file.writelines(f"{row[0]},{row[1]},{row[2]}\n" for row in rows)
    with opened(out / "input.jsonl", "w") as file:
        file.writelines(
            line(row, SHORT_STEPS - 1)
            for row in rows
            if row[0] in SHORT_STREAMS and int(row[1]) < SHORT_STEPS
        )


def answers(model, labels, scaling, messages):
    """Every stream as one whole sequence, scaled in float32; lines in the order of the input."""
    mean, std = (np.array(scaling[key], np.float32) for key in ("mean", "std"))
    sequences = {}
    for message in messages:
        sequences.setdefault(message["stream"], []).append(message["values"])
    outputs = {}
    for stream, values in sequences.items():
        scaled = (np.array(values, np.float32) - mean) / std
        assert scaled.dtype == np.float32
        outputs[stream] = np.asarray(model(scaled[None], training=False))[0]
    lines = []
    for message in messages:
        stream, number = message["stream"], message["number"]
        lines.append(answer_line(stream, number, outputs[stream][number], labels))
    return lines


def print_accuracy(lines, truth):
    with opened(truth, "r") as file:
        labels = {(row["stream"], int(row["number"])): row["label"] for row in csv.DictReader(file)}
    steps = [json.loads(line) for line in lines]
    right = sum(step["label"] == labels[step["stream"], step["number"]] for step in steps)
    print(f"{right} of {len(steps)} steps have the true label: {right / len(steps):.4f}")


def main():
    parser = arguments(__doc__, HERE)
    parser.add_argument("--recording", type=Path, help="rebuild the inputs from this table first")
    options = parser.parse_args()
    out = options.out or options.folder
    if options.recording:
        rebuild(options.recording, out)
    source = out if options.recording else options.folder
    import keras

    model = keras.saving.load_model(options.folder / "model.keras")
    labels = (options.folder / "labels.txt").read_text().splitlines()
    scaling = json.loads((options.folder / "scaling.json").read_text())
    long = answers(model, labels, scaling, read_json_lines(source / "motion.jsonl.gz"))
    short = answers(model, labels, scaling, read_json_lines(source / "input.jsonl"))
    finish({"expected.jsonl.gz": long, "expected.jsonl": short}, out, options.check)
    print_accuracy(long, source / "truth.csv.gz")


main()
