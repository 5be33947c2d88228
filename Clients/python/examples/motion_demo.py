#!/usr/bin/env python3
"""The main job, live: a daemon labels every row of eleven phones' sensors as the rows come.

    PYTHONPATH=Clients/python python3 Clients/python/examples/motion_demo.py .build/release/millrace

Starts `millrace run Pipelines/motion.yaml`, sends the recorded rows of Fixtures/motion interleaved
at the rate at which they were measured (50 a second and phone), shows each phone's label as it
changes, watches through a tap, and compares every answer with Keras and with the truth. Then sends
all of it once more, as fast as it goes.
"""

import csv
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from millrace import Client, Refusal, Subscriber

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURE = ROOT / "Fixtures" / "motion"
ROWS_A_SECOND = 50
REDRAW_SECONDS = 0.1


def json_lines(path):
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


class Recording:
    """What was measured, what Keras answers, and what was true."""

    def __init__(self):
        self.rows, self.keras, self.truth = {}, {}, {}
        for line in json_lines(FIXTURE / "motion.jsonl.gz"):
            self.rows.setdefault(line["stream"], []).append(line["values"])
        for line in json_lines(FIXTURE / "expected.jsonl.gz"):
            self.keras.setdefault(line["stream"], []).append(line)
        with gzip.open(FIXTURE / "truth.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                self.truth.setdefault(row["stream"], []).append(row["label"])
        self.rows = {name: np.array(rows, np.float32) for name, rows in self.rows.items()}
        self.labels = (FIXTURE / "labels.txt").read_text().split()
        self.steps = sum(map(len, self.rows.values()))


class Tally:
    """Counts answers, and how many agree with Keras and with the truth."""

    def __init__(self, recording):
        self.recording = recording
        self.answers = self.same = self.right = self.refused = 0
        self.largest = 0.0
        # Stream -> label, score, step, true label of its last answer.
        self.current = {}

    def take(self, result):
        """Books a result; returns whether it changed its stream's label."""
        if isinstance(result, Refusal):
            self.refused += 1
            print(f"refused: {result}", file=sys.stderr)
            return False
        before = self.current.get(result.stream, ("",))[0]
        for offset, values in enumerate(result.values):
            step = result.number + offset
            best = int(values.argmax())
            label = self.recording.labels[best]
            keras = self.recording.keras[result.stream][step]
            truth = self.recording.truth[result.stream][step]
            self.answers += 1
            self.same += label == keras["label"]
            self.right += label == truth
            self.largest = max(self.largest, float(np.abs(values - keras["values"]).max()))
            self.current[result.stream] = (label, float(values[best]), step, truth)
        return self.current.get(result.stream, ("",))[0] != before


class Screen:
    """One row a phone, drawn in place on a terminal; a line a change elsewhere."""

    def __init__(self, recording):
        self.names = sorted(recording.rows)
        self.is_terminal = sys.stdout.isatty()
        self.drawn_at, self.is_drawn = 0.0, False

    def change(self, stream, current):
        if not self.is_terminal:
            label, score, step, truth = current[stream]
            print(f"{stream}  step {step:4}  {label:<18} {score:.2f}  (true: {truth})", flush=True)

    def draw(self, current, watch, force=False):
        now = time.monotonic()
        if not self.is_terminal or (now - self.drawn_at < REDRAW_SECONDS and not force):
            return
        self.drawn_at = now
        lines = ["phone   step  label               score                       true label"]
        for name in self.names:
            label, score, step, truth = current.get(name, ("-", 0.0, 0, "-"))
            color = "\033[32m" if label == truth else "\033[33m"
            bar = "#" * round(20 * score)
            lines.append(
                f"{name}  {step:5}  {color}{label:<18}\033[0m  {score:.2f} {bar:<20}  {truth}")
        lines.append(f"the tap has seen {watch.received} messages and lost {watch.lost}")
        if self.is_drawn:
            print(f"\033[{len(lines)}A", end="")
        print("\n".join("\033[2K" + line for line in lines), flush=True)
        self.is_drawn = True


class Watch:
    """A monitoring subscriber on the inference stage."""

    def __init__(self, endpoint):
        self.subscriber = Subscriber(endpoint, "tap/inference/output/")
        self.received = 0

    @property
    def lost(self):
        return self.subscriber.lost

    def read(self, timeout=0):
        while self.subscriber.receive(timeout=timeout) is not None:
            self.received += 1


def start_daemon(binary, folder):
    daemon = subprocess.Popen(
        [binary, "run", str(ROOT / "Pipelines" / "motion.yaml"), "--log-level", "notice"],
        env={**os.environ, "MILLRACE_RUN": folder}, stderr=subprocess.PIPE, text=True)
    for line in daemon.stderr:
        if "msg=ready" in line:
            return daemon
        print(line, end="", file=sys.stderr)
    sys.exit("the daemon did not start")


def send_live(client, recording, tally, screen, watch):
    """Sends row by row, each phone's rows in the order and at the rate of their measuring."""
    began = time.monotonic()
    longest = max(map(len, recording.rows.values()))
    for step in range(longest):
        for name in sorted(recording.rows):
            rows = recording.rows[name]
            if step < len(rows):
                client.send(name, rows[step:step + 1], end=step + 1 == len(rows))
        while (left := began + (step + 1) / ROWS_A_SECOND - time.monotonic()) > 0:
            result = client.receive(timeout=min(left, 0.005))
            if result is not None and tally.take(result):
                screen.change(result.stream, tally.current)
            watch.read()
            screen.draw(tally.current, watch)
    for result in client.drain(timeout=30):
        if tally.take(result):
            screen.change(result.stream, tally.current)


def send_fast(client, recording, rows_a_message):
    """Sends everything at once, so many rows a message; returns steps a second."""
    began = time.monotonic()
    longest = max(map(len, recording.rows.values()))
    for step in range(0, longest, rows_a_message):
        for name in sorted(recording.rows):
            rows = recording.rows[name][step:step + rows_a_message]
            if len(rows):
                end = step + len(rows) == len(recording.rows[name])
                client.send(name, rows, start=step == 0, end=end)
    answers = sum(len(result) for result in client.drain(timeout=60))
    return answers / (time.monotonic() - began)


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "millrace"
    recording = Recording()
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        daemon = start_daemon(binary, folder)
        try:
            tally, screen = Tally(recording), Screen(recording)
            watch = Watch(f"ipc://{folder}/motion.taps")
            print(f"{len(recording.rows)} phones, {ROWS_A_SECOND} rows a second each, "
                  f"{recording.steps} rows in all; the model: LSTM 32 + GRU 24, from Keras\n")
            began = time.monotonic()
            with Client(f"ipc://{folder}/motion") as client:
                send_live(client, recording, tally, screen, watch)
            seconds = time.monotonic() - began
            deadline = time.monotonic() + 5
            while watch.received < tally.answers and time.monotonic() < deadline:
                watch.read(timeout=0.2)
            screen.draw(tally.current, watch, force=True)
            with Client(f"ipc://{folder}/motion") as client:
                rate = send_fast(client, recording, 8)
        finally:
            daemon.terminate()
            code = daemon.wait(timeout=20)
    print(f"""
streams                {len(recording.rows)}
steps answered         {tally.answers} of {recording.steps}, {tally.refused} refused
steps a second         {tally.answers / seconds:.0f} live (the phones' own rate), {rate:.0f} at full speed (8 rows a message)
agreement with Keras   {tally.same} of {tally.answers} labels; largest difference of a score {tally.largest:.1e}
accuracy               {tally.right / max(1, tally.answers):.1%} of the true labels
tap                    {watch.received} messages, {watch.lost} lost
daemon                 stopped with exit code {code}""")
    good = (tally.answers == tally.same == recording.steps and tally.refused == 0
            and watch.received + watch.lost > 0 and code == 0)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
