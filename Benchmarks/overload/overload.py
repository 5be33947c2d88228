#!/usr/bin/env python3
"""Whether one greedy stream can slow the others down.

Polite streams send one step every 20 ms each and time its answer; a greedy one sends 64 steps a
message for as long as it has credit. In every other round the greedy one sends to another daemon of
the same kind instead, so that the machine is as busy in both and only the queues differ. The p99 of
the polite answers is compared: at most 1.5 times is what is promised.

Usage: MILLRACE=.build/release/millrace overload.py [--rounds N] [--seconds S] [--streams N] [--json]
"""

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients/python"))

import numpy as np  # noqa: E402
from millrace import Answer, Client  # noqa: E402

MILLRACE = os.environ.get("MILLRACE", str(ROOT / ".build/release/millrace"))
PERIOD_SECONDS = 0.020
WIDTH = 9


def greedy(endpoint: str) -> None:
    """Sends until it is told to stop by the end of its input; says how many steps were answered."""
    os.nice(10)  # the daemon, not the core that its clients share with it, is what is measured
    rows = np.zeros((64, WIDTH), "f4")
    answered = 0
    with Client(endpoint) as client:
        while not select.select([sys.stdin], [], [], 0)[0]:
            try:
                client.send(f"greedy-{os.getpid()}", rows, timeout=0.05)
            except TimeoutError:
                pass
            while isinstance(result := client.receive(0), Answer):
                answered += len(result)
    print(answered)


def polite(client: Client, streams: int, seconds: float, numbers: list[int]) -> list[float]:
    """Milliseconds to each answer of the polite streams, which send in turn."""
    row = np.zeros((1, WIDTH), "f4")
    gap = PERIOD_SECONDS / streams
    begun = time.monotonic()
    due, turn, times = begun, 0, []
    sent: dict[tuple[str, int], float] = {}

    def take(wait: float) -> None:
        while isinstance(result := client.receive(max(0.0, wait)), Answer):
            wait = 0.0
            if (at := sent.pop((result.stream, result.number), None)) is not None:
                times.append((time.perf_counter() - at) * 1000)

    while due - begun < seconds:
        while (wait := due - time.monotonic()) > 0:
            take(wait)
        index = turn % streams
        sent[f"polite-{index}", numbers[index]] = time.perf_counter()
        client.send(f"polite-{index}", row)
        numbers[index] += 1
        turn += 1
        due += gap
    deadline = time.monotonic() + 5
    while sent and time.monotonic() < deadline:
        take(0.1)
    if sent:
        raise SystemExit(f"{len(sent)} steps were not answered")
    return times


class Daemon:
    def __init__(self, folder: str, name: str):
        self.endpoint = f"ipc://{folder}/{name}"
        pipeline = Path(folder) / f"{name}.yaml"
        motion = ROOT / "Fixtures/motion"
        pipeline.write_text(f"ingress: {self.endpoint}\nmodel: {motion}/model.keras\n"
                            f"tokenizer: {{ kind: values, scaling: {motion}/scaling.json }}\n")
        self.process = subprocess.Popen([MILLRACE, "run", pipeline, "--log-level", "notice"],
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        while "msg=ready" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise SystemExit("the daemon did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=30)


def measure(arguments) -> dict:
    # Crowded or not -> p50 and p99 of each round.
    rounds: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    rates = []
    with (tempfile.TemporaryDirectory(prefix="mr") as folder, Daemon(folder, "a") as daemon,
          Daemon(folder, "b") as elsewhere, Client(daemon.endpoint) as client):
        numbers = [0] * arguments.streams
        polite(client, arguments.streams, 1.0, numbers)
        for index in range(2 * arguments.rounds):
            crowded = index % 2 == 1
            target = daemon if crowded else elsewhere
            other = subprocess.Popen([sys.executable, __file__, "--greedy", target.endpoint],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            polite(client, arguments.streams, 0.5, numbers)
            times = polite(client, arguments.streams, arguments.seconds, numbers)
            answered = int(other.communicate("stop\n", timeout=30)[0])
            if crowded:
                rates.append(answered / (arguments.seconds + 0.5))
            rounds[crowded].append((float(np.percentile(times, 50)),
                                    float(np.percentile(times, 99))))

    def median(crowded, which):
        return statistics.median(one[which] for one in rounds[crowded])

    return {"streams": arguments.streams, "rounds": arguments.rounds,
            "greedy_elsewhere_p50_ms": median(False, 0), "greedy_elsewhere_p99_ms": median(False, 1),
            "beside_greedy_p50_ms": median(True, 0), "beside_greedy_p99_ms": median(True, 1),
            "p99_ratio": median(True, 1) / median(False, 1),
            "greedy_steps_a_second": statistics.median(rates)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--greedy", metavar="ENDPOINT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.greedy:
        return greedy(arguments.greedy)
    figures = measure(arguments)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:26} {value:.3f}" if isinstance(value, float) else f"{name:26} {value}")
    if figures["p99_ratio"] > 1.5:
        print("the greedy stream raises the others' p99 by more than 1.5", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
