"""The client against a ROUTER that says exactly what each test is about."""

import threading
import unittest

import numpy as np
from millrace import Answer, Client, Refusal, StateLost, StreamRefused
from millrace.wire import DType, Flag, Kind, Message

from .server import Server

SILENCE = 30.0


def client_of(server, **options):
    # Time passes when a test says so: a loaded machine must not look like a dead peer.
    return Client(server.endpoint, **{"silence": SILENCE, "retry_delay": 0.02, "timeout": 10.0}
                  | options)


def pass_time(client, seconds=SILENCE + 1):
    clock = client.session.link.clock
    client.session.link.clock = lambda: clock() + seconds


def take_welcome(client):
    """Takes the first welcome. A hello in front of it brings a ping, whose pong is a sign of life."""
    if not next(iter(client._sockets.values())).poll(10_000):
        raise AssertionError("no welcome came")
    client.receive(0)


def floats(result):
    return result.values.ravel().tolist()


class Sending(unittest.TestCase):
    def test_greets_first_without_an_empty_part(self):
        def script(server):
            hello = server.welcome()
            self.assertEqual(hello, {"streams": {}, "epoch": 5})
            data = server.take(Kind.DATA)
            self.assertEqual((data.stream, data.dtype, data.count, data.width, data.number),
                             ("a", DType.F32, 2, 3, 0))
            self.assertEqual((data.epoch, data.time, data.flags), (5, 77, Flag.START))
            self.assertEqual(data.note_fields(), {"traceparent": "00-1-2-01"})
            np.testing.assert_array_equal(data.values(), [[1, 2, 3], [4, 5, 6]])

        with Server(script) as server, client_of(server, epoch=5) as client:
            self.assertEqual(client.send("a", [[1.0, 2, 3], [4, 5, 6]], start=True, time=77,
                                         note={"traceparent": "00-1-2-01"}), 0)

    def test_numbers_text_in_bytes_and_the_rest_in_steps(self):
        def script(server):
            server.welcome()
            for number, count, width, dtype in [
                    (0, 3, 1, DType.TEXT), (3, 2, 1, DType.TEXT), (0, 2, 1, DType.I32),
                    (2, 1, 1, DType.I32), (0, 1, 4, DType.U8), (1, 1, 2, DType.F32)]:
                data = server.take(Kind.DATA)
                self.assertEqual((data.number, data.count, data.width, data.dtype),
                                 (number, count, width, dtype))

        with Server(script) as server, client_of(server) as client:
            self.assertEqual(client.send("text", "\uc548"), 0)
            self.assertEqual(client.send("text", b"\xec\x95"), 3)
            self.assertEqual(client.send("ids", [7, 8]), 0)
            self.assertEqual(client.send("ids", np.array([9])), 2)
            self.assertEqual(client.send("values", np.zeros(4, np.uint8)), 0)
            self.assertEqual(client.send("values", np.zeros(2)), 1)

    def test_refuses_what_it_cannot_send_before_numbering_it(self):
        with Server(lambda server: server.welcome()) as server, client_of(server) as client:
            for data in ([1 << 40], np.zeros((1, 2, 3)), [True]):
                with self.subTest(data=data), self.assertRaises((TypeError, ValueError)):
                    client.send("a", data)
            with self.assertRaises(ValueError):
                client.send("a/b", [1.0])
            self.assertEqual(client.counters.sent, 0)

    def test_waits_for_credit_over_all_streams(self):
        def script(server):
            server.welcome(credit=4)
            self.assertEqual(server.take(Kind.DATA).count, 3)
            self.assertIsNone(server.poll(0.05))  # 2 more would be 5
            server.credit(3)  # never decreases
            self.assertIsNone(server.poll(0.05))
            server.credit(5)
            self.assertEqual(server.take(Kind.DATA).stream, "b")
            self.assertIsNone(server.poll(0.05))
            server.acknowledge("a", 3, credit=6)
            self.assertEqual(server.take(Kind.DATA).stream, "a")

        with Server(script) as server, client_of(server) as client:
            client.send("a", np.zeros((3, 1)))
            client.send("b", np.zeros((2, 1)))
            client.send("a", np.zeros((1, 1)))

    def test_what_is_no_endpoint_is_said_in_words(self):
        for endpoint in ("nonsense", "tcp://127.0.0.1", "http://127.0.0.1:80", "",
                         f"ipc:///tmp/{'long' * 40}"):
            with self.subTest(endpoint), self.assertRaisesRegex(
                    ValueError, f"^{endpoint!r} is no endpoint .*: expected tcp://HOST:PORT or "):
                Client(endpoint)

    def test_a_closed_client_hands_on_what_has_come_and_waits_for_nothing(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [1])
            server.acknowledge("a", 1)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.flush()
            client.close()
            self.assertEqual(floats(client.receive()), [1])
            for wait in (lambda: client.send("a", [[1.0]]), lambda: client.resume("b"),
                         client.receive, client.drain):
                with self.assertRaisesRegex(ConnectionError, "^the client was closed$"):
                    wait()

    def test_says_what_it_waited_for_in_vain_and_sends_it_later(self):
        def script(server):
            server.welcome(credit=1)
            server.take(Kind.DATA)
            self.assertIsNone(server.poll(0.1))
            server.credit(2)
            self.assertEqual(server.take(Kind.DATA).number, 1)
            server.answer("a", 0, [0, 1])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            with self.assertRaisesRegex(TimeoutError, "credit for a from tcp://.*credit 0, 2 of 2"):
                client.send("a", [[2.0]], timeout=0.02)
            client.drain()

    def test_cuts_what_is_larger_than_a_full_credit(self):
        def script(server):
            server.welcome(credit=8)
            for number in range(0, 20, 2):
                data = server.take(Kind.DATA)
                self.assertEqual((data.number, data.count), (number, 2))
                self.assertEqual(data.flags, {0: Flag.START | Flag.RESET, 18: Flag.END}.get(
                    number, Flag(0)))
                server.credit(number + 10)

        with Server(script) as server, client_of(server) as client:
            client.send("a", "0123456789" * 2, start=True, reset=True, end=True)


