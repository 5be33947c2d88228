#!/usr/bin/env python3
"""False alarms and delay, from what the daemon's alarm said of the cameras.

Usage: millrace pipe Pipelines/watch.yaml < input.jsonl | python alarms.py
       python alarms.py --scenes | millrace pipe Pipelines/watch.yaml | python alarms.py --scenes --judge

Reads output lines, of `millrace pipe` or of the sink's file, and compares the alarms in them with truth.csv:
a fight is found when the alarm is up in one of its frames, and its delay is the frames until then; an alarm
is false when it was up in no frame of a fight. With --scenes it takes the 100 scenes that nothing was trained on.
"""
import argparse
import json
import statistics
import sys
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from scenes import LABELS, scene

FIRST, SCENES, FRAMES = 500, 100, 60


def name(seed):
    return f"scene-{seed}"


def truth_of_file():
    truth = {}
    with open(HERE / "truth.csv", encoding="utf-8") as file:
        for line in list(file)[1:]:
            stream, _, label = line.strip().split(",")
            truth.setdefault(stream, []).append(label == LABELS[1])
    return truth


def runs(flags):
    """The stretches that are true: (first, last) of each."""
    found, position = [], 0
    for flag, group in groupby(flags):
        count = len(list(group))
        if flag:
            found.append((position, position + count - 1))
        position += count
    return found


def up(events, frames):
    """The stretches in which an alarm was up."""
    stretches, since = [], None
    for event in events:
        if event["alarm"] == "raised":
            since = event["number"]
        else:
            # Cleared by an answer, it is down there; cleared by the end, it was up to the last frame.
            stretches.append((since, event["number"] - (not event.get("end"))))
            since = None
    return stretches + ([(since, frames - 1)] if since is not None else [])


def judge(lines, truth):
    events, answers = {}, 0
    for line in map(json.loads, lines):
        if "alarm" in line:
            events.setdefault(line["stream"], []).append(line)
        else:
            answers += 1
    fights, delays, alarms, false_alarms = 0, [], 0, 0
    for stream, flags in truth.items():
        stretches, fought = up(events.get(stream, []), len(flags)), runs(flags)
        meet = lambda a, b: a[0] <= b[1] and b[0] <= a[1]
        fights += len(fought)
        alarms += len(stretches)
        false_alarms += sum(not any(meet(s, f) for f in fought) for s in stretches)
        for fight in fought:
            first = [s for s in stretches if meet(s, fight)]
            if first:
                delays.append(max(0, first[0][0] - fight[0]))
    print(f"frames        {answers}")
    print(f"fights        {fights}, {len(delays)} found, {fights - len(delays)} missed")
    print(f"alarms        {alarms}, {false_alarms} false")
    if delays:
        print(f"delay         median {statistics.median(delays):g} frames, longest {max(delays)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", action="store_true", help="the 100 scenes of the test instead of input.jsonl's")
    parser.add_argument("--judge", action="store_true", help="with --scenes: read answers instead of writing frames")
    options = parser.parse_args()
    if not options.scenes:
        return judge(sys.stdin, truth_of_file())
    made = {name(seed): scene(seed, FRAMES) for seed in range(FIRST, FIRST + SCENES)}
    if options.judge:
        return judge(sys.stdin, {stream: [bool(label) for label in labels] for stream, (_, labels) in made.items()})
    for number in range(FRAMES):
        for stream, (pictures, _) in made.items():
            line = {"stream": stream, "number": number, "values": pictures[number]}
            print(json.dumps(line | ({"end": True} if number == FRAMES - 1 else {}), separators=(",", ":")))


main()
