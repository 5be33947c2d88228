"""Whatever a daemon forgets, the joined answers are those of a daemon that never stopped."""

import random
import unittest

import numpy as np
from millrace import Client, Refusal

from .server import RunningSum


def run(crashes, seed):
    """Sends three streams, cut and interleaved by chance; returns answers, server and counters."""
    chance = random.Random(seed)
    streams = {name: np.arange(1, 31) * scale for name, scale in [("a", 1.0), ("b", 2.0),
                                                                  ("c", 0.5)]}
    with RunningSum("tcp://127.0.0.1:*", crashes) as server, \
            Client(server.endpoint, silence=0.04, timeout=20.0) as client:
        left = dict(streams)
        while left:
            name = chance.choice(sorted(left))
            piece, left[name] = np.split(left[name], [chance.randint(1, 5)])
            client.send(name, piece.reshape(-1, 1), end=not left[name].size)
            if not left[name].size:
                del left[name]
        results = client.drain()
    refusals = [one for one in results if isinstance(one, Refusal)]
    if refusals:
        raise AssertionError(f"refused: {refusals[0]}")
    answers = {name: [] for name in streams}
    for answer in results:
        first = len(answers[answer.stream])
        if answer.number != first:
            raise AssertionError(f"{answer.stream}: expected number {first}, received {answer}")
        answers[answer.stream].extend(answer.values.ravel().tolist())
    return answers, server, client.counters


class Recovery(unittest.TestCase):
    EXPECTED = {name: np.cumsum(np.arange(1, 31) * scale).astype("f4").tolist()
                for name, scale in [("a", 1.0), ("b", 2.0), ("c", 0.5)]}

    def test_without_a_crash(self):
        answers, server, counters = run(crashes=0, seed=1)
        self.assertEqual(answers, self.EXPECTED)
        self.assertEqual((counters.sent, counters.covered, counters.outstanding), (90, 90, 0))
        self.assertGreater(server.data_count, 20)

    def test_with_crashes_at_many_points(self):
        for crashes, seed in [(11, 2), (7, 3), (5, 4)]:
            with self.subTest(crashes=crashes, seed=seed):
                answers, server, counters = run(crashes, seed)
                self.assertEqual(answers, self.EXPECTED)
                self.assertEqual((counters.sent, counters.covered), (90, 90))
                self.assertGreater(server.crash_count, 2)


if __name__ == "__main__":
    unittest.main()