class Answers(unittest.TestCase):
    def test_hands_on_answers_with_all_that_they_say(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [0.5, 0.25], covers=5, ids=b"\1\0\0\0\2\0\0\0", model=9,
                          note=b'{"traceparent":"x"}')
            server.answer("a", 2, [], covers=6, last=True)
            server.acknowledge("a", 6)

        with Server(script) as server, client_of(server) as client:
            client.send("a", b"hello!", end=True)
            first, last = client.drain()
            self.assertEqual((first.stream, first.number, floats(first), first.ids.tolist()),
                             ("a", 0, [0.5, 0.25], [1, 2]))
            self.assertEqual((first.last, first.input, first.model, first.note),
                             (False, 5, 9, {"traceparent": "x"}))
            self.assertEqual((last.number, len(last), last.last), (2, 0, True))
            self.assertEqual((client.counters.sent, client.counters.covered), (6, 6))

    def test_drops_rows_that_it_had(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [0, 1])
            server.answer("a", 0, [0, 1])
            server.answer("a", 1, [1, 2, 3])
            server.answer("a", 4, [4], last=True)
            server.answer("a", 4, [4], last=True)
            server.acknowledge("a", 5)
            server.answer("a", 4, [4], last=True)
            server.answer("b", 0, [0])

        with Server(script) as server, client_of(server) as client:
            client.send("a", np.zeros((5, 1)), end=True)
            results = client.drain()
            self.assertEqual([(one.number, floats(one)) for one in results],
                             [(0, [0, 1]), (2, [2, 3]), (4, [4])])
            while client.receive(0.05):
                self.fail("a repeated answer was handed on")
            self.assertEqual(client.counters.duplicates, 2 + 1 + 1 + 1 + 1)
            self.assertEqual(client.counters.covered, 5)

    def test_one_answer_may_cover_many_steps(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 9, [1], covers=10)
            server.acknowledge("a", 10)

        with Server(script) as server, client_of(server) as client:
            client.send("a", np.zeros((10, 1)))
            self.assertEqual([one.number for one in client], [9])
            self.assertEqual(client.counters.covered, 10)

    def test_friendly_connections_get_lines(self):
        line = b'{"stream":"a","number":0,"score":null}'

        def script(server):
            self.assertTrue(server.take(Kind.HELLO).friendly)
            server.send_welcome()
            data = server.take(Kind.DATA)
            self.assertTrue(data.friendly)
            server.send(Message(Kind.ANSWER, "a", DType.JSON, Flag.LAST, 1, len(line), input=1,
                                payload=line, friendly=True))
            server.send(Message.control(Kind.ACKNOWLEDGE, stream="a", number=1, friendly=True))

        with Server(script) as server, client_of(server, friendly=True) as client:
            client.send("a", [[1.0]], end=True)
            answer, = client.drain()
            self.assertEqual(answer.line, {"stream": "a", "number": 0, "score": None})
            self.assertTrue(answer.last)

    def test_a_peek_uses_no_number_up(self):
        def script(server):
            server.welcome()
            self.assertEqual(server.take(Kind.DATA).number, 0)
            peek = server.take(Kind.DATA)
            self.assertEqual((peek.number, peek.flags), (1, Flag.PEEK))
            self.assertEqual(server.take(Kind.DATA).number, 1)
            server.answer("a", 0, [1])
            server.answer("a", 1, [8], covers=1, flags=Flag.PEEK)
            server.answer("a", 1, [2])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.send("a", [[1.0]], peek=True)
            client.send("a", [[1.0]])
            self.assertEqual([(one.number, one.peek, floats(one)) for one in client.drain()],
                             [(0, False, [1]), (1, True, [8]), (1, False, [2])])
            self.assertEqual((client.counters.sent, client.counters.covered), (2, 2))

    def test_a_new_life_waits_for_the_end_of_the_old_one(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            self.assertIsNone(server.poll(0.05))
            server.answer("a", 0, [1], last=True)
            self.assertIsNone(server.poll(0.05))
            server.acknowledge("a", 1)
            data = server.take(Kind.DATA)
            self.assertEqual((data.number, data.flags), (0, Flag.START))
            server.answer("a", 0, [2])
            server.acknowledge("a", 1)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]], end=True)
            client.send("a", [[2.0]], start=True)
            self.assertEqual([floats(one) for one in client.drain()], [[1], [2]])


