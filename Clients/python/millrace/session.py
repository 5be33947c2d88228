"""A producer's side of a daemon's ingress: numbers, credit, resending, and each answer once.

Decisions only: no socket, no waiting. What the protocol makes one wait for is told to the driver
(`Client`, `AsyncClient`) as an `Until`, so that both share every line here.
"""

import math
import time as clocks
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from . import wire
from .link import Link
from .outgoing import OutgoingStream
from .payload import Data, State, elements, pieces, state_bytes
from .results import Answer, Counters, Refusal, StateLost, StreamRefused
from .wire import Flag, Kind, Message

# Refusals that use their numbers up: what comes behind goes on. A message of more steps than any may
# have uses none up, but is never sent from here (`payload.pieces`).
USED_UP = frozenset({"bad-shape", "bad-token", "not-finite", "bad-text", "too-many-steps"})
# Refusals that end a stream for this sender, until START.
ENDING = frozenset({"conflict", "fenced", "closed", "state-lost"})
# Refusals that show our idea of the credit or of a stream to be old: a welcome sets it right.
STALE = frozenset({"gap", "over-credit", "no-start"})
# Seconds before what has to be sent again, whoever asked, is sent again.
RETRY_DELAY = 0.25

Result = Answer | Refusal
T = TypeVar("T")


@dataclass(frozen=True)
class Until:
    """What an operation waits for, and until when by the link's clock."""

    is_done: Callable[[], object]
    deadline: float
    what: str


# Yields what it waits for; a TimeoutError is thrown in where that did not come.
Operation = Generator[Until, None, T]


