"""`Model` answers as Keras' model does: compared with what Keras gave, in Fixtures."""

import json
import os
import pathlib
import unittest

import numpy as np
from millrace import Daemon, DaemonError, Model, StateLost

from .test_daemon import BINARY, HELLO, MOTION, ROOT

PIPELINES = ROOT / "Pipelines"


def model(name, **options):
    return Model(PIPELINES / f"{name}.yaml", binary=BINARY, **options)


def steps(path, key):
    """Stream -> what `key` holds in its lines, in order."""
    found = {}
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        if key in fields:
            found.setdefault(fields.get("stream", ""), []).append(fields[key])
    return found


class Predicting(unittest.TestCase):
    def test_values_give_the_numbers_of_keras(self):
        rows = steps(MOTION / "input.jsonl", "values")
        expected = steps(MOTION / "expected.jsonl", "values")
        self.assertGreater(len(rows), 1)
        with model("motion") as motion:
            answers = motion.predict(list(rows.values()), return_sequences=True)
            for name, given in zip(rows, answers, strict=True):
                np.testing.assert_allclose(given, expected[name], rtol=5e-4, atol=5e-5)
            length = min(map(len, rows.values()))
            batch = np.stack([np.array(one[:length], "f4") for one in rows.values()])
            whole = motion.predict(batch, return_sequences=True)
            self.assertEqual(whole.shape, (*batch.shape[:2], 6))
            for given, one in zip(answers, whole, strict=True):
                np.testing.assert_array_equal(given[:length], one)
            # Row by row, the streams side by side: the same bits.
            stepped = [motion.step(batch[:, step]) for step in range(length)]
            np.testing.assert_array_equal(np.stack(stepped, 1), whole)
            motion.reset_states()
            np.testing.assert_array_equal(motion.step(batch[0, 0]), whole[0, 0])

    def test_shapes_are_those_of_the_model_file(self):
        x = np.linspace(-1, 1, 2 * 4 * 9, dtype="f4").reshape(2, 4, 9)
        with model("simplernn-4x9") as last:
            self.assertFalse(last.returns_sequences)
            answers = last.predict(x)
            self.assertEqual(answers.shape, (2, 3))
            sequences = last.predict(x, return_sequences=True)
            self.assertEqual(sequences.shape, (2, 4, 3))
            np.testing.assert_array_equal(sequences[:, -1], answers)
        with model("caption") as words:
            self.assertEqual(words.predict(np.zeros((2, 1, 64))).shape, (2, 3, 8))
        with model("topics") as topics:
            self.assertEqual(topics.predict(["oil prices rise", "wheat"]).shape, (2, 46))

    def test_simple_rnn_gives_the_numbers_of_keras(self):
        folder = ROOT / "Fixtures" / "simplernn-4x9"
        rows = steps(folder / "input.jsonl", "values")
        expected = steps(folder / "expected.jsonl", "values")
        with model("simplernn-4x9") as last:
            answers = last.predict(list(rows.values()), return_sequences=True)
        for name, given in zip(rows, answers, strict=True):
            np.testing.assert_allclose(given, expected[name], rtol=5e-4, atol=5e-5)

    def test_texts_and_their_steps(self):
        labels = (HELLO / "labels.txt").read_text().split()
        with model("hello") as letters:
            first, second = letters.predict(["hell", "he"])
            self.assertEqual("".join(labels[row.argmax()] for row in first), "ello")
            np.testing.assert_array_equal(second, first[:2])
            stepped = np.concatenate([letters.step(one) for one in ("h", "e", "ll")])
            np.testing.assert_array_equal(stepped, first)
            letters.reset_states()
            np.testing.assert_array_equal(letters.step("h"), first[:1])
        with model("topics") as words:
            # A word is a step once it is complete; the first one is behind the start token.
            self.assertEqual([len(words.step(one)) for one in ("oil pri", "ces", " ", "rise ")],
                             [2, 0, 1, 1])

    def test_what_is_wrong_is_said(self):
        with model("hello") as letters:
            for x, words in ((["he", "hex"], r'x\[1\] at 2: "x" at byte 2 is not in the vocab'),
                             ("hell", "x is one text; expected a list of texts"),
                             (np.zeros(3), r"x has the shape \(3,\); expected \[batch, steps"),
                             ([""], r"x\[0\] makes no step")):
                with self.subTest(x=x), self.assertRaisesRegex(ValueError, words):
                    letters.predict(x, return_sequences=False)
        with model("simplernn-4x9") as rows:
            rows.step(np.zeros((2, 9)))
            with self.assertRaisesRegex(ValueError, "1 rows, but 2 streams are under way"):
                rows.step(np.zeros(9))
            with self.assertRaisesRegex(ValueError, "x has the shape"):
                rows.step(np.zeros((1, 2, 9)))
            with self.assertRaisesRegex(ValueError, r"x\[0\].*expected \[steps\] of token ids"):
                rows.predict(np.zeros((1, 2, 9), int))
            with self.assertRaisesRegex(ValueError, r"x\[1\] at 0: "):
                rows.predict([np.zeros((2, 9)), np.zeros((2, 8))])


