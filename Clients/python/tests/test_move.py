"""Streams move between daemons while their sender goes on: no step lost, doubled or different."""

import asyncio
import json
import os
import pathlib
import subprocess
import threading
import unittest

import numpy as np
from millrace import AsyncClient, Client, Daemon, Refusal

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("MILLRACE", str(ROOT / ".build" / "debug" / "millrace"))
MOTION = ROOT / "Pipelines" / "motion.yaml"
NAMES = ["s0", "s1", "s2"]
ROWS = 240


def inputs():
    """Rows of each stream, cut from the fixture's."""
    text = (ROOT / "Fixtures" / "motion" / "input.jsonl").read_text()
    rows = np.array([json.loads(line)["values"] for line in text.splitlines()], "<f4")
    return {name: np.resize(np.roll(rows, 7 * index, axis=0), (ROWS, rows.shape[1]))
            for index, name in enumerate(NAMES)}


def joined(results):
    """Rows of every stream in order; fails where a number is missing, twice or refused."""
    rows = {name: [] for name in NAMES}
    for result in results:
        if isinstance(result, Refusal):
            raise AssertionError(f"refused: {result}")
        if len(result) and result.number != len(rows[result.stream]):
            raise AssertionError(
                f"{result.stream}: expected number {len(rows[result.stream])}, received {result}")
        rows[result.stream].extend(row.tobytes() for row in result.values)
    return rows


def streams(daemon, *arguments):
    """`millrace streams`, asked at a daemon's own control socket."""
    run = subprocess.run(
        [BINARY, "streams", *arguments, "--from", f"{daemon.ingress}.control"],
        capture_output=True, text=True, timeout=60)
    if run.returncode:
        raise AssertionError(f"{arguments}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()]


class Movers:
    """Moves all streams to and fro while something is sent."""

    def __init__(self, first, second):
        self.daemons = [first, second]
        self.moves = 0
        self.failure = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.is_over.is_set() and self.moves < 40:
                here, there = self.daemons[self.moves // 3 % 2], self.daemons[
                    (self.moves // 3 + 1) % 2]
                streams(here, "move", str(MOTION), NAMES[self.moves % 3], "--to",
                        f"{there.ingress}.control")
                self.moves += 1
        except AssertionError as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        if self.failure:
            raise self.failure


class Move(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = inputs()
        with Daemon(MOTION, binary=BINARY) as daemon, daemon.client() as client:
            for name, rows in cls.data.items():
                client.send(name, rows, end=True)
            cls.expected = joined(client.drain())

    def check(self, results, counters, moves):
        self.assertEqual(joined(results), self.expected)
        self.assertEqual((counters.sent, counters.covered, counters.refused),
                         (ROWS * len(NAMES),) * 2 + (0,))
        self.assertGreater(moves, 3)

    def test_a_blocking_client_follows(self):
        with Daemon(MOTION, binary=BINARY) as first, Daemon(MOTION, binary=BINARY) as second, \
                Client(first.ingress, timeout=60) as client:
            for name in NAMES:
                client.send(name, self.data[name][:1])
            results = []
            with Movers(first, second) as movers:
                at, wanted = 1, 4
                while at < ROWS - 1:
                    # Something is under way all the time, until there were moves enough.
                    step = 3 if movers.moves >= wanted else 1
                    if step == 1 and at > ROWS - 40 and movers.thread.is_alive():
                        movers.thread.join(0.05)
                        if movers.moves < wanted:
                            continue
                    for name in NAMES:
                        client.send(name, self.data[name][at:min(at + step, ROWS - 1)])
                    at = min(at + step, ROWS - 1)
                    while (result := client.receive(timeout=0.002)) is not None:
                        results.append(result)
            for name in NAMES:
                client.send(name, self.data[name][ROWS - 1:], end=True)
            results += client.drain()
            self.check(results, client.counters, movers.moves)

    def test_an_asyncio_client_follows(self):
        async def send(client, movers, name, results):
            async def pieces():
                for row in self.data[name]:
                    # Slower until there were moves enough.
                    await asyncio.sleep(0.0 if movers.moves > 5 else 0.02)
                    yield row[None]
            async for result in client.stream(name, pieces(), timeout=60):
                results.append(result)

        async def run(first, second):
            results = []
            async with AsyncClient(first.ingress, timeout=60) as client:
                for name in NAMES:
                    await client.send(name, self.data[name][:0], start=True)
                movers = await asyncio.to_thread(Movers(first, second).__enter__)
                try:
                    await asyncio.gather(*(
                        send(client, movers, name, results) for name in NAMES))
                finally:
                    movers.is_over.set()
                    await asyncio.to_thread(movers.thread.join)
                return results, client.counters, movers

        with Daemon(MOTION, binary=BINARY) as first, Daemon(MOTION, binary=BINARY) as second:
            results, counters, movers = asyncio.run(run(first, second))
            # Moves end when the streams have: the last may find nothing left to move.
            if movers.failure and "has ended" not in str(movers.failure):
                raise movers.failure
            self.check(results, counters, movers.moves)


if __name__ == "__main__":
    unittest.main()
