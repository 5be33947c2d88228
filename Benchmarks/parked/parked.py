#!/usr/bin/env python3
"""What very many parked streams cost: memory, disk, and the time of a step that brings one back.

Opens streams of an LSTM of 256 units with one step each in a daemon with a store and room for few of them, waits until all are
parked, and times a second step of some that are drawn by chance, one at a time. Their answers are compared, byte by byte, with
those of streams that got both steps at once. Then the daemon is stopped and started anew.

Usage: MILLRACE=.build/release/millrace parked.py [--streams N] [--resumes N] [--units N] [--folder FOLDER] [--json]
"""

import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients/python"))

import numpy as np  # noqa: E402
import zmq  # noqa: E402
from millrace.wire import HEADER, MAGIC, DType, Flag, Kind  # noqa: E402

MILLRACE = os.environ.get("MILLRACE", str(ROOT / ".build/release/millrace"))
WIDTH = 8
RESUMES_PER_SECOND = 100


def write_model(folder: Path, units: int) -> None:
    """A state dict of PyTorch: LSTM, linear, softmax."""
    rng = np.random.default_rng(1)
    shapes = {"rnn.weight_ih_l0": (4 * units, WIDTH), "rnn.weight_hh_l0": (4 * units, units),
              "rnn.bias_ih_l0": (4 * units,), "rnn.bias_hh_l0": (4 * units,),
              "head.weight": (WIDTH, units), "head.bias": (WIDTH,)}
    header, data = {}, b""
    for name, shape in shapes.items():
        values = rng.uniform(-1, 1, shape).astype("<f4") / np.float32(units**0.5)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "model.layers.json").write_text(json.dumps({"layers": [
        {"kind": "lstm", "prefix": "rnn"}, {"kind": "linear", "prefix": "head"},
        {"kind": "softmax"}]}))


