"""The ten-line client of the documentation runs, with nothing but pyzmq."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
from millrace.wire import DType, Flag, Kind, Message

from .server import Server

EXAMPLE = Path(__file__).parents[1] / "examples" / "ten_lines.py"


class TenLines(unittest.TestCase):
    def run_example(self, script, what):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        with Server(script) as server:
            return subprocess.run([sys.executable, EXAMPLE, server.endpoint, what], timeout=20,
                                  env=environment, check=True, capture_output=True,
                                  text=True).stdout

    def send_lines(self, server, *lines):
        for number, line in enumerate(lines):
            last = Flag.LAST if number == len(lines) - 1 else Flag(0)
            server.send(Message(Kind.ANSWER, "example", DType.JSON, last, 1, len(line), number,
                                input=number + 1, payload=line, friendly=True))

    def test_sends_text_and_prints_the_lines(self):
        def script(server):
            data = server.take(Kind.DATA)
            self.assertEqual((data.dtype, data.payload, data.number), (DType.TEXT, b"hi", 0))
            self.assertEqual(data.flags, Flag.START | Flag.END)
            server.send(Message.control(Kind.ACKNOWLEDGE, stream="example", number=2,
                                        friendly=True))
            self.send_lines(server, b'{"stream":"example","number":0}', b'{"end":true}')

        self.assertEqual(self.run_example(script, "hi"),
                         '{"stream":"example","number":0}\n{"end":true}\n')

    def test_sends_vectors(self):
        def script(server):
            np.testing.assert_array_equal(server.take(Kind.DATA).values(), [[1, 2], [3, 4.5]])
            self.send_lines(server, b'{"number":1}')

        self.assertEqual(self.run_example(script, "[[1,2],[3,4.5]]"), '{"number":1}\n')

    def test_a_refusal_ends_it(self):
        def script(server):
            server.take(Kind.DATA)
            server.send(Message.control(Kind.REFUSE, {"code": "bad-dtype"}, stream="example",
                                        friendly=True))

        self.assertEqual(self.run_example(script, "[[1]]"), '{"code":"bad-dtype"}\n')


if __name__ == "__main__":
    unittest.main()
