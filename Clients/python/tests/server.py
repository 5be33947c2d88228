"""A ROUTER that speaks MR/1, for tests of the client: scripted from outside, or a small daemon."""

import threading
import time

import numpy as np
import zmq
from millrace import wire
from millrace.wire import DType, Flag, Kind, Message

DEADLINE_SECONDS = 10.0


class Server:
    """A bound ROUTER. `script(server)` runs on its own thread; its failure is raised on leaving."""

    def __init__(self, script, endpoint: str = "tcp://127.0.0.1:*"):
        self._context = zmq.Context()
        self._wanted = endpoint
        self._bind()
        self._script = script
        self._error: BaseException | None = None
        self.peer = b""
        self.pings = 0
        self.is_stopping = False
        self._thread = threading.Thread(target=self._run)

    def _bind(self):
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 1000
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                self._socket.bind(self._wanted)
                break
            except zmq.ZMQError as error:  # libzmq closes the socket before on its own thread
                if error.errno != zmq.EADDRINUSE or time.monotonic() > deadline:
                    raise
        self.endpoint = self._wanted = self._socket.last_endpoint.decode().rstrip("\0")

    def restart(self):
        """Unbinds, and binds the same endpoint again: the peer's connection and queue are gone."""
        self._socket.close(linger=0)
        self._bind()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self.is_stopping = True
        self._thread.join(2 * DEADLINE_SECONDS)
        self._context.destroy(linger=1000)
        if self._error is not None and kind is None:
            raise self._error

    def _run(self):
        try:
            self._script(self)
        except BaseException as error:  # handed to the thread that leaves
            self._error = error

    @property
    def is_alive(self) -> bool:
        """Whether its script still runs."""
        return self._thread.is_alive()

    def take(self, *kinds: Kind, timeout: float = DEADLINE_SECONDS) -> Message:
        """The next message; of other kinds only pings pass, answered."""
        message = self.poll(timeout)
        if message is None:
            raise AssertionError(f"no {kinds} came in {timeout} s")
        if message.kind is Kind.PING and Kind.PING not in kinds:
            self.pings += 1
            self.send(Message.control(Kind.PONG, message.payload))
            return self.take(*kinds, timeout=timeout)
        if kinds and message.kind not in kinds:
            raise AssertionError(f"expected {kinds}, received {message}")
        return message

    def poll(self, timeout: float) -> Message | None:
        if not self._socket.poll(timeout * 1000):
            return None
        self.peer, *parts = self._socket.recv_multipart()
        return wire.decode(parts)

    def send(self, message: Message) -> None:
        self._socket.send_multipart([self.peer, *wire.encode(message)])

    # What scripts say

    def welcome(self, streams=None, credit=1024, **fields):
        """Takes a hello, answers it, returns its payload."""
        hello = self.take(Kind.HELLO).json()
        self.send_welcome(streams, credit, **fields)
        return hello

    def send_welcome(self, streams=None, credit=1024, **fields):
        self.send(Message.control(Kind.WELCOME, {
            "streams": streams or {}, "credit": credit, "max_bytes": 1 << 20, "versions": [1],
            "model": "sha256:00"} | fields))

    def acknowledge(self, stream, number, *, epoch=0, **fields):
        self.send(Message.control(
            Kind.ACKNOWLEDGE, fields, stream=stream, number=number, epoch=epoch))

    def credit(self, total):
        self.send(Message.control(Kind.CREDIT, {"credit": total}))

    def refuse(self, stream, number, code, *, expected=None, retry=False):
        self.send(Message.control(Kind.REFUSE, {
            "code": code, "expected": expected, "received": number, "retry": retry,
            "message": code}, stream=stream, number=number))

    def answer(self, stream, number, values, *, covers=None, last=False, flags=Flag(0), **fields):
        rows = np.asarray(values, "<f4").reshape(-1, 1)
        self.send(Message(
            Kind.ANSWER, stream, DType.F32, flags | (Flag.LAST if last else Flag(0)), len(rows), 1,
            number, input=number + len(rows) if covers is None else covers,
            payload=rows.tobytes(), **fields))


class RunningSum(Server):
    """A small daemon whose answer to a step is the sum of the stream so far.

    `crashes`: every so many data messages it forgets its connections, whatever is queued, and the
    steps since the last acknowledgement.
    """

    WINDOW = 16

    def __init__(self, endpoint, crashes: int = 0):
        super().__init__(type(self).serve, endpoint)
        self.crashes = crashes
        self.crash_count = self.data_count = 0
        self.durable: dict[str, list[float]] = {}
        self.ended: set[str] = set()
        self._begin()

    def _begin(self):
        self.steps = {name: list(steps) for name, steps in self.durable.items()}
        self.received = 0

    def serve(self):
        while not self.is_stopping:
            message = self.poll(0.01)
            if message is None:
                continue
            if message.kind is Kind.HELLO:
                self.hello(message.json())
            elif message.kind is Kind.PING:
                self.send(Message.control(Kind.PONG, message.payload))
            elif message.kind is Kind.DATA:
                self.data(message)

    def hello(self, hello):
        self.received = 0
        streams = {name: {"expected": len(self.steps[name]) if name in self.steps else None,
                          "closed": name in self.ended, "answers": len(self.steps.get(name, []))}
                   for name in hello["streams"]}
        self.send_welcome(streams, self.WINDOW)
        for name, wanted in hello["streams"].items():
            if wanted is not None and name in self.steps:
                self.answers(name, wanted)

    def data(self, message):
        name, flags = message.stream, message.flags
        self.received += message.count
        self.data_count += 1
        if self.crashes and self.data_count % self.crashes == 0:
            self.crash_count += 1
            self.restart()
            return self._begin()
        steps = self.steps.get(name)
        if steps is None and message.number:
            return self.refuse(name, message.number, "no-start", expected=0)
        steps = self.steps.setdefault(name, [])
        expected = len(steps)
        if message.number > expected:
            return self.refuse(name, message.number, "gap", expected=expected, retry=True)
        if name not in self.ended:
            rows = message.values() if message.count else np.zeros((0, 1), "<f4")
            steps.extend(rows[expected - message.number:, 0].tolist())
            if Flag.END in flags:
                self.ended.add(name)
        self.answers(name, min(expected, message.number))
        if self.data_count % 3 == 0 or Flag.END in flags:
            self.durable[name] = list(steps)
            self.acknowledge(name, len(steps))
        self.credit(self.received + self.WINDOW)

    def answers(self, name, first):
        steps = self.steps[name]
        self.answer(name, first, np.cumsum(np.array(steps, "f8"))[first:], covers=len(steps),
                    last=name in self.ended)