class Refusals(unittest.TestCase):
    def test_a_gap_is_sent_again_from_expected(self):
        def script(server):
            server.welcome()
            for _ in range(4):
                server.take(Kind.DATA)
            server.acknowledge("a", 1)
            server.refuse("a", 3, "gap", expected=2, retry=True)
            for number in (2, 3):
                self.assertEqual(server.take(Kind.DATA).number, number)
            server.answer("a", 0, [0, 1, 2, 3])
            server.acknowledge("a", 4)

        with Server(script) as server, client_of(server) as client:
            for _ in range(4):
                client.send("a", [[1.0]])
            client.drain()
            self.assertEqual(client.counters.retried, 1)
            self.assertEqual(client.counters.covered, 4)

    def test_a_resend_costs_credit(self):
        def script(server):
            server.welcome(credit=3)
            server.take(Kind.DATA)
            server.take(Kind.DATA)
            server.refuse("a", 1, "gap", expected=0, retry=True)
            self.assertEqual(server.take(Kind.DATA).number, 0)
            self.assertIsNone(server.poll(0.05))
            server.credit(4)
            self.assertEqual(server.take(Kind.DATA).number, 1)
            server.answer("a", 0, [0, 1])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.send("a", [[1.0]])
            client.drain()

    def test_over_credit_asks_for_a_new_count(self):
        def script(server):
            server.welcome(credit=9)
            server.take(Kind.DATA)
            server.take(Kind.DATA)
            server.refuse("a", 0, "over-credit", retry=True)
            server.refuse("a", 1, "gap", expected=0, retry=True)
            hello = server.welcome({"a": {"expected": 0, "closed": False, "answers": 0}})
            self.assertEqual(hello["streams"], {"a": 0})
            self.assertEqual(server.take(Kind.DATA).number, 0)
            self.assertEqual(server.take(Kind.DATA).number, 1)
            server.answer("a", 0, [0, 1])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.send("a", [[1.0]])
            client.drain()
            self.assertEqual(client.counters.retried, 2)

    def test_what_may_be_retried_is_sent_again_later(self):
        for code in ("stopping", "too-many-streams", "over-limit", "internal"):
            def script(server):
                server.welcome()
                server.take(Kind.DATA)
                server.refuse("a", 0, code, retry=True)
                server.welcome({"a": {"expected": None, "closed": False, "answers": 0}})
                self.assertEqual(server.take(Kind.DATA).number, 0)
                server.answer("a", 0, [1])
                server.acknowledge("a", 1)

            with self.subTest(code), Server(script) as server, client_of(server) as client:
                client.send("a", [[1.0]])
                self.assertEqual([type(one) for one in client.drain()], [Answer])

    def test_what_is_refused_till_the_deadline_is_named(self):
        def script(server):
            server.welcome()
            for name in ("a", "b"):
                server.take(Kind.DATA)
                server.refuse(name, 0, "too-many-streams", retry=True)
            unknown = {"expected": None, "closed": False, "answers": 0}
            server.welcome({"a": unknown, "b": unknown})
            server.take(Kind.DATA)
            server.answer("a", 0, [1])
            server.acknowledge("a", 1)
            server.take(Kind.DATA)
            server.refuse("b", 0, "over-limit", retry=True)
            is_over.wait(10)

        is_over = threading.Event()
        with Server(script) as server, client_of(server, retry_delay=5.0) as client:
            client.send("a", [[1.0]])
            client.send("b", [[1.0]])
            with self.assertRaisesRegex(
                    TimeoutError, "2 of 2 outstanding; .*: stream b at 0: too-many-streams: "
                    r"too-many-streams \(and 1 more\)"):
                client.drain(timeout=0.5)
            pass_time(client)
            with self.assertRaisesRegex(TimeoutError, "1 of 2 .*: stream b at 0: over-limit: [^(]*$"):
                client.drain(timeout=0.5)
            is_over.set()

    def test_without_a_delay_what_may_be_sent_again_is_left_to_the_caller(self):
        def script(server):
            server.welcome()
            self.assertEqual(server.take(Kind.DATA).number, 0)
            server.answer("a", 0, [1])
            server.acknowledge("a", 1)
            self.assertEqual([server.take(Kind.DATA).number for _ in range(3)], [1, 3, 0])
            server.refuse("a", 1, "over-limit", retry=True)
            # What was sent behind it goes with it, whatever it is told.
            server.refuse("a", 3, "gap", expected=1, retry=True)
            server.answer("b", 0, [5])
            server.acknowledge("b", 1)
            hello = server.take(Kind.HELLO).json()
            self.assertEqual(hello["streams"]["a"], 1)
            self.assertIsNone(server.poll(0.05))  # what is sent now waits for the welcome
            standing = {"expected": 1, "closed": False, "answers": 1}
            server.send_welcome({"a": standing, "b": standing})
            data = server.take(Kind.DATA)
            self.assertEqual((data.number, data.values().tolist()), (1, [[4.0]]))
            server.answer("a", 1, [4])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server, retry_delay=None) as client:
            client.send("a", [[1.0]])
            client.drain()
            client.send("a", [[2.0], [2.0]])
            client.send("a", [[3.0]])
            client.send("b", [[5.0]])
            refusal, _ = client.drain()
            self.assertEqual((refusal.code, refusal.number, refusal.count, refusal.retry),
                             ("over-limit", 1, 3, True))
            self.assertEqual(client.send("a", [[4.0]]), 1)
            self.assertEqual([floats(one) for one in client.drain()], [[4]])
            counters = client.counters
            self.assertEqual((counters.sent, counters.covered, counters.refused), (6, 3, 3))

    def test_numbers_used_up_are_covered_by_their_refusal(self):
        def script(server):
            server.welcome()
            for _ in range(3):
                server.take(Kind.DATA)
            server.refuse("a", 2, "not-finite")
            server.refuse("a", 2, "not-finite")
            server.answer("a", 0, [0, 1])
            server.answer("a", 5, [2, 3])
            server.acknowledge("a", 7)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0], [1.0]])
            client.send("a", [[np.nan]] * 3)
            client.send("a", [[1.0], [1.0]])
            refusal, first, second = client.drain()
            self.assertEqual((refusal.code, refusal.number, refusal.count), ("not-finite", 2, 3))
            self.assertEqual((first.number, second.number), (0, 5))
            counters = client.counters
            self.assertEqual((counters.sent, counters.covered, counters.refused), (7, 4, 3))
            self.assertEqual(counters.duplicates, 1)

    def test_numbers_not_used_up_are_free_again(self):
        def script(server):
            server.welcome()
            for _ in range(3):
                server.take(Kind.DATA)
            server.refuse("a", 1, "bad-dtype")
            server.refuse("a", 2, "gap", expected=1, retry=True)
            data = server.take(Kind.DATA)
            self.assertEqual((data.number, data.dtype), (1, DType.F32))
            server.answer("a", 0, [0, 1])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.send("a", [7])
            client.send("a", [[1.0]])
            refusal = client.receive()
            self.assertEqual((refusal.code, refusal.number, refusal.count), ("bad-dtype", 1, 2))
            self.assertEqual(client.send("a", [[1.0]]), 1)
            client.drain()
            self.assertEqual(client.counters.outstanding, 0)

    def test_conflict_fenced_and_closed_end_the_stream_for_this_sender(self):
        for code in ("conflict", "fenced", "closed"):
            def script(server):
                server.welcome()
                server.take(Kind.DATA)
                server.refuse("a", 0, code, expected=3)
                server.take(Kind.DATA)

            with self.subTest(code), Server(script) as server, client_of(server) as client:
                client.send("a", [[1.0], [1.0]])
                refusal = client.receive()
                self.assertEqual((refusal.code, refusal.count, refusal.expected), (code, 2, 3))
                with self.assertRaisesRegex(StreamRefused, f"stream a at 0: {code}"):
                    client.send("a", [[1.0]])
                client.send("b", [[1.0]])
                self.assertEqual(client.counters.outstanding, 1)

    def test_a_refused_connection_is_told_at_once(self):
        def script(server):
            server.take(Kind.HELLO)
            server.send(Message.control(Kind.REFUSE, {
                "code": "version", "expected": "MR2", "received": "MR1", "retry": False,
                "message": "this daemon speaks 2"}, stream=""))

        with Server(script) as server, client_of(server) as client:
            with self.assertRaisesRegex(StreamRefused, "the connection: version"):
                client.send("a", [[1.0]])
            self.assertIsInstance(client.receive(), Refusal)