class Starting(unittest.TestCase):
    def test_a_mapping_is_a_pipeline_with_files_of_the_working_folder(self):
        folder = pathlib.Path(os.path.relpath(HELLO))
        pipeline = {"name": "mine", "model": str(folder / "model.keras"),
                    "tokenizer": {"kind": "characters", "vocabulary": folder / "vocabulary.txt"},
                    "sink": {"file": "lines.jsonl"}}
        with Daemon(pipeline, binary=BINARY, http=True) as daemon, daemon.client() as client, \
                daemon.tap("tap/sink/result/") as tap:
            self.assertEqual(sum(map(len, client.stream("a", "hell"))), 4)
            numbers = [tap.receive()[1].json()["number"] for _ in range(4)]
            self.assertEqual((numbers, tap.lost), ([0, 1, 2, 3], 0))
            self.assertIn("pipeline=mine", daemon.log)
            self.assertEqual(daemon.model.resolve(), HELLO / "model.keras")
            self.assertRegex(daemon.url, r"^http://127\.0\.0\.1:\d+/$")
            # The bare end of the stream is in the file too, where it says so.
            self.assertEqual(len((daemon.folder / "lines.jsonl").read_text().splitlines()), 4)
        self.assertFalse(daemon.folder.exists())

    def test_two_run_side_by_side_whatever_endpoints_their_file_names(self):
        with Daemon(PIPELINES / "gates.yaml", binary=BINARY) as one, \
                Daemon(PIPELINES / "gates.yaml", binary=BINARY,
                       settings={"top": 5, "labels": None}) as other:
            with one.client(friendly=True) as first, other.client(friendly=True) as second:
                self.assertEqual(len(next(first.stream("a", "a")).line["top"]), 2)
                self.assertNotIn("top", next(second.stream("a", "a")).line)

    def test_a_daemon_that_was_killed_comes_back_at_the_same_endpoint(self):
        with Daemon(PIPELINES / "hello.yaml", binary=BINARY) as daemon, \
                daemon.client(silence=0.2) as client:
            client.send("a", "he")
            client.drain()
            daemon.kill()
            self.assertFalse(daemon.is_running)
            daemon.start()
            with self.assertRaises(StateLost):
                client.send("a", "ll")
                client.drain()
                client.send("a", "l")
            client.drain()
            self.assertEqual(sum(map(len, client.stream("b", "hell"))), 4)

    def test_what_keeps_it_from_starting_is_said(self):
        with self.assertRaisesRegex(DaemonError, 'unknown key "ingres"; did you mean "ingress"'):
            Daemon(PIPELINES / "hello.yaml", binary=BINARY, settings={"ingres": "x"}).start()
        with self.assertRaisesRegex(DaemonError, "/nowhere/millrace: No such file"):
            Daemon(PIPELINES / "hello.yaml", binary="/nowhere/millrace").start()
        with self.assertRaisesRegex(DaemonError, "missing.yaml"):
            Daemon("missing.yaml", binary=BINARY).start()
        with Daemon(PIPELINES / "hello.yaml", binary=BINARY) as daemon:
            with self.assertRaisesRegex(DaemonError, "running already"):
                daemon.start()
            with self.assertRaisesRegex(DaemonError, "http=True"):
                daemon.url


if __name__ == "__main__":
    unittest.main()
