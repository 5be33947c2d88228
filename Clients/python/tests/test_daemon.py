"""The client against the real daemon: the binary that MILLRACE names, over real sockets."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from millrace import Client, Refusal, StreamRefused, Subscriber

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("MILLRACE", str(ROOT / ".build" / "debug" / "millrace"))
HELLO = ROOT / "Fixtures" / "hello"
MOTION = ROOT / "Fixtures" / "motion"


class Daemon:
    """`millrace run` on a pipeline of a fixture, until the block ends."""

    def __init__(self, text):
        self.folder = tempfile.TemporaryDirectory(prefix="mr-")
        self.endpoint = f"ipc://{self.folder.name}/in"
        self.taps = f"ipc://{self.folder.name}/taps"
        self.file = pathlib.Path(self.folder.name) / "pipeline.yaml"
        self.file.write_text(f"{text}\ningress: {self.endpoint}\nmonitor: {self.taps}\n")

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "run", str(self.file)], stderr=subprocess.PIPE, text=True)
        self.early = []
        for line in self.process.stderr:
            self.early.append(line)
            if "msg=ready" in line:
                return self
        raise AssertionError("the daemon did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.code = self.process.wait(timeout=20)
        self.process.stderr.close()
        self.folder.cleanup()


def hello(extra=""):
    return Daemon(f"tokenizer: {{ kind: characters, vocabulary: {HELLO}/vocabulary.txt }}\n"
                  f"model: {HELLO}/model.keras\nlabels: {HELLO}/labels.txt\n{extra}")


def motion(extra=""):
    return Daemon(f"tokenizer: {{ kind: values, scaling: {MOTION}/scaling.json }}\n"
                  f"model: {MOTION}/model.keras\nlabels: {MOTION}/labels.txt\n{extra}")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class DaemonTests(unittest.TestCase):
    def test_ten_lines_are_enough(self):
        with hello() as daemon:
            script = ROOT / "Clients" / "python" / "examples" / "ten_lines.py"
            output = subprocess.run(
                [sys.executable, str(script), daemon.endpoint, "hell"], capture_output=True,
                text=True, timeout=20, check=True).stdout
        labels = [json.loads(line)["label"] for line in output.splitlines()]
        self.assertEqual(labels, ["e", "l", "l", "o"])

    def test_a_life_sent_like_the_one_before_is_answered_again(self):
        with hello() as daemon, Client(daemon.endpoint) as client:
            for life in range(3):
                client.send("a", "hell", end=True)
                if life == 1:
                    client.wait_closed("a")
            answers = [len(answer.values) for answer in client.drain()]
        self.assertEqual(sum(answers), 12)

    def test_every_step_is_as_keras_gives_it(self):
        expected = {}
        for line in lines(MOTION / "expected.jsonl"):
            expected.setdefault(line["stream"], []).append(line["values"])
        rows = {}
        for line in lines(MOTION / "input.jsonl"):
            rows.setdefault(line["stream"], []).append(line["values"])
        seed = random.randrange(1 << 32)
        choose = random.Random(seed)
        answers = {name: [] for name in rows}
        with motion("inference: { workers: 2 }") as daemon, Client(daemon.endpoint) as client:
            waiting = {name: list(values) for name, values in rows.items()}
            while waiting:
                name = choose.choice(sorted(waiting))
                count = choose.randint(1, 7)
                piece, waiting[name] = waiting[name][:count], waiting[name][count:]
                client.send(name, np.array(piece, np.float32), end=not waiting[name])
                if not waiting[name]:
                    del waiting[name]
            for result in client.drain(timeout=20):
                self.assertNotIsInstance(result, Refusal, f"seed {seed}")
                answers[result.stream].extend(result.values)
            self.assertEqual(client.counters.outstanding, 0)
        for name, values in expected.items():
            np.testing.assert_allclose(
                answers[name], values, rtol=5e-4, atol=5e-5, err_msg=f"{name}, seed {seed}")

    def test_friendly_replies_are_the_lines_of_pipe(self):
        text = "hello!hell"
        with hello() as daemon:
            piped = subprocess.run(
                [BINARY, "pipe", str(daemon.file), "--stream", "a"], input=text.encode(),
                capture_output=True, timeout=20, check=True).stdout.decode().splitlines()
            with Client(daemon.endpoint, friendly=True) as client:
                for character in text[:-1]:
                    client.send("a", character)
                client.send("a", text[-1], end=True)
                received = [result.line for result in client.drain(timeout=20) if result.line]
        self.assertEqual(received, [json.loads(line) for line in piped])

    def test_a_client_that_comes_back_goes_on_where_it_was(self):
        with hello() as daemon:
            with Client(daemon.endpoint) as client:
                client.send("a", "he")
                first = [row for result in client.drain(timeout=20) for row in result.values]
            with Client(daemon.endpoint) as client:
                client.resume("a", answers=0)
                client.send("a", "ll", end=True)
                again = [row for result in client.drain(timeout=20) for row in result.values]
            with Client(daemon.endpoint) as client:
                client.send("b", "hell", end=True)
                whole = [row for result in client.drain(timeout=20) for row in result.values]
        np.testing.assert_array_equal(again[:2], first)
        np.testing.assert_array_equal(again, whole)

    def test_another_beginning_of_an_open_stream_is_told_the_ways_out(self):
        with hello() as daemon:
            with Client(daemon.endpoint) as client:
                client.send("a", "hel")
                client.drain(timeout=20)
            with Client(daemon.endpoint) as client:
                client.send("a", "oll")
                [refusal] = client.drain(timeout=20)
                self.assertEqual((refusal.code, refusal.count), ("conflict", 3))
                ways = r"conflict: .*start=True.*resume\('a'\)"
                with self.assertRaisesRegex(StreamRefused, ways):
                    client.send("a", "oll")
                # Both lead on.
                self.assertEqual(client.resume("a")["expected"], 3)
                self.assertEqual(client.send("a", "l"), 3)
                self.assertEqual([len(one) for one in client.drain(timeout=20)], [1])
            with Client(daemon.endpoint) as client:
                client.send("a", "oll", start=True)
                self.assertEqual(sum(len(one) for one in client.drain(timeout=20)), 3)

    def test_a_refusal_for_want_of_room_is_named_or_handed_on(self):
        with hello("limits: { live-streams: 1 }") as daemon, Client(daemon.endpoint) as client:
            client.send("a", "h")
            client.drain(timeout=20)
            client.send("b", "he")
            with self.assertRaisesRegex(TimeoutError, "stream b at 0: too-many-streams: "):
                client.drain(timeout=1)
            with Client(daemon.endpoint, retry_delay=None) as other:
                other.send("c", "he", end=True)
                [refusal] = other.drain(timeout=20)
                self.assertEqual((refusal.code, refusal.count), ("too-many-streams", 2))
                client.end("a")
                client.end("b")
                client.drain(timeout=20)
                other.send("c", "hel", end=True)
                self.assertEqual(sum(map(len, other.drain(timeout=20))), 3)
                self.assertEqual(other.counters.outstanding, 0)

    def test_a_refused_row_harms_only_itself(self):
        rows = np.zeros((3, 9), np.float32)
        rows[1, 4] = np.nan
        with motion() as daemon, Client(daemon.endpoint) as client:
            for row in rows:
                client.send("a", row[None])
            client.send("b", rows[:1], end=True)
            client.end("a")
            results = client.drain(timeout=20)
            refusals = [result for result in results if isinstance(result, Refusal)]
            numbers = [result.number + offset for result in results
                       if not isinstance(result, Refusal) and result.stream == "a"
                       for offset in range(len(result.values))]
        self.assertEqual([refusal.code for refusal in refusals], ["not-finite"])
        self.assertEqual(numbers, [0, 2])

    def test_a_stream_that_an_earlier_client_left_open_is_said(self):
        with hello() as daemon:
            with Client(daemon.endpoint) as first:
                first.send("a", "hell")
                first.drain(timeout=20)
            with Client(daemon.endpoint) as second:
                second.send("a", "hell")
                words = r"left a open at 4, .*: resume\('a'\)"
                with self.assertRaisesRegex(TimeoutError, words), self.assertWarnsRegex(RuntimeWarning, words):
                    second.drain(timeout=2)
                # What is sent behind it is answered, and nothing stands against it any more.
                second.send("a", "o", end=True)
                answers = second.drain(timeout=20)
                self.assertEqual((answers[0].number, sum(map(len, answers))), (4, 1))

    def test_steps_beyond_the_limit_are_refused_and_all_numbers_accounted_for(self):
        ways = {"one": ["hello!"], "cut": ["hel", "lo!"], "letters": list("hello!")}
        with hello("limits: { max-steps: 4 }") as daemon, Client(daemon.endpoint) as client:
            for name, pieces in ways.items():
                results = list(client.stream(name, iter(pieces), timeout=20))
                refusals = [one for one in results if isinstance(one, Refusal)]
                self.assertEqual({one.code for one in refusals}, {"too-many-steps"})
                self.assertEqual((refusals[0].number, sum(one.count for one in refusals)), (4, 2))
                self.assertEqual(sum(len(one) for one in results if one not in refusals), 4)
            client.send("open", "hello!")
            refusal, *answers = client.drain(timeout=20)
            self.assertEqual((refusal.code, refusal.number, refusal.count),
                             ("too-many-steps", 4, 2))
            # It has used its numbers up: what comes behind has room after a reset.
            self.assertEqual(client.send("open", "hell", reset=True, end=True), 6)
            answers += client.drain(timeout=20)
            self.assertEqual(sum(map(len, answers)), 8)
            counters = client.counters
            self.assertEqual((counters.sent, counters.covered, counters.refused), (28, 20, 8))

    def test_a_stream_begins_with_the_state_given(self):
        folder = ROOT / "Fixtures" / "initial-state"
        rows, states, expected = {}, {}, {}
        for line in lines(folder / "input.jsonl"):
            rows.setdefault(line["stream"], []).append(line["values"])
            states.setdefault(line["stream"], line.get("state"))
        for line in lines(folder / "expected.jsonl"):
            expected.setdefault(line["stream"], []).append(line["values"])
        pipeline = f"tokenizer: {{ kind: values }}\nmodel: {folder}/model.keras"
        with Daemon(pipeline) as daemon, Client(daemon.endpoint) as client:
            for name, values in rows.items():
                client.send(name, np.array(values[:2], np.float32), initial_state=states[name])
                client.send(name, np.array(values[2:], np.float32), end=True)
            answers = {name: [] for name in rows}
            for result in client.drain(timeout=20):
                answers[result.stream].extend(result.values)
            for name, values in expected.items():
                np.testing.assert_allclose(answers[name], values, atol=1e-5, err_msg=name)
            # One of another size: no life begins, and a right one may follow.
            client.send("far", np.array(rows["far"], np.float32), end=True,
                        initial_state=np.zeros(13))
            [refusal] = client.drain(timeout=20)
            self.assertEqual((refusal.code, refusal.expected, refusal.received),
                             ("bad-shape", 14, 13))
            client.send("far", np.array(rows["far"], np.float32), end=True,
                        initial_state=np.concatenate(states["far"]))
            again = [row for result in client.drain(timeout=20) for row in result.values]
            np.testing.assert_allclose(again, expected["far"], atol=1e-5)
            client.send("open", np.array(rows["far"][:1], np.float32))
            with self.assertRaisesRegex(ValueError, "open is open"):
                client.send("open", np.array(rows["far"][:1], np.float32), initial_state=[0.0])
            client.drain(timeout=20)
            self.assertEqual(client.counters.outstanding, 0)

    def test_a_tap_sees_every_output(self):
        with hello() as daemon:
            with Subscriber(daemon.taps, "tap/inference/output/") as tap, \
                    Client(daemon.endpoint) as client:
                # A subscription takes effect when it does: send until the first is seen.
                sent = 0
                while tap.receive(timeout=0.2) is None:
                    client.send(f"warm{sent}", "h", end=True)
                    sent += 1
                client.drain(timeout=20)
                while tap.receive(timeout=0.5) is not None:
                    pass
                client.send("a", "hell")
                client.drain(timeout=20)
                seen = 0
                while seen < 4:
                    topic, message = tap.receive(timeout=10)
                    self.assertEqual(topic, "tap/inference/output/a/")
                    seen += message.count
                self.assertEqual(tap.lost, 0)


if __name__ == "__main__":
    unittest.main()