class Greeting(unittest.TestCase):
    def test_silence_while_something_is_outstanding_brings_a_hello_and_a_resend(self):
        def script(server):
            server.welcome()
            for _ in range(3):
                server.take(Kind.DATA)
            server.answer("a", 0, [5])
            hello = server.welcome({"a": {"expected": 2, "closed": False, "answers": 2}}, credit=1)
            self.assertEqual(hello, {"streams": {"a": 1}, "epoch": 3})
            self.assertEqual(server.take(Kind.DATA).number, 2)  # nothing below, and 1 of credit
            server.answer("a", 1, [6, 7])
            server.acknowledge("a", 3)

        with Server(script) as server, client_of(server, epoch=3) as client:
            for _ in range(3):
                client.send("a", [[1.0]])
            self.assertEqual(floats(client.receive()), [5])
            pass_time(client)
            self.assertEqual([floats(one) for one in client.drain()], [[6, 7]])

    def test_goes_on_with_a_daemon_that_was_restarted(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.acknowledge("a", 1)
            server.take(Kind.DATA)
            server.restart()
            hello = server.take(Kind.HELLO, Kind.DATA)
            while hello.kind is Kind.DATA:
                hello = server.take(Kind.HELLO, Kind.DATA)
            standing = {"expected": 1, "closed": False, "answers": 1}
            server.send_welcome({"a": standing, "b": standing})
            data = server.take(Kind.DATA, Kind.HELLO)
            while data.kind is Kind.HELLO:  # where the machine was slow
                server.send_welcome({"a": {"expected": 1, "closed": False, "answers": 1}})
                data = server.take(Kind.DATA, Kind.HELLO)
            self.assertEqual(data.number, 1)
            server.answer("a", 0, [1, 2])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server, silence=0.15) as client:
            client.send("a", [[1.0]])
            client.send("a", [[1.0]])
            client.drain()

    def test_lost_state_is_never_resumed(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.take(Kind.DATA)
            server.acknowledge("a", 2)
            server.refuse("a", 4, "no-start", expected=0)
            server.welcome({"a": {"expected": entry, "closed": False, "answers": 0}})
            data = server.take(Kind.DATA)
            self.assertEqual((data.number, data.flags), (0, Flag.START))
            self.assertGreater(data.epoch, 3)

        for entry in (None, 0, 1):
            with self.subTest(entry), Server(script) as server, \
                    client_of(server, epoch=3) as client:
                client.send("a", [[1.0], [1.0]])
                client.send("a", [[1.0]])
                refusal = client.receive()
                self.assertEqual((refusal.code, refusal.count, refusal.expected, refusal.received),
                                 ("state-lost", 3, 2, entry))
                with self.assertRaises(StateLost):
                    client.send("a", [[1.0]])
                self.assertEqual(client.send("a", [[1.0]], start=True), 0)
                self.assertEqual(client.counters.refused, 3)

    def test_a_stream_unknown_to_the_daemon_is_sent_from_its_start(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.take(Kind.DATA)
            server.welcome({"a": {"expected": None, "closed": False, "answers": 0}})
            self.assertEqual([server.take(Kind.DATA).number for _ in range(2)], [0, 1])
            server.answer("a", 0, [1, 2])
            server.acknowledge("a", 2)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.send("a", [[1.0]])
            pass_time(client)
            client.drain()

    def test_only_the_welcome_to_the_last_hello_counts(self):
        def script(server):
            server.take(Kind.HELLO)
            server.take(Kind.HELLO)
            server.send_welcome(credit=1)
            self.assertEqual(server.take(Kind.PING).json(), {"hello": 2})
            self.assertIsNone(server.poll(0.05))  # it would not be counted here
            server.send_welcome(credit=1)
            self.assertEqual(server.take(Kind.DATA).number, 0)
            self.assertIsNone(server.poll(0.05))
            server.credit(2)
            self.assertEqual(server.take(Kind.DATA).number, 1)

        with Server(script) as server, client_of(server) as client:
            pass_time(client)
            client.send("a", [[1.0]])
            client.send("a", [[1.0]])

    def test_a_hello_that_was_lost_is_not_waited_for(self):
        def script(server):
            server.take(Kind.HELLO)  # lost with its daemon
            server.take(Kind.HELLO)
            server.send_welcome()
            ping = server.take(Kind.PING)
            server.send(Message.control(Kind.PONG, ping.payload))
            self.assertEqual(server.take(Kind.DATA).number, 0)

        with Server(script) as server, client_of(server) as client:
            pass_time(client)
            client.send("a", [[1.0]])

    def test_resumes_what_another_client_sent(self):
        def script(server):
            hello = server.welcome()
            hello = server.welcome({"a": {"expected": 57, "closed": False, "answers": 57}})
            self.assertEqual(hello["streams"], {"a": 40})
            server.answer("a", 40, range(17), covers=57)
            self.assertEqual(server.take(Kind.DATA).number, 57)
            server.answer("a", 57, [1])
            server.acknowledge("a", 58)
            hello = server.welcome({"b": {"expected": None, "closed": False, "answers": 0}})
            self.assertEqual(hello["streams"], {"a": 58, "b": None})
            self.assertEqual(server.take(Kind.DATA).number, 0)

        with Server(script) as server, client_of(server) as client:
            self.assertEqual(client.resume("a", answers=40)["expected"], 57)
            self.assertEqual(client.send("a", [[1.0]]), 57)
            self.assertEqual([one.number for one in client.drain()], [40, 57])
            self.assertEqual((client.counters.sent, client.counters.covered), (1, 1))
            self.assertIsNone(client.resume("b")["expected"])
            self.assertEqual(client.send("b", [[1.0]]), 0)

    def test_a_resumed_stream_keeps_its_senders_epoch_until_data_arrives(self):
        def script(server):
            server.welcome()
            standing = {"expected": 57, "closed": False, "answers": 57, "epoch": 3}
            server.welcome({"a": standing})
            server.take(Kind.DATA)  # and is lost
            server.welcome({"a": standing})
            self.assertEqual(server.take(Kind.DATA).number, 57)
            server.acknowledge("a", 58)

        with Server(script) as server, client_of(server, epoch=5) as client:
            take_welcome(client)
            client.resume("a")
            client.send("a", [[1.0]])
            pass_time(client)
            client.flush()

    def test_an_end_is_not_waited_for_where_the_last_answer_has_come(self):
        def script(server):
            server.welcome()
            server.welcome({"a": {"expected": 57, "closed": False, "answers": 56}})
            server.take(Kind.HELLO)
            # The END of the client before has been applied: this one has nothing to send any more.
            server.answer("a", 56, [1], last=True)
            server.send_welcome({"a": {"expected": 57, "closed": True, "answers": 57}})

        with Server(script) as server, client_of(server) as client:
            take_welcome(client)
            client.resume("a", answers=56)
            pass_time(client)
            self.assertEqual(client.end("a"), 57)
            self.assertEqual([(one.number, one.last) for one in client.drain()], [(56, True)])

    def test_an_end_that_was_applied_is_repeated_until_acknowledged(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.welcome({"a": {"expected": 1, "closed": True, "answers": 1}})
            data = server.take(Kind.DATA)
            self.assertEqual((data.number, data.flags), (0, Flag.END))
            server.answer("a", 0, [1], last=True)
            server.acknowledge("a", 1)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]], end=True)
            pass_time(client)
            client.wait_closed("a")
            self.assertEqual([one.last for one in client.drain()], [True])

    def test_answers_that_are_no_longer_cached_are_counted(self):
        def script(server):
            server.welcome()
            epoch = server.take(Kind.DATA).epoch
            # Of another producer's life before, which had as many numbers.
            server.acknowledge("a", 1, cached=False)
            server.acknowledge("a", 1, epoch=epoch - 1, cached=False, closed=True)
            server.acknowledge("a", 2, epoch=epoch, cached=False)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0], [1.0]])
            self.assertEqual(client.drain(), [])
            self.assertEqual((client.counters.uncached, client.counters.outstanding), (2, 0))

    def test_a_stream_whose_last_answer_is_gone_is_closed(self):
        def script(server):
            server.welcome()
            epoch = server.take(Kind.DATA).epoch
            # Not yet: the END may still be on its way.
            server.acknowledge("a", 1, epoch=epoch, cached=False)
            server.acknowledge("a", 1, epoch=epoch, cached=False, closed=True)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]], end=True)
            client.wait_closed("a")
            self.assertEqual((client.counters.uncached, client.counters.outstanding), (1, 0))


