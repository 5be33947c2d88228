"""The asyncio client: against a scripted ROUTER, a small daemon that crashes, and the real one."""

import asyncio
import contextlib
import logging
import random
import unittest

import numpy as np
from millrace import AsyncClient, AsyncSubscriber, Refusal, StateLost, StreamRefused
from millrace.wire import DType, Flag, Kind, Message

from .server import RunningSum, Server
from .test_daemon import hello

SILENCE = 30.0
# unittest has asyncio tell of every slow turn, which here is a slow machine's.
logging.getLogger("asyncio").setLevel(logging.ERROR)


def client_of(server, **options):
    return AsyncClient(server.endpoint, **{"silence": SILENCE, "retry_delay": 0.02,
                                           "timeout": 10.0} | options)


def pass_time(client, seconds=SILENCE + 1):
    # Time passes when a test says so: a loaded machine must not look like a dead peer.
    clock = client.session.link.clock
    client.session.link.clock = lambda: clock() + seconds


def floats(results):
    return [value for one in results for value in one.values.ravel().tolist()]


class Scripted(unittest.IsolatedAsyncioTestCase):
    async def test_sends_numbered_messages_and_takes_answers(self):
        def script(server):
            self.assertEqual(server.welcome(), {"streams": {}, "epoch": 5})
            data = server.take(Kind.DATA)
            self.assertEqual((data.stream, data.dtype, data.count, data.number, data.flags),
                             ("a", DType.F32, 2, 0, Flag.START))
            server.answer("a", 0, [3, 4])
            server.acknowledge("a", 2)

        with Server(script) as server:
            async with client_of(server, epoch=5) as client:
                self.assertEqual(await client.send("a", [[1.0], [2.0]], start=True), 0)
                self.assertEqual(floats(await client.drain()), [3, 4])
                self.assertEqual((client.counters.sent, client.counters.outstanding), (2, 0))

    async def test_tasks_wait_for_credit_while_others_go_on(self):
        def script(server):
            server.welcome(credit=4)
            self.assertEqual(server.take(Kind.DATA).count, 3)
            self.assertIsNone(server.poll(0.05))
            server.answer("a", 0, [1, 2, 3])
            server.credit(7)
            self.assertEqual(server.take(Kind.DATA).stream, "b")

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("a", np.zeros((3, 1)))
                waiting = asyncio.create_task(client.send("b", np.zeros((4, 1))))
                answer = await client.receive()
                self.assertEqual(floats([answer]), [1, 2, 3])
                self.assertEqual(await waiting, 0)

    async def test_says_what_it_waited_for_in_vain(self):
        def script(server):
            server.welcome(credit=1)
            server.take(Kind.DATA)

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("a", [[1.0]])
                with self.assertRaisesRegex(TimeoutError, "credit for a from tcp://.*2 of 2"):
                    await client.send("a", [[2.0]], timeout=0.02)
                self.assertIsNone(await client.receive(0.02))

    async def test_a_stream_has_its_own_answers_and_no_others(self):
        def script(server):
            server.welcome()
            for _ in range(5):
                data = server.take(Kind.DATA)
                if data.count:
                    value = data.values()[0, 0]
                    server.answer(data.stream, data.number, [value], covers=data.number + 1)
                    server.acknowledge(data.stream, data.number + 1)
                else:
                    server.answer(data.stream, data.number, [], last=True)
                    server.acknowledge(data.stream, data.number)

        async def pieces():
            yield [[1.0]]
            await asyncio.sleep(0)
            yield [[2.0]]

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("b", [[7.0]])
                seen = [one async for one in client.stream("a", pieces())]
                self.assertEqual((floats(seen), [one.stream for one in seen]),
                                 ([1.0, 2.0], ["a", "a"]))
                await client.end("b")
                self.assertEqual(floats(await client.drain()), [7.0])

    async def test_a_source_that_fails_ends_the_iteration_with_its_error(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [1])

        def pieces():
            yield [[1.0]]
            raise OSError("the camera is gone")

        with Server(script) as server:
            async with client_of(server) as client:
                with self.assertRaisesRegex(OSError, "camera"):
                    async for _ in client.stream("a", pieces()):
                        pass

    async def test_refusals_are_yielded_and_those_that_end_a_stream_raised(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.refuse("a", 0, "not-finite")
            server.take(Kind.DATA)
            server.refuse("a", 1, "conflict", expected=3)
            server.take(Kind.DATA, Kind.PING)

        with Server(script) as server:
            async with client_of(server) as client:
                seen = []
                with self.assertRaisesRegex(StreamRefused, "conflict"):
                    async for one in client.stream("a", iter([[[np.nan]], [[1.0]]])):
                        seen.append(one)
                self.assertEqual([(type(one), one.code) for one in seen],
                                 [(Refusal, "not-finite")])
                with self.assertRaises(StreamRefused):
                    await client.send("a", [[1.0]])
                await client.send("b", [[1.0]])

    async def test_a_stream_left_early_leaves_its_answers_to_receive(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.answer("a", 0, [1])
            server.answer("a", 1, [2])
            server.acknowledge("a", 2)

        with Server(script) as server:
            async with client_of(server) as client:
                async with contextlib.aclosing(
                        client.stream("a", [[1.0], [1.0]], end=False)) as answers:
                    async for answer in answers:
                        break
                self.assertEqual(floats([answer]), [1])
                self.assertEqual(floats(await client.drain()), [2])
                with client.session.claim("a"), self.assertRaisesRegex(ValueError, "a already"):
                    await anext(client.stream("a", "x"))

    async def test_greets_again_after_silence_and_goes_on(self):
        def script(server):
            server.welcome()
            for _ in range(2):
                server.take(Kind.DATA)
            hello = server.take(Kind.HELLO).json()
            self.assertEqual(hello["streams"], {"a": 0})
            server.send_welcome({"a": {"expected": 1, "closed": False, "answers": 1}})
            self.assertEqual(server.take(Kind.DATA).number, 1)
            server.answer("a", 0, [1, 2])
            server.acknowledge("a", 2)

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("a", [[1.0]])
                await client.send("a", [[1.0]])
                pass_time(client)
                self.assertEqual(floats(await client.drain()), [1, 2])

    async def test_answers_pings_while_nobody_calls_it(self):
        def script(server):
            server.welcome()
            server.send(Message.control(Kind.PING, {"n": 41}))
            self.assertEqual(server.take(Kind.PONG).json(), {"n": 41})
            server.take(Kind.PING)

        with Server(script) as server:
            async with client_of(server, silence=1.0) as client:
                while server.is_alive:
                    await asyncio.sleep(0.01)
                self.assertEqual(client.counters.sent, 0)

    async def test_lost_state_is_never_resumed(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.acknowledge("a", 1)
            server.take(Kind.DATA)
            server.refuse("a", 1, "no-start", expected=0)
            server.welcome({"a": {"expected": None, "closed": False, "answers": 0}})

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("a", [[1.0]])
                await client.send("a", [[1.0]])
                self.assertEqual((await client.receive()).code, "state-lost")
                with self.assertRaises(StateLost):
                    await client.send("a", [[1.0]])

    async def test_what_the_daemon_must_not_say_is_told_to_all_who_wait(self):
        def script(server):
            server.welcome()
            server.take(Kind.DATA)
            server.send(Message(Kind.DATA, "a"))

        with Server(script) as server:
            async with client_of(server) as client:
                await client.send("a", [[1.0]])
                results = await asyncio.gather(client.receive(), client.drain(),
                                               return_exceptions=True)
                self.assertEqual([str(one)[:26] for one in results],
                                 ["bad-header: data came from"] * 2)

    async def test_a_closed_client_is_an_error_and_one_not_opened_says_how(self):
        with Server(lambda server: server.welcome()) as server:
            client = client_of(server)
            with self.assertRaisesRegex(RuntimeError, "async with"):
                await client.send("a", [[1.0]])
            async with client:
                waiting = asyncio.create_task(client.receive())
                await asyncio.sleep(0)
            with self.assertRaisesRegex(ConnectionError, "closed"):
                await waiting

    async def test_an_endpoint_that_is_none_is_told_at_once(self):
        for opened in (AsyncClient("tcp:/nowhere"), AsyncSubscriber("tcp:/nowhere")):
            with self.assertRaisesRegex(ValueError, "^'tcp:/nowhere' is no endpoint"):
                async with opened:
                    pass


class Recovery(unittest.IsolatedAsyncioTestCase):
    async def test_joined_answers_are_those_of_a_daemon_that_never_stopped(self):
        for crashes in (0, 7, 5):
            chance = random.Random(crashes)
            with RunningSum("tcp://127.0.0.1:*", crashes) as server:
                async with AsyncClient(server.endpoint, silence=0.04, timeout=20.0) as client:

                    async def run(scale):
                        values = np.arange(1, 31) * scale
                        cuts = sorted(chance.sample(range(1, 30), 8))
                        pieces = [one.reshape(-1, 1) for one in np.split(values, cuts)]
                        answers = [one async for one in client.stream(f"s{scale}", iter(pieces))]
                        self.assertEqual([one for one in answers if isinstance(one, Refusal)], [])
                        np.testing.assert_array_equal(
                            np.concatenate([one.values for one in answers])[:, 0],
                            np.cumsum(values).astype("f4"), err_msg=f"{crashes} {scale}")

                    await asyncio.gather(*map(run, (1.0, 2.0, 0.5)))
                    self.assertEqual((client.counters.sent, client.counters.covered), (90, 90))
            self.assertEqual(crashes > 0, server.crash_count > 0)


class RealDaemon(unittest.IsolatedAsyncioTestCase):
    async def test_many_streams_share_a_client_and_a_tap_sees_them(self):
        with hello() as daemon:
            async with AsyncClient(daemon.endpoint) as client, \
                    AsyncSubscriber(daemon.taps, "tap/inference/output/s-") as tap:
                await tap.ready(20)

                async def run(number):
                    rows = []
                    async for answer in client.stream(f"s-{number}", iter("hell")):
                        rows.extend(answer.values)
                    return np.stack(rows)

                results = await asyncio.gather(*map(run, range(50)))
                for rows in results:
                    np.testing.assert_array_equal(rows, results[0])
                self.assertEqual(results[0].argmax(-1).tolist(), [1, 2, 2, 3])
                seen = {}
                ended = 0
                async for topic, message in tap:
                    seen.setdefault(topic, []).extend(message.values())
                    ended += Flag.LAST in message.flags
                    if ended == 50:
                        break
                for rows in seen.values():
                    np.testing.assert_array_equal(np.stack(rows), results[0])
                self.assertEqual((len(seen), tap.lost, tap.restarts), (50, 0, 0))
                self.assertIsNone(await tap.receive(0.01))

    async def test_nobody_at_the_taps_is_told(self):
        async with AsyncSubscriber("ipc:///tmp/millrace-nobody-here") as tap:
            with self.assertRaisesRegex(TimeoutError, "no daemon's taps at ipc:///tmp/mill"):
                await tap.ready(0.05)


if __name__ == "__main__":
    unittest.main()
