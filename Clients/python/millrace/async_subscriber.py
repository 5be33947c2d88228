"""The receiving side of published output and of taps, for asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import zmq
import zmq.asyncio

from . import wire
from .history import Following
from .sockets import Curve, connect, prepare_subscriber
from .topics import STATS, Arrivals, Published


class AsyncSubscriber:
    """Subscribes to topics of a publish or monitor endpoint; see `Subscriber` for its arguments.

    Used in `async with`; one task reads. `async for` goes on until the timeout is over without a
    message; by default for ever.
    """

    def __init__(self, endpoint: str, *topics: str, timeout: float | None = None,
                 high_water_mark: int = 1000, curve: Curve | None = None):
        self.endpoint, self.timeout = endpoint, timeout
        self._arrivals = Arrivals(topics)
        self._high_water_mark, self._curve = high_water_mark, curve

    async def __aenter__(self) -> Self:
        self._context = zmq.asyncio.Context()
        try:
            self._socket = self._context.socket(zmq.SUB)
            prepare_subscriber(self._socket, self._arrivals.topics, self._high_water_mark,
                               self._curve)
            connect(self._socket, self.endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._context.destroy(linger=0)

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

    async def ready(self, timeout: float | None = None) -> Self:
        """Waits until the daemon knows the subscriptions; as `Subscriber.ready`."""
        self._socket.setsockopt(zmq.SUBSCRIBE, STATS.encode())
        try:
            async with asyncio.timeout(30.0 if timeout is None else timeout):
                while not self._arrivals.is_ready:
                    if published := self._arrivals.take(await self._socket.recv_multipart()):
                        self._arrivals.kept.append(published)
        except TimeoutError:
            raise TimeoutError(f"no daemon's taps at {self.endpoint}") from None
        finally:
            self._socket.setsockopt(zmq.UNSUBSCRIBE, STATS.encode())
        return self

    async def receive(self, timeout: float | None = None) -> Published | None:
        """The next topic and message; None when none came in time."""
        timeout = self.timeout if timeout is None else timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._arrivals.kept:
            return self._arrivals.kept.popleft()
        while True:
            left = None if deadline is None else int(1000 * max(0.0, deadline - time.monotonic()))
            if not await self._socket.poll(left):
                return None
            if published := self._arrivals.take(await self._socket.recv_multipart()):
                return published

    async def __aiter__(self) -> AsyncIterator[Published]:
        """Messages until none has come for `timeout` seconds."""
        while (received := await self.receive()) is not None:
            yield received

    async def follow(self, stream: str, number: int = 0) -> AsyncIterator[dict[str, Any]]:
        """One stream's output lines from a number on; as `Subscriber.follow`."""
        following = Following(stream, number)
        self._socket.setsockopt(zmq.SUBSCRIBE, following.topic.encode())
        patience = None if self.timeout is None else int(1000 * self.timeout)
        try:
            while await self._socket.poll(patience):
                parts = await self._socket.recv_multipart()
                if parts[0] != following.topic.encode():
                    if published := self._arrivals.take(parts):
                        self._arrivals.kept.append(published)
                    continue
                if (line := following.take(wire.decode(parts, topic=True))) is not None:
                    yield line
                if following.needs_page:
                    self._socket.setsockopt(zmq.UNSUBSCRIBE, following.topic.encode())
                    following.turn_page()
                    self._socket.setsockopt(zmq.SUBSCRIBE, following.topic.encode())
        finally:
            if not self._socket.closed:
                self._socket.setsockopt(zmq.UNSUBSCRIBE, following.topic.encode())
