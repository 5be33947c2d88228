#!/usr/bin/env python3
"""Runs thousands of streams beside each other, disturbed in every way, and compares each with its run alone.

Three pipelines with a store and two workers (characters, words, values). Clients keep dozens of
streams open at once, and take names again whose streams have ended. They send RESET and END where
chance has it, let streams lie until they are parked, and leave in the middle to come back and resume
them. Beside them somebody sends what is refused: broken messages, bad text, numbers that are none.
Daemons are killed and started anew. In the end the sink's file must hold, for every stream, the bytes
that it has alone: one stream at a time, in another order, in batches of one. So must every line that
a client got. Some streams are run in a process of their own as well.

    Tests/Torture/isolation.py .build/release/millrace --lives 10000 --kills 100
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import zmq  # noqa: E402
from torture import KINDS, Pipeline, by_stream, compare, line_of  # noqa: E402

from millrace.client import Client  # noqa: E402
from millrace.results import Answer  # noqa: E402

TOGETHER = "inference: { workers: 2 }"
ALONE = "inference: { workers: 1, batch: 1 }"
OPEN = 40  # streams of one client at once
CLIENTS = 2  # of each pipeline
# Behind a kill, what nobody asks for is held for a minute, and takes room.
PATIENCE = 150
VANDAL = "vandal"


class Isolated(Pipeline):
    """A pipeline whose streams share batches, and the same for a stream alone."""

    def __init__(self, name, more, binary, folder, options, pieces):
        # Fewer than are open: some are parked for others.
        limits = f"limits: {{ live-streams: {CLIENTS * OPEN * 3 // 4} }}"
        # RESET may cut a word in two, of which neither half is one.
        more = [line.replace("vocabulary.txt }", "vocabulary.txt, unknown: 0 }") for line in more]
        super().__init__(name, [*more, TOGETHER, limits], binary, folder, options, pieces)
        alone = self.plain.read_text().replace(TOGETHER, ALONE).replace(limits, "")
        self.plain.write_text(alone)

    def stop(self):
        # The last kill may have been a moment ago: who has just been started knows no SIGTERM yet.
        with Client(self.ingress, friendly=True, timeout=PATIENCE, silence=0.5) as client:
            client.resume("nobody")
        super().stop()


class Life:
    """One stream from its beginning to its END, as it is sent and as it is answered."""

    def __init__(self, name, pieces, resets):
        self.name, self.pieces, self.resets = name, pieces, resets
        self.next = 0  # the piece to be sent
        self.lines = {}  # number -> line
        self.epochs = set()  # of the connections that sent it
        self.was_cut = False  # whether a connection ended before it did
        self.is_ended = False

    def starts(self):
        """The input number at which each piece begins, and the last one's end."""
        units = (len(piece.encode()) if isinstance(piece, str) else len(piece)
                 for piece in self.pieces)
        return list(itertools.accumulate(units, initial=0))

    def inputs(self):
        key = "text" if isinstance(self.pieces[0], str) else "values"
        for index, piece in enumerate(self.pieces):
            line = {"stream": self.name, key: piece}
            if index in self.resets:
                line["reset"] = True
            if index == len(self.pieces) - 1:
                line["end"] = True
            yield json.dumps(line, ensure_ascii=False) + "\n"


def epoch_of(client, name):
    """The epoch that a stream is sent with; of one that has ended meanwhile, the client's."""
    state = client.session._streams.get(name)
    return state.epoch if state else client.session.epoch


def has_ended(client, name):
    """Whether what the connection before had sent arrived behind the welcome, and ended the life."""
    state = client.session._streams.get(name)
    return state is None or state.is_closed


