"""Kept lines: a reader that comes late gets each line once, and then what is live."""

import asyncio
import tempfile
import unittest

import numpy as np

from millrace import AsyncSubscriber, Client, Subscriber

from .test_daemon import Daemon, MOTION


def kept(folder: str) -> Daemon:
    return Daemon(f"tokenizer: {{ kind: values, scaling: {MOTION}/scaling.json }}\n"
                  f"model: {MOTION}/model.keras\nlabels: {MOTION}/labels.txt\n"
                  f"state: {{ store: {folder}/state.sqlite, durability: os, history: 1h }}")


class HistoryTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.rows = np.random.default_rng(3).normal(size=(1600, 9)).astype("<f4")

    def test_a_late_reader_gets_each_line_once(self):
        with kept(self.folder) as daemon, Client(daemon.endpoint) as client:
            client.send("cam-1", self.rows[:1200])
            client.drain()
            with Subscriber(daemon.taps, "tap/daemon/events/", timeout=10) as tap:
                lines = []
                for line in tap.follow("cam-1", number=57):
                    lines.append(line)
                    if line["number"] == 900:
                        # Live while old ones are still read.
                        client.send("cam-1", self.rows[1200:], end=True)
                        client.drain()
                    if line["number"] == len(self.rows) - 1:
                        break
        self.assertEqual([line["number"] for line in lines], list(range(57, len(self.rows))))

    def test_the_same_with_asyncio(self):
        async def read(taps: str) -> list[int]:
            async with AsyncSubscriber(taps, "tap/daemon/events/", timeout=10) as tap:
                numbers = []
                async for line in tap.follow("cam-1"):
                    numbers.append(line["number"])
                    if len(numbers) == 700:
                        return numbers
            return numbers

        with kept(self.folder) as daemon, Client(daemon.endpoint) as client:
            client.send("cam-1", self.rows[:700])
            client.drain()
            self.assertEqual(asyncio.run(read(daemon.taps)), list(range(700)))

    def test_a_limit_leaves_messages_out(self):
        with kept(self.folder) as daemon, Client(daemon.endpoint) as client:
            with Subscriber(daemon.taps, "every:5/tap/sink/result/cam-1/", timeout=10) as tap:
                tap.ready()
                client.send("cam-1", self.rows[:21])
                numbers = [tap.receive()[1].json()["number"] for _ in range(5)]
                self.assertEqual((numbers, tap.lost), ([0, 5, 10, 15, 20], 0))


if __name__ == "__main__":
    unittest.main()
