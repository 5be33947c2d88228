#!/usr/bin/env python3
"""Whether one `millrace tap` gets every message of a daemon under moderate load.

A daemon runs Pipelines/motion.yaml, one client sends single steps at a steady rate, round all streams, and
`millrace tap` reads the topic. The load begins once the tap has had its first message, and ends by its
count: received, and the holes between its sequences of each topic. Fewer than were sent: the exit code is 1.

Usage: MILLRACE=.build/release/millrace reader.py [--streams N] [--rate MESSAGES] [--seconds N] [--topic TOPIC]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients/python"))

import numpy as np  # noqa: E402
from millrace import Client  # noqa: E402

MILLRACE = os.environ.get("MILLRACE", str(ROOT / ".build/release/millrace"))
PIPELINE = ROOT / "Pipelines/motion.yaml"
WIDTH = 9
# The stream of the messages before the load, which tell when the tap has subscribed.
FIRST = "first"


def wait_until(done, seconds: float) -> bool:
    """Whether `done` came true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def busy(process: subprocess.Popen) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(client: Client, arguments, row: np.ndarray) -> tuple[int, int, float]:
    """Messages sent, answers that came, seconds that it took."""
    messages, answers = int(arguments.rate * arguments.seconds), 0
    began = time.monotonic()
    for index in range(messages):
        while (early := began + index / arguments.rate - time.monotonic()) > 0:
            answers += client.receive(early) is not None
        client.send(f"s{index % arguments.streams}", row)
    answers += len(client.drain(60))
    return messages, answers, time.monotonic() - began


def measure(arguments, folder: str) -> dict:
    environment = os.environ | {"MILLRACE_RUN": folder}
    taken, said = Path(folder) / "tap.json", Path(folder) / "tap.log"
    row = np.random.default_rng(1).normal(size=(1, WIDTH)).astype("f4")
    daemon = subprocess.Popen([MILLRACE, "run", PIPELINE, "--log-level", "notice"], env=environment)
    tap = None
    try:
        with open(taken, "wb") as output, open(said, "wb") as errors:
            tap = subprocess.Popen([MILLRACE, "tap", PIPELINE, arguments.topic], stdout=output, stderr=errors,
                                   env=environment)
        with Client(f"ipc://{folder}/motion", timeout=60) as client:
            def comes() -> bool:
                client.send(FIRST, row)
                client.drain(60)
                return taken.stat().st_size > 0

            if not wait_until(comes, 30):
                raise SystemExit("the tap got nothing:\n" + said.read_text())
            before = busy(daemon), busy(tap)
            messages, answers, seconds = load(client, arguments, row)
            used = busy(daemon) - before[0], busy(tap) - before[1]

        def sequences() -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for line in taken.read_text().splitlines(keepends=True):
                # The last line may be half written.
                if line.endswith("\n") and f"/{FIRST}/" not in (topic := (one := json.loads(line))["topic"]):
                    found.setdefault(topic, []).append(one["sequence"])
            return found

        wait_until(lambda: sum(map(len, sequences().values())) >= messages, 5)
        tap.send_signal(signal.SIGINT)
        tap.wait(30)
        topics = sequences()
    finally:
        for process in filter(None, (tap, daemon)):
            process.terminate()
            process.wait(60)
    return {"messages_sent": messages, "messages_a_second": messages / seconds, "answers": answers,
            "topics": len(topics), "received": sum(map(len, topics.values())),
            "holes": sum(of[-1] - of[0] + 1 - len(of) for of in topics.values()),
            "percent_of_processor_daemon": 100 * used[0] / seconds,
            "percent_of_processor_tap": 100 * used[1] / seconds,
            "tap_says": said.read_text().strip().splitlines()[-1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1000, help="messages a second, of all streams")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--topic", default="tap/inference/output/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mr") as folder:
        figures = measure(arguments, folder)
    for name, value in figures.items():
        print(f"{name:28} {value:.1f}" if isinstance(value, float) else f"{name:28} {value}")
    if figures["received"] != figures["messages_sent"] or figures["holes"]:
        print("the tap did not get every message", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
