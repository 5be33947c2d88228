#!/usr/bin/env python3
"""Writes input.jsonl (four toy cameras), door.jsonl (one, whose fight ends), truth.csv and expected*.jsonl: what
Keras says of each frame. Prints the alarms that follow from it, which stand in Pipelines/watch.test.yaml.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from answer_lines import answer_line, arguments, finish, np, read_json_lines
from scenes import LABELS, scene

# The first four scenes behind those of train.py of which two have a fight.
FRAMES, FIRST, CAMERAS, FIGHTS = 60, 600, 4, 2
# Of the next ones the first whose fight is over in time for the alarm to be cleared.
DOOR = 605
# As in Pipelines/watch.yaml.
ON, ON_ANSWERS, OFF, OFF_ANSWERS = 0.5, 2, 0.3, 4


def alarms(scores):
    """What the alarm does: written down from its description, not from the daemon."""
    raised, told = False, []
    for t in range(len(scores)):
        last = lambda count: scores[max(0, t + 1 - count):t + 1]
        since = told[-1][1] + 1 if told else 0
        if not raised and t + 1 - since >= ON_ANSWERS and min(last(ON_ANSWERS)) >= ON:
            raised = True
            told.append(("raised", t))
        elif raised and t + 1 - since >= OFF_ANSWERS and max(last(OFF_ANSWERS)) < OFF:
            raised = False
            told.append(("cleared", t))
    return told + ([("cleared", len(scores) - 1)] if raised else [])


def cameras():
    chosen, seed = [], FIRST
    while len(chosen) < CAMERAS:
        pictures, labels = scene(seed, FRAMES)
        same = sum(any(other) == any(labels) for _, other in chosen)
        if same < (FIGHTS if any(labels) else CAMERAS - FIGHTS):
            chosen.append((pictures, labels))
        seed += 1
    return {f"cam-{number + 1}": made for number, made in enumerate(chosen)}


options = arguments(__doc__, HERE).parse_args()
import keras

out = options.out or options.folder
if not options.check:
    made = cameras()
    # One frame of each camera, then the next of each, as they come live.
    with open(out / "input.jsonl", "w", encoding="utf-8") as file:
        for number in range(FRAMES):
            for camera, (pictures, _) in made.items():
                line = {"stream": camera, "number": number, "values": pictures[number]}
                line |= {"end": True} if number == FRAMES - 1 else {}
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
    with open(out / "door.jsonl", "w", encoding="utf-8") as file:
        for number, values in enumerate(scene(DOOR, FRAMES)[0]):
            line = {"stream": "door", "values": values} | ({"end": True} if number == FRAMES - 1 else {})
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    with open(out / "truth.csv", "w", encoding="utf-8") as file:
        file.write("stream,number,label\n")
        for camera, (_, labels) in made.items():
            file.writelines(f"{camera},{number},{LABELS[label]}\n" for number, label in enumerate(labels))
model = keras.saving.load_model(options.folder / "model.keras")
source = options.folder if options.check else out


def answers(name):
    streams, lines = {}, []
    for message in read_json_lines(source / name):
        streams.setdefault(message["stream"], []).append(message["values"])
    for stream, values in streams.items():
        # As the daemon scales them: (value - 0) / 255 in float32.
        outputs = np.asarray(model(np.array([values], np.float32) / np.float32(255), training=False))[0]
        lines += [answer_line(stream, number, output, LABELS) for number, output in enumerate(outputs)]
        told = alarms([float(output[1]) for output in outputs])
        print(f"alarms of {stream}: " + (", ".join(f"{kind} at {number}" for kind, number in told) or "none"))
    return lines


lines = answers("input.jsonl")
finish({"expected.jsonl": lines, "expected-door.jsonl": answers("door.jsonl")}, out, options.check)
with open(source / "truth.csv", encoding="utf-8") as file:
    truth = {tuple(row[:2]): row[2] for row in (line.strip().split(",") for line in file)}
right = sum(truth[a["stream"], str(a["number"])] == a["label"] for a in map(json.loads, lines))
print(f"{right} of {len(lines)} frames have the true label")
