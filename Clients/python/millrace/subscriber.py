"""The receiving side of published output and of taps: may lose messages, and counts them."""

import time
from collections.abc import Iterator

import zmq

from . import wire


class Subscriber:
    """Subscribes to topics of a publish or monitor endpoint.

    topics: prefixes such as `output/` or `tap/inference/output/cam-1/`; the trailing `/` keeps
        `cam-1` from matching `cam-10`.
    holes: full topic -> messages that were published on it and did not arrive here.
    restarts: how often a topic's count went back, as it does when the daemon has been restarted.
    """

    def __init__(self, endpoint: str, *topics: str, timeout: float = 30.0,
                 high_water_mark: int = 1000, curve: tuple[bytes, bytes, bytes] | None = None):
        self.endpoint, self.timeout = endpoint, timeout
        self.holes: dict[str, int] = {}
        self.restarts = 0
        self._next: dict[str, int] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set_hwm(high_water_mark)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        if curve:
            (self._socket.curve_serverkey, self._socket.curve_publickey,
             self._socket.curve_secretkey) = curve
        for topic in topics or ("",):
            self._socket.subscribe(topic)
        self._socket.connect(endpoint)

    @property
    def lost(self) -> int:
        """Messages lost on all topics together."""
        return sum(self.holes.values())

    def receive(self, timeout: float | None = None) -> tuple[str, wire.Message] | None:
        """The next topic and message; None when none came in time."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        if not self._socket.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        message = wire.decode(self._socket.recv_multipart(), topic=True)
        self._count(message)
        return message.stream, message

    def __iter__(self) -> Iterator[tuple[str, wire.Message]]:
        """Messages until none has come for `timeout` seconds."""
        while (received := self.receive()) is not None:
            yield received

    def _count(self, message: wire.Message) -> None:
        topic, sequence = message.stream, message.note_fields().get("sequence")
        if not isinstance(sequence, int):
            raise wire.WireError("bad-header", f"the note on {topic} has no sequence",
                                 '{"sequence":n}')
        # What was published before the first message seen was never promised to this reader.
        expected = self._next.get(topic, sequence)
        if sequence > expected:
            self.holes[topic] = self.holes.get(topic, 0) + sequence - expected
        elif sequence < expected:
            self.restarts += 1
        self._next[topic] = sequence + 1

    def close(self) -> None:
        self._socket.close(linger=0)
        self._context.term()

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_) -> None:
        self.close()
