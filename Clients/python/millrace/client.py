"""A client of a daemon's ingress for one thread: everything happens inside its calls."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import zmq

from .payload import Data, State, each_piece
from .results import Counters
from .session import RETRY_DELAY, Operation, Result, Session, Until
from .sockets import Curve, connect, prepare_dealer

_READ_AT_ONCE = 64
T = TypeVar("T")


class Client:
    """Sends streams to a daemon and takes their answers.

    One thread uses it. Nothing runs in the background: pings, resends and credit are seen to
    inside `send`, `receive` and the waiting calls.

    epoch: this producer's incarnation; None makes one of the clock, 0 is none.
    friendly: headers as JSON, answers as output lines (`Answer.line`).
    timeout: seconds that a call waits at most when it is given no timeout of its own.
    silence: seconds without a message before what is outstanding is asked after, and before a ping.
    retry_delay: seconds before what was refused with "retry" (`over-limit`, `too-many-streams`,
        `stopping`) is sent again. None hands it on as a Refusal instead: it and what was sent behind
        it is forgotten, and the next `send` of its stream goes on with its numbers.
    curve: (server's public key, own public key, own secret key).
    Raises ValueError where the endpoint is none.
    """

    def __init__(self, endpoint: str, *, epoch: int | None = None, friendly: bool = False,
                 timeout: float = 30.0, silence: float = 2.0, retry_delay: float | None = RETRY_DELAY,
                 curve: Curve | None = None):
        self.session = Session(endpoint, epoch=epoch, friendly=friendly, timeout=timeout,
                               silence=silence, retry_delay=retry_delay)
        self._context = zmq.Context()
        self._curve = curve
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        try:
            self._transmit()
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the socket; what is outstanding stays so (see `drain`).

        What has come may still be received; what would wait for more raises ConnectionError.
        """
        for socket in self._sockets.values():
            socket.close()
        self._context.term()

    @property
    def counters(self) -> Counters:
        """What became of every number sent."""
        return self.session.counters

    @property
    def welcome(self) -> dict[str, Any]:
        """The payload of the daemon's last welcome."""
        return self.session.welcome

    # Sending

    def send(self, stream: str, data: Data = None, *, start: bool = False, end: bool = False,
             reset: bool = False, peek: bool = False, time: int = 0,
             note: dict[str, Any] | None = None, initial_state: State = None,
             timeout: float | None = None) -> int:
        """Sends elements of a stream (see `payload.elements`); returns the number of the first.

        Waits for credit. Cuts only what is larger than a message may be. After END, the next send
        begins a new life at number 0, and waits for the end of the old one.
        A stream that an earlier client left open is not begun anew: what was applied already is
        compared (else `conflict`). `resume` goes on behind it, start=True ends it.
        initial_state: h and c of all recurrent layers in the place of zeros, with the send that
        begins a life (see `payload.state_bytes`). One of another size is refused `bad-shape`, and
        the life is not begun.
        Raises StateLost and StreamRefused, until `start`; TimeoutError, but what was numbered is
        still sent by the next call.
        """
        return self._run(self.session.send(stream, data, start=start, end=end, reset=reset,
                                           peek=peek, time=time, note=note,
                                           initial_state=initial_state, timeout=timeout))

    def end(self, stream: str, *, timeout: float | None = None) -> int:
        """Sends END alone."""
        return self.send(stream, end=True, timeout=timeout)

    def resume(self, stream: str, *, answers: int | None = None,
               timeout: float | None = None) -> dict[str, Any]:
        """Asks where a stream of an earlier client stands, and goes on from there.

        answers: the first answer that is wanted again from the cache.
        Returns its entry of the welcome: expected (None: unknown), closed, answers.
        """
        return self._run(self.session.resume(stream, answers=answers, timeout=timeout))

    # Receiving

    def receive(self, timeout: float | None = None) -> Result | None:
        """The next answer or final refusal; None when none came in time."""
        return self._run(self.session.receive(timeout))

    def __iter__(self) -> Iterator[Result]:
        """Answers and refusals while anything is outstanding."""
        while (result := self._run(self.session.next_outstanding())) is not None:
            yield result

    def stream(self, stream: str, pieces: Data | Iterable[Data], *, end: bool = True,
               timeout: float | None = None) -> Iterator[Result]:
        """Sends one stream piece by piece and yields its answers, as they come, till the last.

        pieces: what `send` takes, or an iterator over such, which is asked for the next piece when
            the answers that have come are yielded.
        end: whether END is sent behind the last piece.
        timeout: seconds to wait for an answer once all is sent.
        A step that is refused for good (`bad-token`, `not-finite`, ...) is yielded as its Refusal,
        and what is behind it goes on. Raises StateLost and StreamRefused where nothing does.
        Answers of other streams stay for `receive`.
        """
        with self.session.claim(stream):
            for piece in each_piece(pieces):
                self.send(stream, piece)
                yield from self.session.claimed(stream)
            if end:
                self.end(stream)
            while (result := self._run(self.session.next_of(stream, timeout))) is not None:
                yield result

    def drain(self, timeout: float | None = None) -> list[Result]:
        """Waits until everything is acknowledged and covered; returns what has come till then.

        Text that completes no token, and steps of a model that answers at the end, are covered by
        END only. Raises TimeoutError, which leaves what has come to `receive`.
        """
        return self._run(self.session.drain(timeout))

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything is acknowledged, answered or not."""
        self._run(self.session.flush(timeout))

    def wait_closed(self, stream: str, timeout: float | None = None) -> None:
        """Waits for a stream's last answer and acknowledgement; answers stay for `receive`."""
        self._run(self.session.wait_closed(stream, timeout))

    # Driving the session

    def _run(self, operation: Operation[T]) -> T:
        try:
            until = next(operation)
            while True:
                try:
                    self._wait(until)
                except Exception as error:
                    until = operation.throw(error)
                else:
                    until = next(operation)
        except StopIteration as done:
            value: T = done.value
            return value

    def _wait(self, until: Until) -> None:
        while not self.session.is_over(until):
            if not self._turn(until):
                raise self.session.timed_out(until)

    def _turn(self, until: Until) -> bool:
        """Reads, keeps time, sends; then waits for more, unless that was enough.

        False once the deadline has passed in vain.
        """
        if self._context.closed:
            raise ConnectionError("the client was closed")
        heard = self.session.heard
        self.session.turn({endpoint: self._arrived(socket)
                           for endpoint, socket in self._sockets.items()})
        self._transmit()
        if self.session.heard != heard or until.is_done():
            return True
        now = self.session.link.clock()
        if now >= until.deadline:
            return False
        poller = zmq.Poller()
        for endpoint, socket in self._sockets.items():
            link = self.session.links.get(endpoint)
            is_sending = link is not None and bool(link.outbox)
            poller.register(socket, zmq.POLLIN | zmq.POLLOUT if is_sending else zmq.POLLIN)
        poller.poll(int((min(until.deadline, self.session.due) - now) * 1000) + 1)
        return True

    @staticmethod
    def _arrived(socket: "zmq.Socket[bytes]") -> list[list[bytes]]:
        """What has arrived, up to a bound."""
        arrived: list[list[bytes]] = []
        try:
            while len(arrived) < _READ_AT_ONCE:
                arrived.append(socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            pass
        return arrived

    def _transmit(self) -> None:
        for endpoint, link in self.session.links.items():
            if endpoint not in self._sockets:
                socket = self._sockets[endpoint] = self._context.socket(zmq.DEALER)
                prepare_dealer(socket, self._curve)
                connect(socket, endpoint)
            try:
                while link.outbox:
                    self._sockets[endpoint].send_multipart(link.outbox[0], zmq.NOBLOCK)
                    link.outbox.popleft()
            except zmq.Again:
                pass  # nobody is there after a handshake that failed; it stays till somebody is