class Neighbour(threading.Thread):
    """Sends lives until it has had its share of them, over connections that end in the middle."""

    def __init__(self, pipeline, index, lives, seed):
        super().__init__(daemon=True)
        self.pipeline, self.rng, self.left = pipeline, random.Random(seed), lives
        # Three of five lives have a name that an earlier one had.
        self.names = [f"{pipeline.name}-{index}-{number}" for number in range(max(1, lives * 2 // 5))]
        self.lives = defaultdict(list)
        self.open = {}
        # Found to have ended when they were to be resumed: their answers come again.
        self.closed = {}
        self.connections, self.messages = 0, 0
        self.error = None

    def run(self):
        try:
            while self.left or self.open:
                self.connections += 1
                with Client(self.pipeline.ingress, friendly=True, timeout=PATIENCE, silence=0.5) as client:
                    self.client = client
                    self.visit(client)
        except BaseException as error:  # reported by the main thread
            self.error = error

    def visit(self, client):
        self.closed = {}
        for life in [life for life in self.open.values() if life.epochs]:
            self.resume(client, life)
        for _ in range(self.rng.randrange(30, 400)):
            if not self.left and not self.open:
                return
            if self.left and (len(self.open) < OPEN and self.rng.random() < 0.5 or not self.open):
                self.begin()
            if sendable := [life for life in self.open.values() if not life.is_ended]:
                self.send_piece(client, self.rng.choice(sendable))
            elif not self.left or len(self.open) >= OPEN:
                self.take(client.receive(timeout=0.2))
            self.receive(client)
            if self.rng.random() < 0.002:
                self.wait(client, 0.3)  # what is open here is parked
        self.settle(client)
        # A last piece is sent and nothing waited for: it may arrive, or not.
        if sendable := [life for life in self.open.values()
                        if life.epochs and life.next < len(life.pieces) - 1]:
            self.send_piece(client, self.rng.choice(sendable))
        for life in self.open.values():
            life.was_cut = True

    def begin(self):
        free = [name for name in self.rng.sample(self.names, min(8, len(self.names)))
                if name not in self.open and name not in self.closed]
        if not free:
            return
        pieces = self.pipeline.pieces(self.rng)
        resets = {index for index in range(1, len(pieces)) if self.rng.random() < 0.05}
        life = Life(free[0], pieces, resets)
        self.left -= 1
        self.lives[life.name].append(life)
        self.open[life.name] = life

    def send_piece(self, client, life):
        if life.epochs and has_ended(client, life.name):
            life.is_ended = True
            return
        index = life.next
        life.next += 1
        is_last = life.next == len(life.pieces)
        client.send(life.name, life.pieces[index], end=is_last, reset=index in life.resets)
        life.is_ended = is_last
        life.epochs.add(epoch_of(client, life.name))
        self.messages += 1

    def resume(self, client, life):
        """Goes on where the daemon says that the life stands."""
        entry = client.resume(life.name, answers=len(life.lines))
        if entry.get("closed") and entry.get("epoch") in life.epochs:
            self.closed[life.name] = self.open.pop(life.name)
            return
        if entry["expected"] is None or entry["closed"] or entry["epoch"] not in life.epochs:
            raise AssertionError(f"{life.name} was acknowledged with epochs {life.epochs} and now "
                                 f"stands at {entry}")
        starts = life.starts()
        if entry["expected"] not in starts:
            raise AssertionError(f"{life.name} is expected at {entry['expected']}, of {starts}")
        life.next = starts.index(entry["expected"])
        life.is_ended = False
        if life.next == len(life.pieces):
            if not has_ended(client, life.name):
                client.end(life.name)
            life.is_ended = True
        life.epochs.add(epoch_of(client, life.name))

    def settle(self, client):
        """Waits until the daemon knows of every life that is open."""
        deadline = time.monotonic() + PATIENCE
        while any((state := client.session._streams.get(name)) and state.is_beginning
                  for name in self.open):
            if time.monotonic() > deadline:
                raise TimeoutError("a stream's first piece is not acknowledged")
            self.take(client.receive(timeout=0.05))

    def wait(self, client, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.take(client.receive(timeout=left))

    def receive(self, client):
        while (result := client.receive(timeout=0)) is not None:
            self.take(result)

    def take(self, result):
        if result is None:
            return
        if not isinstance(result, Answer):
            raise AssertionError(f"refused: {result}")
        life = self.open.get(result.stream) or self.closed.get(result.stream)
        if life is None:
            raise AssertionError(f"an answer of {result.stream}, which is not open: {result}")
        if result.line is not None:
            line = line_of(result)
            if life.lines.setdefault(result.number, line) != line:
                raise AssertionError(f"{line} was {life.lines[result.number]} before")
        if result.last:
            self.open.pop(result.stream, None)


class Vandal(threading.Thread):
    """Sends what is refused, until told to end; its streams are nobody's to compare."""

    def __init__(self, pipeline, seed):
        super().__init__(daemon=True)
        self.pipeline, self.rng = pipeline, random.Random(seed)
        self.ending = threading.Event()
        self.messages, self.refusals = 0, 0

    def message(self):
        rng = self.rng
        name = f"{VANDAL}-{rng.randrange(8)}".encode()
        number = rng.choice([0, 0, 1, 5, 1 << 40])
        flags = rng.choice(['[]', '["START"]', '["END"]', '["RESET"]', '["PEEK"]', '["START","END"]'])

        def header(dtype, shape=""):
            return (f'{{"v":1,"kind":"data","number":{number},"dtype":"{dtype}"{shape},'
                    f'"flags":{flags}}}').encode()
        nothing = b"\x00\x00\xc0\x7f" * 9
        return rng.choice([
            [name, header("text"), b"\xff\xfe he\xc3"],
            [name, header("text"), "hell\u1112\u1161 zz \0".encode()],
            [name, header("<f4", ',"shape":[1,9]'), nothing],
            [name, header("<f4", ',"shape":[3,9]'), nothing],
            [name, header("<f4", ',"shape":[1,8]'), nothing[:32]],
            [name, header("<i4", ',"shape":[1,1]'), b"\xff\xff\xff\x7f"],
            [name, b"MR1\0" + rng.randbytes(52), rng.randbytes(rng.randrange(64))],
            [b"a/../b", header("text"), b"x"],
            [rng.randbytes(8)] * rng.randrange(1, 40),
            [name, b'{"v":1,"v":1', b""],
            [b"", b'{"v":1,"kind":"hello"}', b'{"streams":{"' + name + b'":3}}'],
        ])

    def run(self):
        context = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.linger, socket.sndtimeo = 0, 100
        socket.connect(self.pipeline.ingress)
        while not self.ending.wait(self.rng.random() * 0.02):
            try:
                socket.send_multipart(self.message())
                self.messages += 1
                while True:
                    self.refusals += b'"refuse"' in socket.recv_multipart(zmq.NOBLOCK)[1]
            except zmq.Again:
                pass
        context.destroy()


def expected_alone(pipeline, lives, rng, count_alone):
    """Output lines of every stream in a run of one after the other, in another order.

    So many of them are run in a process of their own too, and must be the same there.
    """
    names = sorted(lives)
    rng.shuffle(names)
    inputs = {name: [line for life in lives[name] for line in life.inputs()] for name in names}
    expected = pipeline.expected([line for name in names for line in inputs[name]])
    for name in names[:count_alone]:
        if pipeline.expected(inputs[name]) != {name: expected[name]}:
            raise SystemExit(f"{name} differs between a process of its own and one after the other")
    return expected


def strays(lives, expected, folder):
    """How many streams have a client's line that their run alone has not, or miss one."""
    faults = 0
    for name, ones in lives.items():
        rest = list(expected.get(name, []))
        for life in ones:
            # Each life begins at 0 again.
            count = next((index for index, line in enumerate(rest)
                          if index and json.loads(line)["number"] == 0), len(rest))
            own, rest = rest[:count], rest[count:]
            by_number = {json.loads(line)["number"]: line for line in own}
            wrong = [line for number, line in life.lines.items() if by_number.get(number) != line]
            missing = set() if life.was_cut else set(by_number) - set(life.lines)
            if wrong or missing:
                faults += 1
                print(f"{name}: a client got {wrong[:1]}, and not the answers {sorted(missing)[:5]};"
                      f" see {folder}", file=sys.stderr)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--lives", type=int, default=10_000, help="of all pipelines together")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--alone", type=int, default=100,
                        help="names that are run in a process of their own")
    parser.add_argument("--durability", default="os", choices=["os", "fsync"])
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    options.checkpoint, options.park = "200ms", "100ms"
    options.split = options.power = False
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="isolation-"))
    pipelines = [Isolated(name, more, options.binary, folder, options, pieces)
                 for name, pieces, more in KINDS]
    share = -(-options.lives // (len(pipelines) * CLIENTS))
    neighbours = [Neighbour(pipeline, index, share, rng.random())
                  for pipeline in pipelines for index in range(CLIENTS)]
    vandals = [Vandal(pipeline, rng.random()) for pipeline in pipelines]
    began = time.monotonic()
    for thread in [*vandals, *neighbours]:
        thread.start()
    kills, total = 0, sum(one.left for one in neighbours)
    while any(one.is_alive() for one in neighbours):
        time.sleep(0.05)
        for one in neighbours:
            if one.error:
                raise SystemExit(f"{one.pipeline.name}: {one.error!r}; see {one.pipeline.folder}")
        for pipeline in pipelines:
            pipeline.check()
        # Kills are spread over the lives, whatever the machine's speed.
        done = total - sum(one.left for one in neighbours)
        if kills < options.kills and done > total * (kills + rng.random()) / options.kills:
            rng.choice(pipelines).kill(rng)
            kills += 1
    for vandal in vandals:
        vandal.ending.set()
        vandal.join()
    faults, streams, lines = 0, 0, 0
    for pipeline in pipelines:
        pipeline.stop()
        lives = defaultdict(list)
        for one in neighbours:
            if one.error:
                raise SystemExit(f"{pipeline.name}: {one.error!r}; see {one.pipeline.folder}")
            if one.pipeline is pipeline:
                lives |= one.lives
        expected = expected_alone(pipeline, lives, rng, options.alone // len(pipelines))
        written = by_stream(pipeline.output.read_text().splitlines())
        written = {name: lines for name, lines in written.items() if not name.startswith(VANDAL)}
        faults += compare(f"{pipeline.name}, file", written, expected, pipeline.folder)
        faults += strays(lives, expected, pipeline.folder)
        streams += sum(map(len, lives.values()))
        lines += sum(map(len, expected.values()))
    print(f"{streams} streams of {sum(len(one.lives) for one in neighbours)} names, "
          f"{sum(one.messages for one in neighbours)} messages, {lines} lines, "
          f"{sum(one.connections for one in neighbours)} connections, {kills} kills, "
          f"{sum(one.refusals for one in vandals)} refusals of "
          f"{sum(one.messages for one in vandals)} bad messages, "
          f"{time.monotonic() - began:.0f} s: {faults} streams differ")
    if not faults and not options.keep:
        subprocess.run(["rm", "-rf", folder])
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
