"""A client of a daemon's ingress for asyncio: many tasks may share one."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import zmq
import zmq.asyncio

from .payload import Data, State, each_piece
from .results import Counters
from .session import RETRY_DELAY, Operation, Result, Session, Until
from .sockets import Curve, connect, prepare_dealer

_READ_AT_ONCE = 64
T = TypeVar("T")


class AsyncClient:
    """Sends streams to a daemon and takes their answers; see `Client` for its arguments.

    Used in `async with`. One task in the background reads, answers pings and sends again, whatever
    the others do. Each answer goes to one of those who wait: `stream` has those of its own stream.
    """

    def __init__(self, endpoint: str, *, epoch: int | None = None, friendly: bool = False,
                 timeout: float = 30.0, silence: float = 2.0, retry_delay: float | None = RETRY_DELAY,
                 curve: Curve | None = None):
        self.session = Session(endpoint, epoch=epoch, friendly=friendly, timeout=timeout,
                               silence=silence, retry_delay=retry_delay)
        self._curve = curve
        self._context: zmq.asyncio.Context | None = None
        self._sockets: dict[str, zmq.asyncio.Socket] = {}
        self._reader: asyncio.Task[None] | None = None
        # What tasks wait for, and the future that wakes each.
        self._waiting: dict[asyncio.Future[None], Until] = {}
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        self._context = zmq.asyncio.Context()
        try:
            self._transmit()
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self._reader = asyncio.create_task(self._read(), name="millrace client")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the socket; what is outstanding stays so (see `drain`)."""
        if self._reader is None or self._context is None:
            return
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._fail(ConnectionError("the client was closed"))
        for socket in self._sockets.values():
            socket.close()
        # Waits for what is still to be sent, a second at most.
        await asyncio.to_thread(self._context.term)

    @property
    def counters(self) -> Counters:
        """What became of every number sent."""
        return self.session.counters

    @property
    def welcome(self) -> dict[str, Any]:
        """The payload of the daemon's last welcome."""
        return self.session.welcome

    # Sending

    async def send(self, stream: str, data: Data = None, *, start: bool = False, end: bool = False,
                   reset: bool = False, peek: bool = False, time: int = 0,
                   note: dict[str, Any] | None = None, initial_state: State = None,
                   timeout: float | None = None) -> int:
        """Sends elements of a stream and waits for credit; as `Client.send`."""
        return await self._run(self.session.send(
            stream, data, start=start, end=end, reset=reset, peek=peek, time=time, note=note,
            initial_state=initial_state, timeout=timeout))

    async def end(self, stream: str, *, timeout: float | None = None) -> int:
        """Sends END alone."""
        return await self.send(stream, end=True, timeout=timeout)

    async def resume(self, stream: str, *, answers: int | None = None,
                     timeout: float | None = None) -> dict[str, Any]:
        """Goes on with a stream of an earlier client; as `Client.resume`."""
        return await self._run(self.session.resume(stream, answers=answers, timeout=timeout))

    # Receiving

    async def receive(self, timeout: float | None = None) -> Result | None:
        """The next answer or final refusal; None when none came in time."""
        return await self._run(self.session.receive(timeout))

    async def __aiter__(self) -> AsyncIterator[Result]:
        """Answers and refusals while anything is outstanding."""
        while (result := await self._run(self.session.next_outstanding())) is not None:
            yield result

    async def stream(self, stream: str, pieces: Data | Iterable[Data] | AsyncIterable[Data], *,
                     end: bool = True, timeout: float | None = None) -> AsyncIterator[Result]:
        """Sends one stream piece by piece and yields its answers, as they come, till the last.

        As `Client.stream`, but that pieces may come from an asynchronous iterator, and are sent
        whether the answers are read or not, as far as credit goes.
        """
        with self.session.claim(stream):
            feeder = asyncio.create_task(self._feed(stream, pieces, end))
            feeder.add_done_callback(lambda _: self._wake())
            try:
                while (result := await self._run(self.session.next_of(
                        stream, timeout, is_fed=feeder.done,
                        has_failed=lambda: feeder.done() and bool(feeder.exception())
                ))) is not None:
                    yield result
                await feeder  # raises what went wrong there
            finally:
                feeder.cancel()
                await asyncio.gather(feeder, return_exceptions=True)

    async def _feed(self, stream: str, pieces: Data | Iterable[Data] | AsyncIterable[Data],
                    end: bool) -> None:
        if isinstance(pieces, AsyncIterable):
            async for piece in pieces:
                await self.send(stream, piece)
        else:
            for piece in each_piece(pieces):
                await self.send(stream, piece)
        if end:
            await self.end(stream)

    async def drain(self, timeout: float | None = None) -> list[Result]:
        """Waits until everything is acknowledged and covered; as `Client.drain`."""
        return await self._run(self.session.drain(timeout))

    async def flush(self, timeout: float | None = None) -> None:
        """Waits until everything is acknowledged, answered or not."""
        await self._run(self.session.flush(timeout))

    async def wait_closed(self, stream: str, timeout: float | None = None) -> None:
        """Waits for a stream's last answer and acknowledgement; answers stay for `receive`."""
        await self._run(self.session.wait_closed(stream, timeout))

    # Driving the session

    async def _run(self, operation: Operation[T]) -> T:
        if self._reader is None:
            raise RuntimeError("an AsyncClient is used in `async with AsyncClient(...) as client:`")
        try:
            until = next(operation)
            while True:
                try:
                    await self._wait(until)
                except Exception as error:
                    until = operation.throw(error)
                else:
                    until = next(operation)
        except StopIteration as done:
            value: T = done.value
            return value

    async def _wait(self, until: Until) -> None:
        if not self.session.is_over(until) and not self._failure:
            self._turn({})
        # Another task that was woken earlier may have taken what came.
        while not self.session.is_over(until):
            if self._failure:
                raise self._failure
            left = until.deadline - self.session.link.clock()
            if left <= 0:
                raise self.session.timed_out(until)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[future] = until
            try:
                await asyncio.wait([future], timeout=min(left, 86400.0))
            finally:
                del self._waiting[future]

    def _turn(self, arrived: dict[str, list[list[bytes]]]) -> None:
        self.session.turn(arrived)
        self._transmit()
        self._wake()

    def _wake(self) -> None:
        """Wakes those whose wait is over, also in vain."""
        for future, until in self._waiting.items():
            if not future.done() and (until.is_done() or self.session.is_refused):
                future.set_result(None)

    async def _read(self) -> None:
        try:
            while True:
                wait = max(0.0, self.session.due - self.session.link.clock())
                await self._readable(int(wait * 1000) + 1)
                self._turn({endpoint: self._arrived(socket)
                            for endpoint, socket in self._sockets.items()})
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def _readable(self, milliseconds: int) -> None:
        """Waits until something has arrived by any connection."""
        if len(self._sockets) == 1:
            await next(iter(self._sockets.values())).poll(milliseconds)
            return
        poller = zmq.asyncio.Poller()
        for socket in self._sockets.values():
            poller.register(socket, zmq.POLLIN)
        await poller.poll(milliseconds)

    @staticmethod
    def _arrived(socket: zmq.asyncio.Socket) -> list[list[bytes]]:
        """What has arrived, up to a bound."""
        arrived: list[list[bytes]] = []
        while len(arrived) < _READ_AT_ONCE:
            # Without waiting, what it returns is done.
            received = cast(asyncio.Future[list[bytes]], socket.recv_multipart(zmq.NOBLOCK))
            if isinstance(received.exception(), zmq.Again):
                break
            arrived.append(received.result())
        return arrived

    def _transmit(self) -> None:
        for endpoint, link in self.session.links.items():
            if endpoint not in self._sockets:
                assert self._context is not None
                socket = self._sockets[endpoint] = self._context.socket(zmq.DEALER)
                prepare_dealer(socket, self._curve)
                connect(socket, endpoint)
            while link.outbox:
                # Without a high-water mark it never waits.
                self._sockets[endpoint].send_multipart(link.outbox.popleft())
