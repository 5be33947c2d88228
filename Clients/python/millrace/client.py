"""A client of a daemon's ingress: numbers, credit, resending, and each answer once.

One thread uses a client. Nothing runs in the background: pings, resends and credit are seen to
inside `send`, `receive` and the waiting calls.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from . import wire
from .connection import Connection
from .outgoing import OutgoingStream
from .payload import elements, pieces, state_bytes
from .results import Answer, Counters, Refusal, StateLost, StreamRefused
from .wire import Flag, Kind, Message

# Refusals that use their numbers up: what comes behind goes on.
USED_UP = frozenset({"bad-shape", "bad-token", "not-finite", "bad-text"})
# Refusals that end a stream for this sender, until START.
ENDING = frozenset({"conflict", "fenced", "closed", "state-lost"})
# Refusals that show our idea of the credit or of a stream to be old: a welcome sets it right.
STALE = frozenset({"gap", "over-credit", "no-start"})


class Client:
    """Sends streams to a daemon and takes their answers.

    epoch: this producer's incarnation; None makes one of the clock, 0 is none.
    friendly: headers as JSON, answers as output lines (`Answer.line`).
    timeout: seconds that a call waits at most when it is given no timeout of its own.
    silence: seconds without a message before what is outstanding is asked after, and before a ping.
    retry_delay: seconds before what was refused with "retry" is sent again.
    curve: (server's public key, own public key, own secret key).
    """

    def __init__(self, endpoint: str, *, epoch: int | None = None, friendly: bool = False,
                 timeout: float = 30.0, silence: float = 2.0, retry_delay: float = 0.25,
                 curve: tuple[bytes, bytes, bytes] | None = None):
        self.endpoint, self.timeout, self.retry_delay = endpoint, timeout, retry_delay
        self.epoch = _incarnation() if epoch is None else epoch
        self.counters = Counters()
        # The payload of the last welcome.
        self.welcome: dict = {}
        self._streams: dict[str, OutgoingStream] = {}
        # Whether any stream has ended: its name may come again.
        self._has_ended = False
        self._unsent: dict[str, OutgoingStream] = {}
        self._failed: dict[str, Refusal] = {}
        # Streams that wait to be resumed, with the first answer wanted.
        self._resuming: dict[str, int | None] = {}
        self._greeted: set[str] = set()
        self._results: deque[Answer | Refusal] = deque()
        self._refusal: Refusal | None = None
        self.connection = Connection(endpoint, friendly=friendly, silence=silence, curve=curve)
        self._hello()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the socket; what is outstanding stays so (see `drain`)."""
        self.connection.close()

    # Sending

    def send(self, stream: str, data=None, *, start: bool = False, end: bool = False,
             reset: bool = False, peek: bool = False, time: int = 0, note: dict | None = None,
             initial_state=None, timeout: float | None = None) -> int:
        """Sends elements of a stream (see `payload.elements`); returns the number of the first.

        Waits for credit. Cuts only what is larger than a message may be. After END, the next send
        begins a new life at number 0, and waits for the end of the old one.
        initial_state: h and c of all recurrent layers in the place of zeros, with the send that
        begins a life (see `payload.state_bytes`). One of another size is refused `bad-shape`, and
        no life begins.
        Raises StateLost and StreamRefused, until `start`; TimeoutError, but what was numbered is
        still sent by the next call.
        """
        deadline = self._deadline(timeout)
        self._wait(lambda: self.connection.is_welcome, deadline, "a welcome")
        state = self._stream(stream, start, deadline)
        given = state_bytes(initial_state)
        if given and state.was_sent and not start:
            raise ValueError(f"{stream} is open: a state can be given where it begins")
        start = start or bool(given) or state.begins_anew and state.next == 0
        rows, dtype = elements(data)
        if not len(rows) and not (start or end or reset):
            return state.next
        parts = pieces(rows, dtype, self.connection.window,
                       self.welcome.get("max_bytes", 1 << 20) - len(given))
        if peek and len(parts) > 1:
            raise ValueError("a peek is one message; this one is too large")
        number = state.next
        for index, fields in enumerate(parts):
            is_first, is_last = index == 0, index == len(parts) - 1
            flags = ((start and is_first) * Flag.START | (end and is_last) * Flag.END
                     | (reset and is_first) * Flag.RESET | peek * Flag.PEEK)
            message = Message(
                Kind.DATA, stream, flags=Flag(flags), number=state.next, epoch=state.epoch,
                time=time, note=wire.json_bytes(note) if note else b"",
                ids=given if is_first else b"",
                friendly=self.connection.friendly, **fields)
            wire.encode(message)  # what is wrong is said here, before it is numbered
            self._streams[stream] = self._unsent[stream] = state
            kept = state.append(message)
            self.counters.sent += kept.end - kept.begin
        self._wait(lambda: kept.transmissions or kept.is_dropped, deadline,
                   f"credit for {stream}")
        self._check(stream)
        return number

    def end(self, stream: str, **options) -> int:
        """Sends END alone."""
        return self.send(stream, end=True, **options)

    def resume(self, stream: str, *, answers: int | None = None,
               timeout: float | None = None) -> dict:
        """Asks where a stream of an earlier client stands, and goes on from there.

        answers: the first answer that is wanted again from the cache.
        Returns its entry of the welcome: expected (None: unknown), closed, answers.
        """
        if stream in self._streams:
            raise ValueError(f"{stream} was sent by this client; only others' streams are resumed")
        self._streams[stream] = OutgoingStream(stream, self.epoch)
        self._resuming[stream] = answers
        self._hello()
        self._wait(lambda: stream not in self._resuming, self._deadline(timeout), "a welcome")
        self._failed.pop(stream, None)
        return self.welcome["streams"].get(stream) or {"expected": None}

    def _stream(self, name: str, start: bool, deadline: float) -> OutgoingStream:
        failure = self._failed.pop(name, None) if start else None
        if failure is not None and failure.code != "fenced":
            # The old life may still be open in the daemon: only a higher epoch ends it.
            self.epoch = max(self.epoch + 1, _incarnation() if self.epoch else 0)
        self._check(name)
        if name in self._streams and self._streams[name].is_ended:
            self.wait_closed(name, max(0.0, deadline - self.connection.clock()))
        if name in self._streams:
            return self._streams[name]
        begins_anew = self._has_ended
        if begins_anew:
            # A life that is sent like an earlier one, to the last byte, is no repetition of it.
            self.epoch += 1
        return OutgoingStream(name, self.epoch, begins_anew=begins_anew)

    def _check(self, stream: str) -> None:
        if refusal := self._failed.get(stream):
            raise (StateLost if refusal.code == "state-lost" else StreamRefused)(refusal)

    # Receiving

    def receive(self, timeout: float | None = None) -> Answer | Refusal | None:
        """The next answer or final refusal; None when none came in time."""
        deadline = self._deadline(timeout)
        while not self._results:
            if not self._turn(deadline, lambda: self._results):
                return None
        return self._results.popleft()

    def __iter__(self) -> Iterator[Answer | Refusal]:
        """Answers and refusals while anything is outstanding."""
        while self._results or self._is_outstanding():
            if not self._results:
                self._wait(lambda: self._results or not self._is_outstanding(),
                           self._deadline(None), "all answers")
            if self._results:
                yield self._results.popleft()

    def drain(self, timeout: float | None = None) -> list[Answer | Refusal]:
        """Waits until everything is acknowledged and covered; returns what has come till then.

        Text that completes no token, and steps of a model that answers at the end, are covered by
        END only. Raises TimeoutError, which leaves what has come to `receive`.
        """
        self._wait(lambda: not self._is_outstanding(), self._deadline(timeout), "all answers")
        results = list(self._results)
        self._results.clear()
        return results

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything is acknowledged, answered or not."""
        self._wait(lambda: not any(state.unacknowledged for state in self._streams.values()),
                   self._deadline(timeout), "all acknowledgements")

    def wait_closed(self, stream: str, timeout: float | None = None) -> None:
        """Waits for a stream's last answer and acknowledgement; answers stay for `receive`."""
        self._wait(lambda: stream not in self._streams, self._deadline(timeout),
                   f"the end of {stream}")
        self._check(stream)

    def _is_outstanding(self) -> bool:
        return any(state.is_outstanding for state in self._streams.values())

    # Waiting

    def _deadline(self, timeout: float | None) -> float:
        return self.connection.clock() + (self.timeout if timeout is None else timeout)

    def _wait(self, is_done: Callable[[], object], deadline: float, what: str) -> None:
        while not is_done():
            if self._refusal:
                raise StreamRefused(self._refusal)
            if not self._turn(deadline, is_done):
                link = self.connection
                raise TimeoutError(
                    f"waited for {what} from {self.endpoint}: last heard "
                    f"{link.clock() - link.heard:.1f} s ago, credit {link.room}, "
                    f"{self.counters.outstanding} of {self.counters.sent} outstanding")

    def _turn(self, deadline: float, is_done: Callable[[], object]) -> bool:
        """Reads, keeps time, sends; then waits for more, unless that was enough.

        False once the deadline has passed in vain.
        """
        heard = self.connection.heard
        for message in self.connection.read():
            self._dispatch(message)
        if self.connection.is_hello_due(self._is_outstanding):
            self._hello()
        self._pump()
        return (self.connection.heard != heard or bool(is_done())
                or self.connection.wait(deadline))

    def _hello(self) -> None:
        streams = {name: state.answer_next for name, state in self._streams.items()
                   if state.was_sent}
        self._greeted = set(streams)
        self.connection.hello(streams | self._resuming, self.epoch)

    def _pump(self) -> None:
        """Transmits what is unsent, as far as credit goes."""
        if not self._unsent or self.connection.is_greeting:
            return
        if self.connection.may_be_forgotten:
            return self._hello()
        while self._unsent:
            name, state = next(iter(self._unsent.items()))
            while (kept := state.unsent) is not None:
                if kept.message.count > self.connection.room:
                    return
                self.connection.transmit_data(kept.message)
                kept.transmissions += 1
                state.cursor += 1
            del self._unsent[name]

    # What comes back

    def _dispatch(self, message: Message) -> None:
        match message.kind:
            case Kind.ANSWER:
                self._answered(message)
            case Kind.ACKNOWLEDGE:
                self._acknowledged(message)
            case Kind.REFUSE:
                self._refused(message)
            case Kind.WELCOME:
                self._welcomed(message.json())

    def _welcomed(self, welcome: dict) -> None:
        self.welcome = welcome
        for name in self._greeted | set(self._resuming):
            state = self._streams.get(name)
            if state is None:
                continue
            entry = welcome["streams"].get(name) or {}
            expected, closed, answers = (entry.get("expected"), entry.get("closed", False),
                                         entry.get("answers", 0))
            if entry.get("epoch", state.epoch) < state.epoch and name not in self._resuming:
                expected, closed = None, False  # of the life before
            if name in self._resuming:
                state.resume(expected, closed, answers, self._resuming.pop(name))
                state.oldest_epoch = entry.get("epoch", 0)
            elif not state.welcome(expected, closed, answers):
                self._fail(state, Refusal(
                    name, state.covered_to, 0, "state-lost", state.oldest, expected, False,
                    f"the daemon goes on at {expected}, but the oldest number kept "
                    f"is {state.oldest}; begin the stream anew with START"))
                continue
            if state.is_closed:
                self.counters.covered += state.cover(state.next)
            self._unsent[name] = state
            self._settle(state)

    def _acknowledged(self, message: Message) -> None:
        fields = message.json() if message.payload else {}
        self.connection.grant(fields.get("credit", 0))
        if (state := self._streams.get(message.stream)) is not None:
            if 0 < message.epoch < state.oldest_epoch:
                return  # of the life before
            state.acknowledge(message.number)
            if fields.get("cached") is False:
                self.counters.uncached += state.cover(message.number)
                state.is_closed |= state.is_ended and message.number == state.next
            self._settle(state)

    def _answered(self, message: Message) -> None:
        state = self._streams.get(message.stream)
        if Flag.PEEK in message.flags:
            if state is not None:
                state.answered_peek()
            self._results.append(Answer.of(message))
            return
        # A daemon that was started anew tells the end of the life before this one again.
        if state is None or 0 < message.epoch < state.oldest_epoch:
            self.counters.duplicates += max(1, message.count)
            return
        is_last = Flag.LAST in message.flags and not state.is_closed
        skip = min(message.count, max(0, state.answer_next - message.number))
        self.counters.duplicates += skip
        self.counters.covered += state.cover(message.input)
        state.answer_next = max(state.answer_next, message.number + message.count)
        if skip < message.count or is_last:
            self._results.append(Answer.of(message, skip))
        state.is_closed = state.is_closed or is_last
        self._settle(state)

    def _refused(self, message: Message) -> None:
        fields = message.json()
        refusal = Refusal(message.stream, message.number, 0, fields["code"],
                          fields.get("expected"), fields.get("received"),
                          fields.get("retry", False), fields.get("message", ""))
        state = self._streams.get(message.stream)
        # Sent before the daemon was started anew, read by it before its life's beginning.
        is_behind = (refusal.code == "closed" and state is not None and state.is_beginning
                     and message.number > state.first)
        if refusal.code in STALE or refusal.retry or is_behind:
            self.counters.retried += 1
            self._retry(state, refusal)
        elif not message.stream:
            self._results.append(refusal)
            if not self.connection.is_welcome:
                self._refusal = refusal  # and no welcome will come
        elif state is None:
            self.counters.duplicates += 1
        elif refusal.code in ENDING:
            self._fail(state, refusal)
        else:
            uses_up = refusal.code in USED_UP and not (
                state.gave_state(message.number) and message.input <= message.number)
            count = (state.use_up(message.number, message.input) if uses_up
                     else state.drop(message.number))
            if count is None:
                self.counters.duplicates += 1
            else:
                self._surface(refusal, count)
            self._settle(state)

    def _retry(self, state: OutgoingStream | None, refusal: Refusal) -> None:
        if self.connection.is_greeting or refusal.stream and state is None:
            return  # the welcome tells where to go on; or there is nothing left to send
        if refusal.retry and refusal.code not in STALE:
            self.connection.hello_after(self.retry_delay)
        elif refusal.code == "gap" and isinstance(refusal.expected, int) \
                and state.rewind(refusal.expected):
            self._unsent[state.name] = state
        else:
            self._hello()

    def _fail(self, state: OutgoingStream, refusal: Refusal) -> None:
        self._surface(refusal, state.lose())
        self._failed[state.name] = refusal
        self._forget(state)

    def _surface(self, refusal: Refusal, count: int) -> None:
        self.counters.refused += count
        self._results.append(replace(refusal, count=count))

    def _settle(self, state: OutgoingStream) -> None:
        if state.is_done:
            self._forget(state)

    def _forget(self, state: OutgoingStream) -> None:
        self._streams.pop(state.name, None)
        self._has_ended = True
        self._unsent.pop(state.name, None)


def _incarnation() -> int:
    """Grows with each start. Microseconds: nanoseconds would not fit the friendly form's 2^53."""
    return time.time_ns() // 1000
