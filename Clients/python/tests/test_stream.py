"""`Client.stream`: one stream sent piece by piece, its answers as they come."""

import unittest

import numpy as np
from millrace import Answer, Client, Refusal, StreamRefused, Subscriber
from millrace.wire import Kind

from .server import RunningSum, Server
from .test_client import client_of, floats
from .test_daemon import hello


class Streaming(unittest.TestCase):
    def test_answers_come_while_pieces_are_still_to_be_sent(self):
        asked = []

        def pieces():
            for number in range(1, 21):  # more than the daemon's credit
                asked.append(number)
                yield [[float(number)]]

        with RunningSum("tcp://127.0.0.1:*") as server, \
                Client(server.endpoint, timeout=10.0) as client:
            answers, asked_at_first = [], 0
            for answer in client.stream("a", pieces()):
                asked_at_first = asked_at_first or len(asked)
                answers += floats(answer)
            self.assertEqual(answers, np.cumsum(np.arange(1, 21)).tolist())
            self.assertLess(asked_at_first, 20)
            self.assertEqual(client.counters.outstanding, 0)

    def test_without_an_end_the_stream_goes_on(self):
        with hello() as daemon, Client(daemon.endpoint) as client:
            first = [len(one) for one in client.stream("a", "he", end=False)]
            client.send("b", "h")
            second = [one for one in client.stream("a", iter("ll"))]
            self.assertEqual((sum(first), [one.number for one in second]), (2, [2, 3]))
            self.assertEqual([one.stream for one in client.drain()], ["b"])

    def test_a_refused_step_is_yielded_and_the_rest_goes_on(self):
        with hello() as daemon, Client(daemon.endpoint) as client:
            results = list(client.stream("a", iter(["h", "x", "e"])))
            self.assertEqual([one.code for one in results if isinstance(one, Refusal)],
                             ["bad-token"])
            self.assertEqual(sum(len(one) for one in results if isinstance(one, Answer)), 2)

    def test_a_refusal_that_ends_the_stream_is_raised(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.take(Kind.DATA)
            server.refuse("a", 0, "fenced")

        with Server(script) as server, client_of(server) as client:
            with self.assertRaisesRegex(StreamRefused, "fenced"):
                list(client.stream("a", [[1.0]]))

    def test_a_refused_peek_is_told_and_leaves_the_stream_as_it_was(self):
        with hello() as daemon, Client(daemon.endpoint) as client:
            client.send("a", "he")
            client.send("a", "x", peek=True)
            refusals = [one for one in client.drain() if isinstance(one, Refusal)]
            self.assertEqual([(one.code, one.count) for one in refusals], [("bad-token", 0)])
            client.send("a", peek=True)
            peek, = client.drain()
            self.assertEqual((peek.peek, len(peek), peek.number), (True, 0, 2))
            self.assertEqual(sum(map(len, client.stream("a", "ll"))), 2)


class Connecting(unittest.TestCase):
    def test_nobody_there_is_told_as_such(self):
        with Client("ipc:///tmp/millrace-nobody-here", timeout=0.05) as client:
            with self.assertRaisesRegex(TimeoutError, "here in vain: nobody has answered there"):
                client.send("a", "x")

    def test_keys_of_a_wrong_length_are_told(self):
        good = "x" * 40
        for keys, name in (((b"x" * 31, good, good), "server's public key has 31"),
                           ((good, good, "short"), "own secret key has 5")):
            for reader in (Client, Subscriber):
                with self.subTest(name, reader=reader), self.assertRaisesRegex(ValueError, name):
                    reader("tcp://127.0.0.1:1", curve=keys)


if __name__ == "__main__":
    unittest.main()
