#!/usr/bin/env python3
"""Runs a daemon for a long time under load, and looks whether memory, descriptors or threads grow.

A short calibration finds what this daemon does for these clients at full speed; the soak then keeps
to a share of it. Clients come and go: some wait for their answers, some leave in the middle, some
resume their streams and some begin them anew. Taps come and go too, and some do not read. The
daemon has a store, parks what is idle, and serves its figures.

    Tests/Soak/soak.py .build/release/millrace --minutes 30 --plot Docs/soak.svg

Ends with 1 where something has grown, or where the clients' accounts do not add up.
"""

import argparse
import json
import multiprocessing
import random
import re
import statistics
import sys
import threading
import time
import traceback
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients" / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from millrace import Daemon, Subscriber  # noqa: E402
from millrace.client import Client  # noqa: E402
from millrace.results import Answer, StreamRefused  # noqa: E402
from plot import Series, draw  # noqa: E402

SENDERS = 2
STREAMS = 200  # of each sender
TAPS = 3
SAMPLE_SECONDS = 5.0
# What of the run is left out at its beginning: caches and the allocator's pools fill up.
WARM_UP = 1 / 6
# Growth from the first third of the rest to the last that is no growth: pages come and go.
MEMORY_SLACK = 0.03
DESCRIPTOR_SLACK = 3


class Shared:
    """What the processes tell each other."""

    def __init__(self):
        self.rate = multiprocessing.Value("d", 0.0)  # words a second and sender; 0: full speed
        self.ending = multiprocessing.Event()
        self.sent = multiprocessing.Value("q", 0)  # words, by all senders
        self.answered = multiprocessing.Value("q", 0)
        self.lives = multiprocessing.Value("q", 0)
        self.connections = multiprocessing.Value("q", 0)
        self.tapped = multiprocessing.Value("q", 0)
        self.holes = multiprocessing.Value("q", 0)
        self.faults = multiprocessing.Queue()


def add(value, count):
    with value.get_lock():
        value.value += count


def told(work):
    """Wraps a process's work: what goes wrong is reported, and ends the run."""
    def run(shared, *arguments):
        try:
            work(shared, *arguments)
        except KeyboardInterrupt:
            pass
        except BaseException:
            shared.faults.put(traceback.format_exc())
            shared.ending.set()
    return run


class Sender:
    """One process's clients, one after the other, and the streams that they share."""

    def __init__(self, shared, endpoint, index, seed):
        self.shared, self.endpoint, self.rng = shared, endpoint, random.Random(seed)
        words = (ROOT / "Fixtures/topics/vocabulary.txt").read_text().split()
        # Each ends with a space: its last word is complete.
        self.pieces = [(" ".join(self.rng.choices(words, k=count)) + " ", count)
                       for count in (self.rng.randrange(1, 160) for _ in range(2000))]
        self.names = [f"s{index}-{number}" for number in range(STREAMS)]
        self.open = set()
        self.pace_from, self.paced = time.monotonic(), 0

    def run(self):
        while not self.shared.ending.is_set():
            add(self.shared.connections, 1)
            with Client(self.endpoint, timeout=120) as client:
                self.visit(client, time.monotonic() + self.rng.uniform(1, 15))
                answered = client.counters
                if answered.refused:
                    raise AssertionError(f"{answered.refused} numbers were refused")

    def visit(self, client, until):
        """One connection: resumes some streams, sends, and leaves politely or in the middle."""
        for name in self.rng.sample(sorted(self.open), min(5, len(self.open))):
            entry = client.resume(name)
            if entry.get("expected") is None or entry.get("closed"):
                self.open.discard(name)
        mine = set(client.session._streams)
        while time.monotonic() < until and not self.shared.ending.is_set():
            self.send_one(client, mine)
            while (result := client.receive(timeout=0)) is not None:
                self.take(result)
        if self.rng.random() < 0.6:
            client.flush(timeout=60)
            while (result := client.receive(timeout=0)) is not None:
                self.take(result)

    def send_one(self, client, mine):
        name = self.rng.choice(self.names)
        text, words = self.rng.choice(self.pieces)
        ends = self.rng.random() < 0.05
        # A stream of an earlier connection that was not resumed begins anew, by its higher epoch.
        begins = name not in mine
        try:
            client.send(name, text, start=begins, end=ends)
        except StreamRefused as refusal:
            raise AssertionError(f"{name}: {refusal}") from None
        mine.add(name)
        self.open.add(name)
        if begins:
            add(self.shared.lives, 1)
        if ends:
            self.open.discard(name)
            mine.discard(name)
        add(self.shared.sent, words)
        self.pace(words)

    def take(self, result):
        if not isinstance(result, Answer):
            raise AssertionError(f"refused: {result}")
        add(self.shared.answered, len(result))

    def pace(self, words):
        rate = self.shared.rate.value
        if rate <= 0:
            return
        now = time.monotonic()
        if now - self.pace_from > 2 or self.paced == 0:
            self.pace_from, self.paced = now, 0
        self.paced += words
        ahead = self.paced / rate - (now - self.pace_from)
        if ahead > 0.001:
            time.sleep(min(ahead, 1.0))


