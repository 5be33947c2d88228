"""Encrypted endpoints of a real daemon: keys that millrace keygen wrote."""

import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from millrace import Client, Subscriber
from zmq.auth import load_certificate

ROOT = Path(__file__).resolve().parents[3]
MILLRACE = os.environ.get("MILLRACE", str(ROOT / ".build/debug/millrace"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(os.access(MILLRACE, os.X_OK), f"no {MILLRACE}: build it, or set MILLRACE")
class CurveTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.server_key = self.keygen("daemon").encode()
        (self.folder / "clients.keys").write_text(
            f"{self.keygen('sender')} send\n{self.keygen('tapper')} tap\n")
        self.ingress, self.monitor = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
        pipeline = self.folder / "p.yaml"
        pipeline.write_text(
            f"ingress: {self.ingress}\nmonitor: {self.monitor}\n"
            f"model: {ROOT}/Fixtures/hello/model.keras\n"
            f"tokenizer: {{ kind: characters, vocabulary: {ROOT}/Fixtures/hello/vocabulary.txt }}\n"
            "curve: { key: daemon.key, clients: clients.keys }\n")
        self.daemon = subprocess.Popen([MILLRACE, "run", pipeline], stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        while "msg=ready" not in self.daemon.stderr.readline():
            self.assertIsNone(self.daemon.poll())

    def stop(self):
        self.daemon.terminate()
        self.daemon.communicate(timeout=20)

    def keygen(self, name: str) -> str:
        made = subprocess.run([MILLRACE, "keygen", self.folder / f"{name}.key"], check=True,
                              capture_output=True, text=True)
        return made.stdout.strip()

    def keys(self, name: str) -> tuple[bytes, bytes, bytes]:
        return (self.server_key, *load_certificate(self.folder / f"{name}.key"))

    def test_a_key_may_do_what_its_line_says(self):
        with (Subscriber(self.monitor, "tap/daemon/stats/", curve=self.keys("tapper")) as taps,
              Client(self.ingress, curve=self.keys("sender")) as client):
            client.send("a", "hello", end=True)
            self.assertEqual(sum(len(result.values) for result in client), 5)
            self.assertIsNotNone(taps.receive())
        with (Subscriber(self.monitor, "", curve=self.keys("sender"), timeout=1.5) as taps,
              Client(self.ingress, curve=self.keys("tapper"), timeout=1) as client):
            with self.assertRaises(TimeoutError):
                client.send("a", "hello")
            self.assertIsNone(taps.receive())


if __name__ == "__main__":
    unittest.main()