class SignsOfLife(unittest.TestCase):
    def test_a_ping_is_answered_with_its_payload(self):
        def script(server):
            server.welcome()
            server.send(Message.control(Kind.PING, {"n": 41}))
            self.assertEqual(server.take(Kind.PONG).json(), {"n": 41})
            server.answer("a", 0, [])

        with Server(script) as server, client_of(server) as client:
            client.receive(0.1)

    def test_pings_when_idle(self):
        def script(server):
            server.welcome()
            self.assertEqual(server.take(Kind.DATA).count, 1)
            server.answer("a", 0, [1])
            server.acknowledge("a", 1)
            server.take(Kind.PING)
            server.take(Kind.PING)
            self.assertIsNone(server.poll(0.05))

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.drain()
            for _ in range(2):
                pass_time(client)
                self.assertIsNone(client.receive(0))
            self.assertIsNone(client.receive(0))

    def test_greets_anew_after_a_long_pause(self):
        drained = threading.Event()

        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [1])
            server.acknowledge("a", 1)
            self.assertTrue(drained.wait(10))
            server.send(Message.control(Kind.PING))  # unread for so long, it is no sign of life
            server.take(Kind.PONG)
            hello = server.welcome({"a": {"expected": 1, "closed": False, "answers": 1}})
            self.assertEqual(hello["streams"], {"a": 1})
            self.assertEqual(server.take(Kind.DATA).number, 1)

        with Server(script) as server, client_of(server) as client:
            client.send("a", [[1.0]])
            client.drain()
            drained.set()
            self.assertTrue(next(iter(client._sockets.values())).poll(10_000))
            pass_time(client, 2 * SILENCE)
            client.send("a", [[1.0]])


if __name__ == "__main__":
    unittest.main()
