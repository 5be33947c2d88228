"""One stream as its sender sees it: what is kept, what is answered, what is still to be sent.

Decisions only: no socket, no clock. `Client` owns one of these a stream and life.
"""

from collections import deque
from dataclasses import dataclass

from .wire import Flag, Message


@dataclass(eq=False)
class Kept:
    """A message in the resend buffer."""

    message: Message
    transmissions: int = 0
    is_dropped: bool = False
    # Whether what it had taken as if input had ended (a word without a space behind it) was refused.
    is_flush_refused: bool = False

    @property
    def begin(self) -> int:
        return self.message.number

    @property
    def end(self) -> int:
        """One past the last number it uses up; a peek uses none."""
        return self.begin + (0 if self.is_peek else self.message.count)

    @property
    def is_peek(self) -> bool:
        return Flag.PEEK in self.message.flags

    @property
    def is_bare(self) -> bool:
        """Flags alone: an acknowledgement of its number may be the one of the message before."""
        return self.begin == self.end and not self.is_peek

    @property
    def flushes(self) -> bool:
        """Whether a refusal at its number is one of what was kept before it."""
        flags = self.message.flags
        return Flag.RESET in flags or self.is_bare and Flag.END in flags


class OutgoingStream:
    """The numbers of one stream, from its START (or 0) to its END."""

    def __init__(self, name: str, epoch: int, begins_anew: bool = False):
        self.name = name
        self.epoch = epoch
        # Lower ones are of a life before; a stream that was taken over has those of its sender before.
        self.oldest_epoch = epoch
        # Whether an earlier life may be remembered: this one then begins with START.
        self.begins_anew = begins_anew
        self.first = self.next = self.covered_to = 0
        # What lies below is applied, as the last welcome said.
        self.applied_to = 0
        # The first answer still wanted; every lower one is a duplicate.
        self.answer_next = 0
        self.kept: deque[Kept] = deque()
        # Index in `kept` of the next message to transmit.
        self.cursor = 0
        # Messages that are not covered yet, as (begin, end), also when acknowledged.
        self._extents: deque[tuple[int, int]] = deque()
        # Numbers refused for good above `covered_to`.
        self._refused: list[tuple[int, int]] = []
        self.is_ended = False
        self.is_closed = False

    # Sending

    def append(self, message: Message) -> Kept:
        kept = Kept(message)
        self.kept.append(kept)
        if kept.end > kept.begin:
            self._extents.append((kept.begin, kept.end))
        self.next = max(self.next, kept.end)
        self.is_ended = self.is_ended or Flag.END in message.flags
        return kept

    @property
    def unsent(self) -> Kept | None:
        return self.kept[self.cursor] if self.cursor < len(self.kept) else None

    @property
    def is_beginning(self) -> bool:
        """Whether its first message has not been acknowledged."""
        head = self.kept[0] if self.kept else None
        return head is not None and head.begin == self.first and (
            self.first == 0 or Flag.START in head.message.flags)

    @property
    def oldest(self) -> int:
        """The oldest number that can be sent again."""
        return self.kept[0].begin if self.kept else self.next

    @property
    def was_sent(self) -> bool:
        return self.next > self.first or any(kept.transmissions for kept in self.kept)

    @property
    def uncovered(self) -> int:
        """Numbers with neither answer nor refusal."""
        return self.next - self.covered_to - sum(end - begin for begin, end in self._refused)

    @property
    def unacknowledged(self) -> bool:
        return any(kept.end > kept.begin for kept in self.kept)

    @property
    def is_outstanding(self) -> bool:
        """Whether the daemon still owes something. A bare START or RESET is owed nothing."""
        return (self.uncovered > 0 or self.unacknowledged or self.is_ended and not self.is_closed
                or any(kept.is_peek for kept in self.kept))

    @property
    def is_done(self) -> bool:
        return self.is_closed and not self.unacknowledged

    # Hearing

    def acknowledge(self, number: int) -> None:
        """Frees what lies below `number`: only what was sent, and flags alone once passed."""
        while self.kept:
            kept = self.kept[0]
            is_freed = kept.begin < number if kept.is_bare else kept.end <= number
            if not is_freed or kept.is_peek or not kept.transmissions:
                return
            self.kept.popleft()
            self.cursor = max(0, self.cursor - 1)

    def rewind(self, expected: int) -> bool:
        """Goes back to send from `expected` on; False when that is no longer kept."""
        if expected < self.oldest:
            return False
        # What such a peek asked about is past; its answer may still be on its way.
        while self.kept and self.kept[0].is_peek and self.kept[0].begin < expected:
            self._forget_peek(0)
        for index, kept in enumerate(self.kept):
            is_open_already = kept.is_bare and Flag.START in kept.message.flags
            if kept.end > expected or (kept.begin == kept.end >= expected and not is_open_already):
                self.cursor = min(index, self.cursor)
                break
        return True

    def welcome(self, expected: int | None, closed: bool, answers: int) -> bool:
        """Goes on from where the daemon stands; False when it has lost state that we built on.

        Where all is applied already, the last message is repeated: its acknowledgement may have
        been lost with the connection, and a duplicate is acknowledged again.
        """
        begins = self.is_beginning
        self.applied_to = expected or 0
        is_ours = self.is_ended and expected == self.next
        if expected is None or closed and begins and not is_ours:
            self.applied_to = 0
            if begins:
                self.cursor = 0  # unknown, or an earlier life: this one has still to begin
            # Or its first message was refused for good behind the hello.
            return begins or not self.next and not self.kept
        # Closed is not done: its answers may be under way, and a last one that was lost comes again
        # behind the welcome.
        if not self.rewind(expected):
            return False
        if self.kept and not self.kept[-1].is_bare:
            self.cursor = min(self.cursor, len(self.kept) - 1)
        return True

    def resume(self, expected: int | None, closed: bool, answers: int, wanted: int | None) -> None:
        """Takes over a stream that another sent, before anything is sent here."""
        if expected is None:
            return
        self.first = self.next = self.covered_to = expected
        self.answer_next = answers if wanted is None else wanted
        self.is_ended = closed
        self.is_closed = closed and answers <= self.answer_next

    def cover(self, number: int) -> int:
        """All input below `number` is answered; how many numbers that covers anew."""
        number = min(number, self.next)
        if number <= self.covered_to:
            return 0
        covered = number - self.covered_to
        for begin, end in self._refused:
            covered -= max(0, min(end, number) - max(begin, self.covered_to))
        self._move_covered(number)
        return covered

    def _move_covered(self, number: int) -> None:
        self.covered_to = number
        self._refused = [(max(begin, number), end) for begin, end in self._refused if end > number]
        while self._refused and self._refused[0][0] == self.covered_to:
            self.covered_to = self._refused.pop(0)[1]
        while self._extents and self._extents[0][1] <= self.covered_to:
            self._extents.popleft()

    def use_up(self, number: int, end: int = 0) -> int | None:
        """The numbers from `number` to below `end` are refused and used up; how many.

        Without `end`, all of the message that holds `number`, from there on; none where END or RESET
        at `number` had taken what was kept. None when nothing waits for an answer there.
        """
        if end > number:
            begin, end = max(number, self.covered_to), min(end, self.next)
            if begin >= end or self._is_refused(begin):
                return None
            self._refused.append((begin, end))
            self._refused.sort()
            self._move_covered(self.covered_to)
            return end - begin
        for kept in self.kept:
            if kept.begin == number and kept.flushes and kept.transmissions:
                was_refused, kept.is_flush_refused = kept.is_flush_refused, True
                return None if was_refused else 0
        for begin, end in self._extents:
            if begin <= number < end and not self._is_refused(number):
                # Where part was applied before, only the rest is refused.
                begin = max(begin, self.covered_to, number)
                self._refused.append((begin, end))
                self._refused.sort()
                self._move_covered(self.covered_to)
                return end - begin
        return None

    def _is_refused(self, number: int) -> bool:
        return number < self.covered_to or any(b <= number < e for b, e in self._refused)

    def gave_state(self, number: int) -> bool:
        """Whether the message at `number` is one that gave a state to begin with."""
        return any(kept.begin == number and kept.message.ids for kept in self.kept)

    def was_applied(self, number: int) -> bool:
        """Whether the message at `number` was sent again only for its acknowledgement."""
        return any(one.begin == number and not one.is_peek and one.end <= self.applied_to
                   and (not one.is_bare or number < self.applied_to) for one in self.kept)

    def drop(self, number: int) -> int | None:
        """Forgets the message at `number` and all behind it, which cannot be applied without it.

        Their numbers are free again. Returns how many were waiting for an answer; None when no
        such message is kept. A refused peek takes nothing with it.
        """
        kept = list(self.kept)
        first = next((i for i, one in enumerate(kept)
                      if one.begin == number and one.transmissions), None)
        if first is None:
            return None
        if kept[first].is_peek:
            self._forget_peek(first)
            return 0
        for one in kept[first:]:
            one.is_dropped = True
        before, begin = self.uncovered, max(number, self.covered_to, self.applied_to)
        self.kept, self.next = deque(kept[:first]), begin
        self._extents = deque((b, min(e, begin)) for b, e in self._extents if b < begin)
        self._refused = [(b, min(e, begin)) for b, e in self._refused if b < begin]
        self.is_ended = any(Flag.END in one.message.flags for one in self.kept)
        self.cursor = min(self.cursor, first)
        return before - self.uncovered

    def lose(self) -> int:
        """Forgets everything; how many numbers were waiting for an answer."""
        for kept in self.kept:
            kept.is_dropped = True
        self.kept.clear()
        return self.uncovered

    def answered_peek(self) -> None:
        for index, kept in enumerate(self.kept):
            if kept.is_peek and kept.transmissions:
                return self._forget_peek(index)

    def refused_peek(self, number: int) -> bool:
        """Forgets a peek at `number`; False where none was sent."""
        for index, kept in enumerate(self.kept):
            if kept.is_peek and kept.transmissions and kept.begin == number:
                self._forget_peek(index)
                return True
        return False

    def _forget_peek(self, index: int) -> None:
        self.kept[index].is_dropped = True
        del self.kept[index]
        self.cursor -= index < self.cursor
