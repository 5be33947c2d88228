#!/usr/bin/env python3
"""Kills daemons at random moments and compares what comes out with a run that nobody disturbed.

Three pipelines with a store (characters, words, values), many streams of each, sent by the Python
client in random pieces. A killer sends SIGKILL to a process of a random pipeline at a random moment
and starts it anew; with --power it kills all of the pipeline, and its files lose what was not synced,
by chance. In the end two things must be byte-equal to the output of `millrace pipe` on the same
input: the lines that the clients got, each number once, and the sink's files.

    Tests/Torture/torture.py .build/debug/millrace --kills 200 --durability os --seed 1
"""

import argparse
import atexit
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients" / "python"))

from millrace.client import Client  # noqa: E402
from millrace.results import Answer  # noqa: E402

from power import Disk  # noqa: E402

STAGES = ("tokenizer", "inference", "sink")
# On a busy machine a pipeline may be killed again and again before it is ready.
PATIENCE = 120


class Pipeline:
    """A daemon with a store, or three processes of a stage each."""

    def __init__(self, name, more, binary, folder, options, pieces):
        self.name, self.binary, self.pieces = name, binary, pieces
        self.folder = folder / name
        self.folder.mkdir()
        self.output = self.folder / "output.jsonl"
        self.ingress = f"ipc://{self.folder}/in"
        self.path = self.folder / "pipeline.yaml"
        lines = [f"name: {name}", f"ingress: {self.ingress}", *more,
                 f"sink: {{ file: {self.output} }}"]
        self.plain = self.folder / "plain.yaml"
        self.plain.write_text("\n".join(lines) + "\n")
        lines.append(f"state: {{ store: {self.folder}/state.sqlite, durability: "
                     f"{options.durability}, checkpoint: {options.checkpoint}, "
                     f"park-after: {options.park} }}")
        if options.split:
            lines.append(f"links: {{ tokens: ipc://{self.folder}/tokens, "
                         f"answers: ipc://{self.folder}/answers }}")
        self.path.write_text("\n".join(lines) + "\n")
        self.commands = ([["stage", stage, str(self.path)] for stage in STAGES]
                         if options.split else [["run", str(self.path)]])
        self.log = open(self.folder / "log", "ab")
        self.disk = Disk(binary, self.folder) if options.power else None
        self.processes = [self.start(index) for index in range(len(self.commands))]
        atexit.register(self.end)

    def end(self):
        for process in self.processes:
            process.kill()

    def start(self, index):
        return subprocess.Popen([self.binary, *self.commands[index]], stderr=self.log,
                                stdin=subprocess.DEVNULL,
                                env=os.environ | (self.disk.variables if self.disk else {}))

    def cut_power(self, rng):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.disk.cut_power(rng)
        self.processes = [self.start(index) for index in range(len(self.processes))]
        return "power"

    def kill(self, rng):
        if self.disk:
            return self.cut_power(rng)
        index = rng.randrange(len(self.processes))
        self.processes[index].kill()
        self.processes[index].wait()
        if rng.random() < 0.3:
            time.sleep(rng.random() * 0.2)
        self.processes[index] = self.start(index)
        return self.commands[index][1] if len(self.processes) > 1 else "daemon"

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                raise SystemExit(f"{self.name}: ended by itself with {process.returncode}; "
                                 f"see {self.folder}/log")

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            if process.wait(60) != 0:
                raise SystemExit(f"{self.name}: SIGTERM gave {process.returncode}; "
                                 f"see {self.folder}/log")

    def expected(self, inputs):
        """Output lines of an undisturbed run, by stream."""
        result = subprocess.run([self.binary, "pipe", str(self.plain)], input="".join(inputs),
                                capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"{self.name}: the undisturbed run failed: {result.stderr}")
        return by_stream(result.stdout.splitlines())


def by_stream(lines):
    streams = defaultdict(list)
    for line in lines:
        streams[json.loads(line)["stream"]].append(line)
    return streams


class Sender(threading.Thread):
    """Sends lives of streams until told to end, and keeps what it sent and what came back."""

    def __init__(self, pipeline, streams, seed):
        super().__init__(daemon=True)
        self.pipeline, self.rng, self.count = pipeline, random.Random(seed), streams
        self.inputs, self.lines = [], defaultdict(list)
        self.sent = 0
        self.ending = threading.Event()
        self.error = None

    def run(self):
        try:
            with Client(self.pipeline.ingress, friendly=True, timeout=PATIENCE, silence=0.5) as client:
                self.client = client
                while not self.ending.is_set():
                    self.life(client)
        except BaseException as error:  # reported by the main thread
            self.error = error

    def standing(self):
        """What it still waits for, for a failure's report."""
        streams = {name: (state.next, state.oldest, state.covered_to, state.answer_next,
                          state.is_ended, state.is_closed)
                   for name, state in self.client.session._streams.items() if state.is_outstanding}
        link = self.client.session.link
        return f"credit {link.room}, welcome {link.is_welcome}, {streams}"

    def life(self, client):
        """All streams from their beginning to their end, their pieces interleaved."""
        left = {}
        for index in range(self.count):
            left[f"{self.pipeline.name}-{index}"] = self.pipeline.pieces(self.rng)
        while left:
            name = self.rng.choice(list(left))
            piece = left[name].pop(0)
            is_last = not left[name]
            key = "text" if isinstance(piece, str) else "values"
            line = {"stream": name, key: piece}
            if is_last:
                line["end"] = True
                del left[name]
            self.inputs.append(json.dumps(line, ensure_ascii=False) + "\n")
            client.send(name, piece, end=is_last)
            self.sent += 1
            while (result := client.receive(timeout=0)) is not None:
                self.take(result)
            time.sleep(self.rng.random() * 0.004)
        for result in client.drain():
            self.take(result)

    def take(self, result):
        if not isinstance(result, Answer):
            raise AssertionError(f"refused: {result}")
        if result.line is not None:
            self.lines[result.stream].append(line_of(result))


