"""Every reader of MR/1 agrees on the bytes of Fixtures/wire."""

import json
import unittest
from pathlib import Path

import numpy as np
from millrace import wire
from millrace.wire import DType, Flag, Kind, Message, WireError

GOLDEN = json.loads(
    (Path(__file__).parents[3] / "Fixtures" / "wire" / "messages.json").read_text())


def on_each(group):
    """Runs `test(self, entry, parts, is_topic)` on each entry of a list, under its name."""

    def decorate(test):
        def run(self):
            for entry in GOLDEN[group]:
                with self.subTest(entry["name"]):
                    parts = [bytes.fromhex(part) for part in entry["parts"]]
                    test(self, entry, parts, entry["on"] == "publish")
        return run

    return decorate


class GoldenMessages(unittest.TestCase):
    @on_each("messages")
    def test_decode_to_their_meaning(self, entry, parts, topic):
        message, meaning = wire.decode(parts, topic=topic), entry["meaning"]
        self.assertEqual(message.stream, meaning["stream"])
        self.assertEqual(message.kind.name.lower(), meaning["kind"])
        self.assertEqual(message.dtype.name.lower(), meaning["dtype"])
        self.assertEqual([flag.name for flag in Flag if flag in message.flags],
                         sorted(meaning["flags"], key=lambda name: Flag[name]))
        for key in ("count", "width", "number", "epoch", "time", "input", "model"):
            self.assertEqual(getattr(message, key), int(meaning[key]), key)
        self.assertEqual(message.payload.hex(), meaning["payload"])
        ids = message.token_ids()
        self.assertEqual([] if ids is None else ids.tolist(), meaning["ids"])
        self.assertEqual(message.note_fields() or None, meaning["note"])
        self.assertEqual(message.friendly, entry["form"] == "friendly")
        if "values" in meaning:
            self.assertEqual(message.values().shape, (message.count, message.width))
            self.assertEqual(message.values().ravel().tolist(), meaning["values"])
        if "json" in meaning:
            self.assertEqual(message.json(), meaning["json"])
        if meaning.get("text") is not None:
            self.assertEqual(message.payload.decode(), meaning["text"])

    @on_each("messages")
    def test_encode_to_the_same_bytes(self, entry, parts, topic):
        message = wire.decode(parts, topic=topic)
        again = wire.encode(message, topic=topic)
        if entry["canonical"]:
            self.assertEqual([part.hex() for part in again], entry["parts"])
        else:
            self.assertEqual(wire.decode(again, topic=topic), message)

    @on_each("malformed")
    def test_malformed_ones_are_refused_with_their_code(self, entry, parts, topic):
        with self.assertRaises(WireError) as caught:
            wire.decode(parts, topic=topic)
        self.assertEqual(caught.exception.code, entry["refuse"], entry["why"])

    def test_the_friendly_form_has_the_model_as_text(self):
        answer = wire.Message(Kind.ANSWER, "a", DType.JSON, count=1, width=2, payload=b"{}",
                              model=0x0C5079B06DBDD73B, friendly=True)
        parts = wire.encode(answer)
        self.assertIn(b'"model":"0c5079b06dbdd73b"', parts[1])
        self.assertEqual(wire.decode(parts), answer)
        with self.assertRaises(WireError) as caught:
            wire.decode([parts[0], parts[1].replace(b"0c50", b"0C50"), parts[2]])
        self.assertEqual(caught.exception.code, "bad-header")

    def test_cover_every_kind_dtype_and_flag_in_both_forms(self):
        for form in ("binary", "friendly"):
            seen = [entry["meaning"] for entry in GOLDEN["messages"] if entry["form"] == form]
            self.assertEqual({one["kind"] for one in seen}, {kind.name.lower() for kind in Kind})
            self.assertEqual({one["dtype"] for one in seen}, {one.name.lower() for one in DType})
            self.assertEqual({flag for one in seen for flag in one["flags"]},
                             {flag.name for flag in Flag})


class Encoding(unittest.TestCase):
    def refused(self, code, message):
        with self.assertRaises(WireError) as caught:
            wire.encode(message)
        self.assertEqual(caught.exception.code, code)

    def test_refuses_what_decoding_would_refuse(self):
        self.refused("bad-name", Message(Kind.DATA, "a/b"))
        self.refused("bad-length", Message(Kind.DATA, "a", DType.F32, count=2, width=1,
                                           payload=b"1234"))
        self.refused("too-large", Message(Kind.DATA, "a", note=b" " * 1025))

    def test_refuses_integers_that_the_friendly_form_cannot_say(self):
        self.refused("bad-header", Message(Kind.DATA, "a", number=1 << 53, friendly=True))

    def test_an_error_names_what_came_and_what_was_expected(self):
        with self.assertRaisesRegex(WireError, r"bad-length: the payload has 4 bytes, expected 2 x "
                                               r"1 x 4"):
            wire.encode(Message(Kind.DATA, "a", DType.F32, count=2, width=1, payload=b"1234"))

    def test_values_are_read_for_numbers_only(self):
        with self.assertRaises(WireError):
            Message(Kind.DATA, "a", DType.TEXT, count=1, width=1, payload=b"a").values()

    def test_values_are_little_endian_whatever_the_machine(self):
        message = Message(Kind.DATA, "a", DType.I32, count=1, width=1, payload=b"\1\0\0\0")
        np.testing.assert_array_equal(message.values(), [[1]])


if __name__ == "__main__":
    unittest.main()