@told
def send(shared, endpoint, index, seed):
    Sender(shared, endpoint, index, seed).run()


@told
def watch(shared, endpoint, seed):
    """Subscribers that come and go; every fourth does not read."""
    rng = random.Random(seed)

    def look(rng):
        while not shared.ending.is_set():
            topic = rng.choice(["tap/inference/output/", "tap/tokenizer/tokens/s0-1",
                                "tap/daemon/", "tap/inference/gates/s1-7/",
                                "rate:5/tap/sink/result/", "every:10/tap/tokenizer/input/"])
            until = time.monotonic() + rng.uniform(1, 12)
            with Subscriber(endpoint, topic, high_water_mark=rng.choice([10, 1000])) as subscriber:
                if rng.random() < 0.25:
                    shared.ending.wait(until - time.monotonic())
                while (left := until - time.monotonic()) > 0 and not shared.ending.is_set():
                    if subscriber.receive(timeout=min(left, 0.5)) is not None:
                        add(shared.tapped, 1)
                add(shared.holes, subscriber.lost)

    threads = [threading.Thread(target=told(lambda _, rng: look(rng)),
                                args=(shared, random.Random(rng.random()))) for _ in range(TAPS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Figures:
    """What /proc, the store's files and the daemon's own /metrics say of it."""

    def __init__(self, daemon, shared):
        self.daemon, self.shared = daemon, shared
        self.began = time.monotonic()
        self.samples = []
        self.answered, self.at = shared.answered.value, self.began

    def sample(self):
        process = Path(f"/proc/{self.daemon.process_id}")
        status = (process / "status").read_text()
        with urllib.request.urlopen(self.daemon.url + "metrics", timeout=30) as response:
            metrics = response.read().decode()
        now, answered = time.monotonic(), self.shared.answered.value
        self.samples.append({
            "seconds": round(now - self.began, 1),
            "memory_mib": int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024,
            "descriptors": len(list((process / "fd").iterdir())),
            "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
            "store_mib": sum(path.stat().st_size
                             for path in self.daemon.folder.glob("state.sqlite*")) / (1 << 20),
            "steps_a_second": (answered - self.answered) / (now - self.at),
            "streams": float(re.search(r"^millrace_streams_active (\S+)", metrics, re.M)[1]),
        })
        self.answered, self.at = answered, now
        return self.samples[-1]


def verdict(samples):
    """Words for each figure that has grown from the first third behind the warm-up to the last."""
    rest = samples[int(len(samples) * WARM_UP):]
    third = len(rest) // 3
    faults = []
    for key, slack in [("memory_mib", MEMORY_SLACK), ("store_mib", None), ("threads", 0),
                       ("descriptors", DESCRIPTOR_SLACK)]:
        first, last = ([one[key] for one in part] for part in (rest[:third], rest[-third:]))
        before, after = statistics.median(first), statistics.median(last)
        if key == "store_mib":
            # Its pages are used again: what counts is that its largest size is reached early.
            before, after, slack = max(first), max(last), 0.1 * max(first)
        elif key == "memory_mib":
            slack = before * MEMORY_SLACK
        print(f"{key:12} {before:8.1f} -> {after:8.1f}, from {min(one[key] for one in rest):.1f} "
              f"to {max(one[key] for one in rest):.1f}")
        if after > before + slack:
            faults.append(f"{key} grew from {before:.1f} to {after:.1f}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--load", type=float, default=0.7, help="share of the full speed")
    parser.add_argument("--calibration", type=float, default=20, help="seconds at full speed")
    parser.add_argument("--durability", default="fsync", choices=["none", "os", "fsync"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="draw the figures into this SVG file")
    parser.add_argument("--samples", type=Path, help="write them to this file, one JSON a line")
    options = parser.parse_args()
    settings = {"inference.workers": 2}
    if options.durability != "none":
        # Half of the streams have room: the others are parked meanwhile.
        settings |= {"limits.live-streams": SENDERS * STREAMS // 2, "state.store": "state.sqlite", "state.durability": options.durability,
                     "state.checkpoint": "1s", "state.park-after": "5s"}
    shared = Shared()
    with Daemon(ROOT / "Pipelines/topics.yaml", http=True, settings=settings,
                binary=Path(options.binary).resolve(), timeout=120) as daemon:
        processes = [
            multiprocessing.Process(target=send, args=(shared, daemon.ingress, index,
                                                       options.seed + index), daemon=True)
            for index in range(SENDERS)]
        processes.append(multiprocessing.Process(
            target=watch, args=(shared, daemon.monitor, options.seed), daemon=True))
        for process in processes:
            process.start()
        try:
            samples = run(shared, daemon, options)
        finally:
            shared.ending.set()
        for process in processes:
            process.join(180)
            if process.is_alive():
                shared.faults.put(f"{process.name} does not end")
        daemon.stop()
    faults = []
    while not shared.faults.empty():
        faults.append(shared.faults.get())
    if faults or len(samples) < 12:
        sys.exit("\n".join(faults) or "too short a soak to say anything; give it some minutes")
    faults += verdict(samples)
    print(f"{shared.answered.value} steps answered, {shared.lives.value} lives, "
          f"{shared.connections.value} connections, {shared.tapped.value} messages of taps "
          f"({shared.holes.value} holes counted)")
    if options.samples:
        options.samples.write_text("".join(json.dumps(one) + "\n" for one in samples))
    if options.plot:
        minutes = [one["seconds"] / 60 for one in samples]
        draw(options.plot, f"{samples[-1]['seconds'] / 60:.0f} minutes at {options.load:.0%} load", [
            Series("resident memory, MiB", minutes, [one["memory_mib"] for one in samples]),
            Series("descriptors", minutes, [one["descriptors"] for one in samples]),
            Series("threads", minutes, [one["threads"] for one in samples]),
            Series("store, MiB", minutes, [one["store_mib"] for one in samples]),
            Series("steps answered a second", minutes, [one["steps_a_second"] for one in samples]),
        ])
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


def run(shared, daemon, options):
    """Calibrates, then keeps to the load; returns the samples of the latter."""
    shared.ending.wait(options.calibration / 4)  # first connections, first files
    before, began = shared.answered.value, time.monotonic()
    shared.ending.wait(options.calibration)
    full = (shared.answered.value - before) / (time.monotonic() - began)
    shared.rate.value = full * options.load / SENDERS
    print(f"full speed {full:.0f} steps/s; load {options.load:.0%} = {full * options.load:.0f}",
          flush=True)
    figures = Figures(daemon, shared)
    until = time.monotonic() + options.minutes * 60
    while time.monotonic() < until and not shared.ending.wait(SAMPLE_SECONDS):
        one = figures.sample()
        if len(figures.samples) % 12 == 0:
            print(json.dumps({key: round(value, 1) for key, value in one.items()}), flush=True)
    return figures.samples


if __name__ == "__main__":
    main()