class Session:
    """The streams that one client sends, over one connection and those that streams moved to.

    A driver hands over what has arrived by each of `links` and sends what is in its `outbox`, both
    by way of `turn`, and carries operations out: it goes on with one as soon as `is_over` says so.
    """

    def __init__(self, endpoint: str, *, epoch: int | None, friendly: bool, timeout: float,
                 silence: float, retry_delay: float | None):
        self.endpoint, self.timeout, self.retry_delay = endpoint, timeout, retry_delay
        self.epoch = _incarnation() if epoch is None else epoch
        self.counters = Counters()
        # The payload of the last welcome.
        self.welcome: dict[str, Any] = {}
        self._streams: dict[str, OutgoingStream] = {}
        # Whether any stream has ended: its name may come again.
        self._has_ended = False
        self._unsent: dict[str, OutgoingStream] = {}
        self._failed: dict[str, Refusal] = {}
        # By stream, what it was refused with and is sent again after; empty for the connection.
        self._retrying: dict[str, Refusal] = {}
        # By stream, that an earlier client has left it open.
        self._left_open: dict[str, str] = {}
        # Streams that wait to be resumed, with the first answer wanted.
        self._resuming: dict[str, int | None] = {}
        self._results: deque[Result] = deque()
        # Results of the streams that somebody iterates over alone.
        self._claims: dict[str, deque[Result]] = {}
        self._refusal: Refusal | None = None
        self.link = Link(friendly=friendly, silence=silence)
        # By endpoint; more than one once a stream has moved to another daemon.
        self.links: dict[str, Link] = {endpoint: self.link}
        self._moved: dict[str, Link] = {}
        self._hello(self.link)

    # Sending

    def send(self, stream: str, data: Data = None, *, start: bool = False, end: bool = False,
             reset: bool = False, peek: bool = False, time: int = 0,
             note: dict[str, Any] | None = None, initial_state: State = None,
             timeout: float | None = None) -> Operation[int]:
        """`Client.send`."""
        deadline = self._deadline(timeout)
        yield Until(lambda: self._link_of(stream).is_welcome, deadline, "a welcome")
        state = yield from self._stream(stream, start, deadline)
        given = state_bytes(initial_state)
        if given and state.was_sent and not start:
            raise ValueError(f"{stream} is open: a state can be given where it begins")
        start = start or bool(given) or state.begins_anew and not state.kept and state.next == 0
        rows, dtype = elements(data)
        if not len(rows) and not (start or end or reset or peek):
            return state.next
        parts = pieces(rows, dtype, self._link_of(stream).window,
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
                friendly=self.link.friendly, **fields)
            wire.encode(message)  # what is wrong is said here, before it is numbered
            self._streams[stream] = self._unsent[stream] = state
            kept = state.append(message)
            self.counters.sent += kept.end - kept.begin
        yield Until(lambda: kept.transmissions or kept.is_dropped, deadline, f"credit for {stream}")
        self._check(stream)
        return number

    def resume(self, stream: str, *, answers: int | None = None,
               timeout: float | None = None) -> Operation[dict[str, Any]]:
        """`Client.resume`."""
        if stream in self._streams:
            raise ValueError(f"{stream} was sent by this client; only others' streams are resumed")
        self._streams[stream] = OutgoingStream(stream, self.epoch)
        self._resuming[stream] = answers
        self._hello(self.link)
        yield Until(lambda: stream not in self._resuming, self._deadline(timeout), "a welcome")
        self._failed.pop(stream, None)
        entry: dict[str, Any] = self.welcome["streams"].get(stream) or {"expected": None}
        return entry

    def _stream(self, name: str, start: bool, deadline: float) -> Operation[OutgoingStream]:
        failure = self._failed.pop(name, None) if start else None
        if failure is not None and failure.code != "fenced":
            # The old life may still be open in the daemon: only a higher epoch ends it.
            self.epoch = max(self.epoch + 1, _incarnation() if self.epoch else 0)
        self._check(name)
        if name in self._streams and self._streams[name].is_ended:
            yield Until(lambda: name not in self._streams, deadline, f"the end of {name}")
            self._check(name)
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

    def receive(self, timeout: float | None = None) -> Operation[Result | None]:
        """`Client.receive`."""
        try:
            yield Until(lambda: self._results, self._deadline(timeout), "an answer")
        except TimeoutError:
            return None
        return self._results.popleft()

    def next_outstanding(self) -> Operation[Result | None]:
        """The next answer or refusal; None once nothing is outstanding."""
        yield Until(lambda: self._results or not self.is_outstanding(), self._deadline(None),
                    "all answers")
        return self._results.popleft() if self._results else None

    def drain(self, timeout: float | None = None) -> Operation[list[Result]]:
        """`Client.drain`."""
        yield Until(lambda: not self.is_outstanding(), self._deadline(timeout), "all answers")
        results = list(self._results)
        self._results.clear()
        return results

    def flush(self, timeout: float | None = None) -> Operation[None]:
        """`Client.flush`."""
        yield Until(lambda: not any(state.unacknowledged for state in self._streams.values()),
                    self._deadline(timeout), "all acknowledgements")

    def wait_closed(self, stream: str, timeout: float | None = None) -> Operation[None]:
        """`Client.wait_closed`."""
        yield Until(lambda: stream not in self._streams, self._deadline(timeout),
                    f"the end of {stream}")
        self._check(stream)

    @contextmanager
    def claim(self, stream: str) -> Iterator[None]:
        """Keeps a stream's results apart, for `next_of`; what is left then goes to `receive`."""
        if stream in self._claims:
            raise ValueError(f"somebody iterates over {stream} already")
        self._claims[stream] = deque(one for one in self._results if one.stream == stream)
        self._results = deque(one for one in self._results if one.stream != stream)
        try:
            yield
        finally:
            self._results.extend(self._claims.pop(stream))

    def claimed(self, stream: str) -> Iterator[Result]:
        """What has come of a claimed stream; not an end that carries nothing.

        Raises StateLost and StreamRefused where a refusal has ended the stream.
        """
        results = self._claims[stream]
        while results:
            result = results.popleft()
            if isinstance(result, Refusal) and result.code in ENDING:
                self._check(stream)
            if isinstance(result, Refusal) or len(result):
                yield result

    def next_of(self, stream: str, timeout: float | None, *,
                is_fed: Callable[[], bool] = lambda: True,
                has_failed: Callable[[], bool] = lambda: False) -> Operation[Result | None]:
        """The next result of a claimed stream; None once all that was sent is answered.

        is_fed: whether nothing more is sent. Before, there is no end, and none is waited for.
        has_failed: whether what is still to come is not waited for.
        """
        results = self._claims[stream]

        def is_through() -> bool:
            state = self._streams.get(stream)
            return has_failed() or is_fed() and (state is None or not state.is_outstanding)

        while True:
            for result in self.claimed(stream):
                return result
            if is_through():
                self._check(stream)
                return None
            was_fed = is_fed()
            yield Until(lambda: results or is_through() or is_fed() is not was_fed,
                        self._deadline(timeout) if was_fed else math.inf,
                        f"an answer to {stream}")

    def is_outstanding(self) -> bool:
        """Whether the daemon still owes an answer or an acknowledgement."""
        return any(state.is_outstanding for state in self._streams.values())

    # Being driven

    def _deadline(self, timeout: float | None) -> float:
        return self.link.clock() + (self.timeout if timeout is None else timeout)

    def is_over(self, until: Until) -> bool:
        """Whether what is waited for has come. Raises StreamRefused where it never will."""
        if until.is_done():
            return True
        if self._refusal:
            raise StreamRefused(self._refusal)
        return False

    @property
    def is_refused(self) -> bool:
        """Whether the connection itself was refused."""
        return self._refusal is not None

    def timed_out(self, until: Until) -> TimeoutError:
        """What to throw into an operation that has waited in vain."""
        link = self.link
        if not link.has_heard:
            return TimeoutError(f"waited for {until.what} from {self.endpoint} in vain: nobody has "
                                "answered there; is a daemon running, is this its ingress, and does "
                                "it let this client in (curve)?")
        return TimeoutError(
            f"waited for {until.what} from {self.endpoint}: last heard "
            f"{link.clock() - link.heard:.1f} s ago, credit {link.room}, "
            f"{self.counters.outstanding} of {self.counters.sent} outstanding{self._stands_against}")

    def _tell_left_open(self, stream: str, number: int) -> None:
        """Nothing else would say why answers do not come."""
        if stream in self._left_open:
            return
        self._left_open[stream] = (
            f"an earlier client has left {stream} open at {number}, and what it sent is not answered again: "
            f"resume({stream!r}) goes on with it, send(..., start=True) begins anew")
        warnings.warn(self._left_open[stream], RuntimeWarning, stacklevel=2)

    @property
    def _stands_against(self) -> str:
        for words in self._left_open.values():
            return f"; {words}"
        if not self._retrying:
            return ""
        refusal, more = next(reversed(self._retrying.values())), len(self._retrying) - 1
        return f"; refused, and sent again in vain: {refusal}" + (
            f" (and {more} more)" if more else "")

    def turn(self, arrived: dict[str, list[list[bytes]]]) -> None:
        """Takes what has arrived by each link, keeps time, and leaves in their `outbox` what is to
        be sent.
        """
        # A message may show that there is one more.
        for endpoint, link in list(self.links.items()):
            for message in link.take(arrived.get(endpoint, [])):
                self._dispatch(message, link)
        for link in self.links.values():
            if link.is_hello_due(lambda: self._is_outstanding_at(link)):
                self._hello(link)
            self._pump(link)

    @property
    def due(self) -> float:
        """When there is to be a turn though nothing has arrived."""
        return min(link.due for link in self.links.values())

    @property
    def heard(self) -> float:
        """When anything was heard last."""
        return max(link.heard for link in self.links.values())

    def _link_of(self, stream: str) -> Link:
        return self._moved.get(stream, self.link)

    def _is_outstanding_at(self, link: Link) -> bool:
        return any(state.is_outstanding for name, state in self._streams.items()
                   if self._link_of(name) is link)

    def _hello(self, link: Link) -> None:
        streams: dict[str, int | None] = {
            name: state.answer_next for name, state in self._streams.items()
             # One that is resumed wants its answers, too.
             if (state.was_sent or state.first > 0) and self._link_of(name) is link}
        link.greeted = set(streams)
        link.hello(streams | self._resuming if link is self.link else streams, self.epoch)

    def _pump(self, link: Link) -> None:
        """Transmits what is unsent by a link, as far as credit goes."""
        if not self._unsent or link.is_greeting:
            return
        own = [item for item in self._unsent.items() if self._link_of(item[0]) is link]
        if own and link.may_be_forgotten:
            return self._hello(link)
        for name, state in own:
            while (kept := state.unsent) is not None:
                if kept.message.count > link.room:
                    return
                link.transmit_data(kept.message)
                kept.transmissions += 1
                state.cursor += 1
            del self._unsent[name]

    # What comes back

    def _dispatch(self, message: Message, link: Link) -> None:
        match message.kind:
            case Kind.ANSWER:
                self._answered(message)
            case Kind.ACKNOWLEDGE:
                self._acknowledged(message, link)
            case Kind.REFUSE:
                self._refused(message, link)
            case Kind.WELCOME:
                self._welcomed(message.json(), link)

    def _welcomed(self, welcome: dict[str, Any], link: Link) -> None:
        resuming = set(self._resuming) if link is self.link else set()
        if link is self.link:
            self.welcome = welcome
        self._retrying.pop("", None)
        for name in link.greeted | resuming:
            state = self._streams.get(name)
            if state is None:
                continue
            entry = welcome["streams"].get(name) or {}
            expected, closed, answers = (entry.get("expected"), entry.get("closed", False),
                                         entry.get("answers", 0))
            if (entry.get("epoch", state.epoch) < state.oldest_epoch
                    and name not in resuming):
                expected, closed = None, False  # of the life before
            if name in resuming:
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

    def _acknowledged(self, message: Message, link: Link) -> None:
        fields = message.json() if message.payload else {}
        link.grant(fields.get("credit", 0))
        if (state := self._streams.get(message.stream)) is not None:
            if 0 < message.epoch < state.oldest_epoch:
                if message.epoch < self.epoch and state.is_beginning and fields.get("cached", True):
                    self._tell_left_open(state.name, message.number)
                return  # of the life before
            self._left_open.pop(state.name, None)
            self._retrying.pop(state.name, None)
            is_gone = fields.get("cached") is False
            # Of a life before, whose numbers say nothing of this one; without epochs, perhaps of one.
            if is_gone and (message.epoch < state.oldest_epoch
                            or not state.oldest_epoch and state.is_beginning):
                return
            state.acknowledge(message.number)
            if is_gone:
                self.counters.uncached += state.cover(message.number)
                state.is_closed |= state.is_ended and fields.get("closed") is True
            self._settle(state)

    def _answered(self, message: Message) -> None:
        state = self._streams.get(message.stream)
        if Flag.PEEK in message.flags:
            if state is not None:
                state.answered_peek()
            self._deliver(Answer.of(message))
            return
        # A daemon that was started anew tells the end of the life before this one again.
        if state is None or 0 < message.epoch < state.oldest_epoch:
            self.counters.duplicates += max(1, message.count)
            return
        self._retrying.pop(state.name, None)
        is_last = Flag.LAST in message.flags and not state.is_closed
        skip = min(message.count, max(0, state.answer_next - message.number))
        self.counters.duplicates += skip
        self.counters.covered += state.cover(message.input)
        state.answer_next = max(state.answer_next, message.number + message.count)
        if skip < message.count or is_last:
            self._deliver(Answer.of(message, skip))
        state.is_closed = state.is_closed or is_last
        self._settle(state)

    def _refused(self, message: Message, link: Link) -> None:
        fields = message.json()
        refusal = Refusal(message.stream, message.number, 0, fields["code"],
                          fields.get("expected"), fields.get("received"),
                          fields.get("retry", False), fields.get("message", ""))
        state = self._streams.get(message.stream)
        # Sent before the daemon was started anew, read by it before its life's beginning.
        is_behind = (refusal.code == "closed" and state is not None and state.is_beginning
                     and message.number > state.first)
        if refusal.code == "moved":
            self.counters.retried += 1
            # Each message that was under way is refused.
            if state is not None and self._link_of(state.name) is link:
                self._follow(state, str(refusal.expected))
        elif state is not None and self._link_of(state.name) is not link:
            self.counters.retried += 1  # the daemon that it moved to tells where it stands
        elif (refusal.code in STALE or is_behind
              or refusal.retry and not self._hands_on(refusal, state)):
            self.counters.retried += 1
            self._retry(state, refusal, link)
        elif not message.stream:
            self._deliver(refusal)
            if not link.is_welcome:
                self._refusal = refusal  # and no welcome will come
        elif state is None:
            self.counters.duplicates += 1
        elif refusal.code in ENDING:
            self._fail(state, refusal)
        else:
            count: int | None
            # A refused state to begin with uses no numbers up: no life has begun.
            begins_not = state.gave_state(message.number) and message.input <= message.number
            if refusal.code not in USED_UP or begins_not:
                count = state.drop(message.number)
            elif state.refused_peek(message.number):
                count = 0  # it uses none up, and was sent before any data of that number
            else:
                count = state.use_up(message.number, message.input)
            if count is None:
                self.counters.duplicates += 1
            else:
                self._surface(refusal, count)
            if refusal.retry and not link.is_greeting:
                # Behind the welcome nothing is heard any more of what was sent behind it, and its
                # numbers can be sent again.
                self._hello(link)
            self._settle(state)

    def _hands_on(self, refusal: Refusal, state: OutgoingStream | None) -> bool:
        """Whether what may be sent again later is left to the caller."""
        return (self.retry_delay is None and state is not None
                and not state.was_applied(refusal.number))

    def _follow(self, state: OutgoingStream, endpoint: str) -> None:
        """The stream goes on at another daemon: greets there, which tells what it has not got."""
        link = self.links.get(endpoint)
        if link is None:
            link = Link(friendly=self.link.friendly, silence=self.link.silence)
            self.links[endpoint] = link
        self._moved[state.name] = link
        self._hello(link)

    def _retry(self, state: OutgoingStream | None, refusal: Refusal, link: Link) -> None:
        if refusal.stream and state is None:
            return  # there is nothing left to send
        is_later = refusal.retry and refusal.code not in STALE
        if is_later:
            self._retrying.pop(refusal.stream, None)
            self._retrying[refusal.stream] = refusal  # the newest last
        if link.is_greeting:
            return  # the welcome tells where to go on
        if is_later:
            link.hello_after(RETRY_DELAY if self.retry_delay is None else self.retry_delay)
        elif refusal.code == "gap" and state is not None \
                and isinstance(refusal.expected, int) and state.rewind(refusal.expected):
            self._unsent[state.name] = state
        else:
            self._hello(link)

    def _fail(self, state: OutgoingStream, refusal: Refusal) -> None:
        if refusal.code in ("conflict", "closed"):
            # The daemon cannot know what the way out is called here.
            refusal = replace(refusal, message=f"{refusal.message} (send(..., start=True)), or "
                              f"resume({state.name!r}) to go on behind what was applied")
        self._surface(refusal, state.lose())
        self._failed[state.name] = refusal
        self._forget(state)

    def _surface(self, refusal: Refusal, count: int) -> None:
        self.counters.refused += count
        self._deliver(replace(refusal, count=count))

    def _deliver(self, result: Result) -> None:
        self._claims.get(result.stream, self._results).append(result)

    def _settle(self, state: OutgoingStream) -> None:
        if state.is_done:
            self._forget(state)

    def _forget(self, state: OutgoingStream) -> None:
        # An END that was not sent before the last answer came is waited for no more.
        for kept in state.kept:
            kept.is_dropped = True
        self._streams.pop(state.name, None)
        self._has_ended = True
        self._unsent.pop(state.name, None)
        self._retrying.pop(state.name, None)
        self._left_open.pop(state.name, None)


def _incarnation() -> int:
    """Grows with each start. Microseconds: nanoseconds would not fit the friendly form's 2^53."""
    return clocks.time_ns() // 1000
