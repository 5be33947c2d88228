"""The receiving side of published output and of taps: may lose messages, and counts them."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import zmq

from . import wire
from .history import Following
from .sockets import Curve, connect, prepare_subscriber
from .topics import STATS, Arrivals, Published


class Subscriber:
    """Subscribes to topics of a publish or monitor endpoint.

    topics: prefixes such as `output/` or `tap/inference/output/cam-1/`; the trailing `/` keeps
        `cam-1` from matching `cam-10`.
    timeout: seconds that a call waits at most when it is given no timeout of its own.
    high_water_mark: messages that wait here unread; what comes beyond is lost, and counted.
    """

    def __init__(self, endpoint: str, *topics: str, timeout: float = 30.0,
                 high_water_mark: int = 1000, curve: Curve | None = None):
        self.endpoint, self.timeout = endpoint, timeout
        self._arrivals = Arrivals(topics)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        try:
            prepare_subscriber(self._socket, self._arrivals.topics, high_water_mark, curve)
            connect(self._socket, endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    @property
    def holes(self) -> dict[str, int]:
        """Full topic -> messages that were published on it and did not arrive here."""
        return self._arrivals.holes

    @property
    def restarts(self) -> int:
        """How often a topic's count went back, as it does when the daemon has been restarted."""
        return self._arrivals.restarts

    @property
    def lost(self) -> int:
        """Messages lost on all topics together."""
        return self._arrivals.lost

    def ready(self, timeout: float | None = None) -> Self:
        """Waits until the daemon knows the subscriptions, a second at most where it runs.

        For taps (a pipeline's `monitor`) only; what is published earlier is not seen.
        Raises TimeoutError.
        """
        self._check_open()
        deadline = self._deadline(timeout)
        self._socket.setsockopt(zmq.SUBSCRIBE, STATS.encode())
        try:
            while not self._arrivals.is_ready:
                if not self._poll(deadline):
                    raise TimeoutError(f"no daemon's taps at {self.endpoint}")
                if published := self._arrivals.take(self._socket.recv_multipart()):
                    self._arrivals.kept.append(published)
        finally:
            self._socket.setsockopt(zmq.UNSUBSCRIBE, STATS.encode())
        return self

    def receive(self, timeout: float | None = None) -> Published | None:
        """The next topic and message; None when none came in time."""
        deadline = self._deadline(timeout)
        if self._arrivals.kept:
            return self._arrivals.kept.popleft()
        while self._poll(deadline):
            if published := self._arrivals.take(self._socket.recv_multipart()):
                return published
        return None

    def __iter__(self) -> Iterator[Published]:
        """Messages until none has come for `timeout` seconds."""
        while (received := self.receive()) is not None:
            yield received

    def follow(self, stream: str, number: int = 0) -> Iterator[dict[str, Any]]:
        """One stream's output lines from a number on, each once, then each as it is written, until
        none has come for `timeout` seconds.

        For the taps of a pipeline with `state: { history: ... }`. What comes of other topics
        meanwhile is kept for `receive`. Raises HistoryRefused.
        """
        self._check_open()
        following = Following(stream, number)
        self._socket.setsockopt(zmq.SUBSCRIBE, following.topic.encode())
        try:
            deadline = self._deadline(None)
            while self._poll(deadline):
                parts = self._socket.recv_multipart()
                if parts[0] != following.topic.encode():
                    if published := self._arrivals.take(parts):
                        self._arrivals.kept.append(published)
                    continue
                if (line := following.take(wire.decode(parts, topic=True))) is not None:
                    yield line
                    deadline = self._deadline(None)
                if following.needs_page:
                    self._socket.setsockopt(zmq.UNSUBSCRIBE, following.topic.encode())
                    following.turn_page()
                    self._socket.setsockopt(zmq.SUBSCRIBE, following.topic.encode())
        finally:
            if not self._socket.closed:
                self._socket.setsockopt(zmq.UNSUBSCRIBE, following.topic.encode())

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self.timeout if timeout is None else timeout)

    def _check_open(self) -> None:
        if self._socket.closed:
            raise ConnectionError("the subscriber was closed")

    def _poll(self, deadline: float) -> bool:
        self._check_open()
        return bool(self._socket.poll(int(max(0.0, deadline - time.monotonic()) * 1000)))

    def close(self) -> None:
        self._socket.close(linger=0)
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