def line_of(answer):
    """The output line of a friendly answer, to the byte."""
    return json.dumps(answer.line, ensure_ascii=False, separators=(",", ":"))


def texts(letters, separator=""):
    def pieces(rng):
        text = separator.join(rng.choice(letters) for _ in range(rng.randrange(5, 60)))
        cuts = sorted(rng.sample(range(1, len(text)), min(len(text) - 1, rng.randrange(1, 12))))
        return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
    return pieces


def rows(width):
    def pieces(rng):
        return [[[round(rng.gauss(0, 1), 4) for _ in range(width)]
                 for _ in range(rng.randrange(1, 5))] for _ in range(rng.randrange(1, 12))]
    return pieces


FIXTURES = ROOT / "Fixtures"
WORDS = (FIXTURES / "next-word-ko/vocabulary.txt").read_text().split()
# Name, what its streams are made of, lines of its pipeline file.
KINDS = [
    ("characters", texts("helo"),
     [f"tokenizer: {{ kind: characters, vocabulary: {FIXTURES}/hello/vocabulary.txt }}",
      f"model: {FIXTURES}/hello/model.keras", f"labels: {FIXTURES}/hello/labels.txt"]),
    ("words", texts(WORDS, " "),
     [f"tokenizer: {{ kind: words, vocabulary: {FIXTURES}/next-word-ko/vocabulary.txt }}",
      f"model: {FIXTURES}/next-word-ko/model.keras",
      f"labels: {FIXTURES}/next-word-ko/vocabulary.txt"]),
    ("values", rows(9),
     ["tokenizer: { kind: values }", f"model: {FIXTURES}/motion/model.keras",
      f"labels: {FIXTURES}/motion/labels.txt"]),
]


def compare(what, received, expected, folder):
    """The first difference of each stream, told in words; how many there are."""
    faults = 0
    for stream in sorted(set(received) | set(expected)):
        mine, theirs = received.get(stream, []), expected.get(stream, [])
        if mine == theirs:
            continue
        faults += 1
        if faults > 3:
            continue
        place = next((i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b),
                     min(len(mine), len(theirs)))
        print(f"{what}: stream {stream} differs at line {place} of {len(theirs)} "
              f"({len(mine)} received):\n  expected {theirs[place:place + 1]}\n"
              f"  received {mine[place:place + 1]}\n  see {folder}", file=sys.stderr)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--streams", type=int, default=51, help="of all pipelines together")
    parser.add_argument("--durability", default="os", choices=["os", "fsync"])
    parser.add_argument("--checkpoint", default="300ms")
    parser.add_argument("--park", default="200ms", help="idle streams leave memory after so long")
    parser.add_argument("--split", action="store_true", help="three processes a pipeline")
    parser.add_argument("--power", action="store_true",
                        help="cut the power: unsynced writes are lost (with --durability fsync)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    if options.power and options.durability != "fsync":
        parser.error("--power needs --durability fsync: os promises nothing of the kind")
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    pipelines = [Pipeline(name, more, options.binary, folder, options, pieces)
                 for name, pieces, more in KINDS]
    senders = [Sender(pipeline, max(1, options.streams // len(pipelines)), rng.random())
               for pipeline in pipelines]
    began = time.monotonic()
    for sender in senders:
        sender.start()
    killed = defaultdict(int)
    for count in range(options.kills):
        time.sleep(rng.random() ** 2 * 0.6)
        killed[rng.choice(pipelines).kill(rng)] += 1
        for pipeline in pipelines:
            pipeline.check()
        for sender in senders:
            if sender.error:
                raise SystemExit(f"{sender.pipeline.name}: after {count + 1} kills: "
                                 f"{sender.error!r}; {sender.standing()}; "
                                 f"see {sender.pipeline.folder}")
    for sender in senders:
        sender.ending.set()
    for sender in senders:
        sender.join(PATIENCE + 60)
        if sender.error or sender.is_alive():
            raise SystemExit(f"{sender.pipeline.name}: {sender.error or 'still waiting'!r}; "
                             f"{sender.standing()}; see {sender.pipeline.folder}")
    faults, lines = 0, 0
    for pipeline, sender in zip(pipelines, senders):
        pipeline.stop()
        expected = pipeline.expected(sender.inputs)
        lines += sum(map(len, expected.values()))
        faults += compare(f"{pipeline.name}, answers", sender.lines, expected, pipeline.folder)
        faults += compare(f"{pipeline.name}, file",
                          by_stream(pipeline.output.read_text().splitlines()), expected,
                          pipeline.folder)
    told = ", ".join(f"{count} of {name}" for name, count in sorted(killed.items()))
    print(f"{options.kills} kills ({told}), {sum(s.sent for s in senders)} messages, {lines} lines, "
          f"{time.monotonic() - began:.0f} s: {faults} streams differ")
    if not faults and not options.keep:
        subprocess.run(["rm", "-rf", folder])
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