class Daemon:
    def __init__(self, folder: Path, streams: int):
        self.folder, self.ingress = folder, f"ipc://{folder}/in"
        self.store = folder / "state.sqlite"
        self.pipeline = folder / "pipeline.yaml"
        self.pipeline.write_text(
            f"ingress: {self.ingress}\nmodel: {folder}/model.safetensors\n"
            "tokenizer: { kind: values }\n"
            f"limits: {{ live-streams: 10000, streams: {2 * streams + 10000} }}\n"
            f"state: {{ store: {self.store}, durability: os, checkpoint: 100ms, park-after: 1s }}\n"
            f"http: 127.0.0.1:0\n")
        self.start()

    def start(self) -> float:
        """Seconds until it is ready."""
        begun = time.perf_counter()
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([MILLRACE, "run", self.pipeline], stderr=self.log)
        self.http = None
        while True:
            text = (self.folder / "log").read_text()
            if found := re.search(r'msg=http address=(\S+)', text):
                self.http = found[1] if "://" in found[1] else f"http://{found[1]}"
            if "msg=ready" in text and self.http:
                return time.perf_counter() - begun
            if self.process.poll() is not None:
                raise SystemExit(f"the daemon did not start:\n{text}")
            time.sleep(0.01)

    def stop(self) -> None:
        self.process.terminate()
        if self.process.wait(120):
            raise SystemExit(f"SIGTERM gave {self.process.returncode}")

    def memory(self) -> dict[str, float]:
        """Resident megabytes: all, and what is its own alone."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return {key: int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024
                for key, name in [("all", "VmRSS"), ("own", "RssAnon"), ("most", "VmHWM")]}

    def streams_in_memory(self) -> int:
        """Of the tokenizer and the inference stage, the larger number."""
        text = urllib.request.urlopen(f"{self.http}/metrics").read().decode()
        return max(int(float(value)) for value in
                   re.findall(r"^millrace_stage_streams\{[^}]*\} (\S+)", text, re.M))

    def store_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("state.sqlite*"))


class Link:
    """Bare messages, so that the client is not what is measured."""

    def __init__(self, endpoint: str):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.set_hwm(0)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.credit = self.sent = 0
        self.socket.send_multipart([b"", HEADER.pack(MAGIC, Kind.HELLO, DType.JSON, 0, 1, 2,
                                                     0, 0, 0, 0, 0), b"{}"])
        while not self.credit:
            self.receive(1000)

    def send(self, name: bytes, rows: np.ndarray, number: int, flags: int = 0) -> None:
        self.sent += len(rows)
        head = HEADER.pack(MAGIC, Kind.DATA, DType.F32, flags, len(rows), WIDTH, number, 0, 0, 0, 0)
        self.socket.send_multipart([name, head, rows.tobytes()])

    def receive(self, timeout: int) -> tuple[bytes, int, bytes] | None:
        """The next answer (stream, first number, rows) or refusal (stream, -1, its text)."""
        while True:
            if not self.socket.poll(timeout):
                return None
            parts = self.socket.recv_multipart()
            kind, number = parts[1][4], HEADER.unpack(parts[1])[6]
            if kind == Kind.ANSWER:
                return parts[0], number, parts[2]
            if kind == Kind.REFUSE:
                return parts[0], -1, parts[2]
            if kind == Kind.PING:
                head = bytearray(parts[1])
                head[4] = Kind.PONG
                self.socket.send_multipart([b"", bytes(head), *parts[2:]])
            elif len(parts) > 2 and parts[2]:
                told = json.loads(parts[2])
                self.credit = max(self.credit, told.get("credit", 0))
                if kind == Kind.WELCOME:
                    return None


def rows_of(index: int) -> np.ndarray:
    """Two steps of a stream."""
    return np.sin(np.arange(2 * WIDTH, dtype="f4").reshape(2, WIDTH) * np.float32(1 + index % 1009))


def open_streams(link: Link, count: int) -> float:
    """One step of each; seconds."""
    begun, told = time.perf_counter(), 0
    waiting, under_way = list(range(count - 1, -1, -1)), set()
    answered = 0
    while answered < count:
        refused = []
        while waiting and link.sent < link.credit and len(under_way) < 2000:
            index = waiting.pop()
            under_way.add(index)
            link.send(b"s%d" % index, rows_of(index)[:1], 0)
        received = link.receive(1000)
        while received:
            index = int(received[0][1:])
            under_way.discard(index)
            if received[1] < 0:
                refusal = json.loads(received[2])
                if refusal["code"] != "too-many-streams":
                    raise SystemExit(f"refused: {refusal}")
                refused.append(index)
            else:
                answered += 1
            received = link.receive(0)
        if refused:  # none is at rest yet
            waiting += refused
            time.sleep(0.005)
        if answered - told >= count // 10:
            told = answered
            print(f"  {answered} streams, {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return time.perf_counter() - begun


def resume(link: Link, indices: list[int]) -> tuple[list[float], dict[int, bytes]]:
    """Milliseconds from sent to answered, and the answers."""
    times, answers = [], {}
    due = time.perf_counter()
    for index in indices:
        due += 1 / RESUMES_PER_SECOND
        while (left := due - time.perf_counter()) > 0:
            link.receive(int(left * 1000))
        begun = time.perf_counter()
        link.send(b"s%d" % index, rows_of(index)[1:], 1)
        while not (received := link.receive(5000)):
            if time.perf_counter() - begun > 5:
                raise SystemExit(f"s{index} was not answered")
        times.append((time.perf_counter() - begun) * 1000)
        if received[1] != 1:
            raise SystemExit(f"s{index}: {received}")
        answers[index] = received[2]
    return times, answers


def compare(link: Link, answers: dict[int, bytes]) -> int:
    """How many answers differ from those of streams that were never parked."""
    differ = 0
    for index, answer in answers.items():
        link.send(b"c%d" % index, rows_of(index), 0)
        both = b""
        while len(both) < 2 * len(answer):
            while not (received := link.receive(5000)):
                pass
            if received[1] < 0:
                raise SystemExit(f"c{index}: {received}")
            both += received[2]
        differ += both[len(answer):] != answer
    return differ


def measure(arguments, folder: Path) -> dict:
    write_model(folder, arguments.units)
    daemon = Daemon(folder, arguments.streams)
    try:
        empty = daemon.memory()
        link = Link(daemon.ingress)
        opened = open_streams(link, arguments.streams)
        deadline = time.monotonic() + 120
        while daemon.streams_in_memory() and time.monotonic() < deadline:
            link.receive(200)
        still = daemon.streams_in_memory()
        parked = daemon.memory()
        chance = random.Random(1)
        picked = chance.sample(range(arguments.streams), arguments.resumes)
        times, answers = resume(link, picked)
        after = daemon.memory()
        differ = compare(link, dict(list(answers.items())[:200]))
        daemon.stop()
        store = daemon.store_bytes()
        started = daemon.start()
        link = Link(daemon.ingress)
        picked = chance.sample(sorted(set(range(arguments.streams)) - set(picked)), 500)
        again, _ = resume(link, picked)
        restarted = daemon.memory()
        daemon.stop()
    finally:
        daemon.process.kill()
    return {"streams": arguments.streams, "units": arguments.units, "opened_a_second": arguments.streams / opened,
            "streams_still_in_memory": still,
            "memory_before_mb": empty["all"], "memory_parked_mb": parked["all"],
            "memory_parked_own_mb": parked["own"], "memory_most_mb": parked["most"],
            "memory_behind_resumes_mb": after["all"],
            "store_mb": store / 1e6, "store_bytes_a_stream": store / arguments.streams,
            "resumes": len(times), "resume_p50_ms": float(np.percentile(times, 50)),
            "resume_p99_ms": float(np.percentile(times, 99)), "resume_most_ms": max(times),
            "answers_that_differ": differ, "start_seconds": started,
            "memory_restarted_mb": restarted["all"],
            "resume_restarted_p50_ms": float(np.percentile(again, 50)),
            "resume_restarted_p99_ms": float(np.percentile(again, 99))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1_000_000)
    parser.add_argument("--resumes", type=int, default=3000)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--folder", help="where the store is kept meanwhile; default: a temporary folder")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mr", dir=arguments.folder) as folder:
        figures = measure(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:26} {value:.2f}" if isinstance(value, float) else f"{name:26} {value}")
    missed = [name for name, bound in [("memory_parked_mb", 300), ("resume_p99_ms", 5), ("answers_that_differ", 0)]
              if figures[name] > bound]
    if missed:
        sys.exit(f"not kept: {', '.join(missed)}")


if __name__ == "__main__":
    main()
