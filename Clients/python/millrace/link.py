"""What MR/1 asks of any sender on one connection: greeting, credit, signs of life.

Decisions only: no socket. Parts to send are left in `outbox`; what time it is, `clock` says.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from . import wire
from .wire import Kind, Message


class Link:
    """One connection to an ingress, as its sending side sees it.

    silence: seconds without a message after which an idle connection is pinged and one with
        something outstanding is greeted again.
    """

    def __init__(self, *, friendly: bool, silence: float,
                 clock: Callable[[], float] = time.monotonic):
        self.friendly, self.silence, self.clock = friendly, silence, clock
        # The parts of messages that are to be sent, in order.
        self.outbox: deque[list[bytes]] = deque()
        # Units that may have been sent, and that were, since the last welcome.
        self.credit = self.used = 0
        # The most that could be sent at once: a larger message would wait for ever.
        self.window = 0
        self.is_welcome = False
        # The streams that the last hello named.
        self.greeted: set[str] = set()
        self.has_heard = False
        self.hellos_sent = 0
        # Hellos without their welcome, and the last welcome while there are such.
        self._hellos_open = 0
        self._welcome: Message | None = None
        self._hello_at: float | None = None
        # After so long without a word from us the daemon may have taken us for dead.
        self.may_be_forgotten = False
        self.heard = self._said = self._quiet_since = clock()

    # Sending

    @property
    def is_greeting(self) -> bool:
        """Between hello and welcome, or before a hello: data must wait."""
        return self._hellos_open > 0 or self._hello_at is not None

    @property
    def room(self) -> int:
        """Units that may be sent now."""
        return self.credit - self.used

    def transmit(self, message: Message) -> None:
        self._said = self.clock()
        self.outbox.append(wire.encode(message))

    def transmit_data(self, message: Message) -> None:
        """Sends what costs credit, also when it is sent again."""
        self.used += message.count
        self.transmit(message)

    def hello(self, streams: dict[str, int | None], epoch: int) -> None:
        """Greets on the same socket; nothing is sent until the welcome to the last hello."""
        self._hello_at, self._welcome, self.may_be_forgotten = None, None, False
        self._hellos_open += 1
        self.hellos_sent += 1
        self._control(Kind.HELLO, {"streams": streams, "epoch": epoch})
        self._quiet_since = self.clock()

    def hello_after(self, seconds: float) -> None:
        if not self.is_greeting:
            self._hello_at = self.clock() + seconds

    def _control(self, kind: Kind, value: Any) -> None:
        self.transmit(Message.control(kind, value, friendly=self.friendly))

    # Time

    def is_hello_due(self, is_outstanding: Callable[[], bool]) -> bool:
        """Whether to greet again; pings when only a ping is due."""
        now = self.clock()
        if self._hello_at is not None:
            return now >= self._hello_at
        if now - self._quiet_since >= self.silence and (self._hellos_open or is_outstanding()):
            return True
        if now - self._said >= self.silence:
            self._control(Kind.PING, {})
        return False

    @property
    def due(self) -> float:
        """When the next ping or hello may be due; no later than `silence` from now."""
        now = self.clock()
        times = [self._said + self.silence, self._quiet_since + self.silence, now + self.silence]
        if self._hello_at is not None:
            times.append(self._hello_at)
        # What lies behind has been seen to.
        return min(at for at in times if at > now)

    # Receiving

    def take(self, arrived: list[list[bytes]]) -> Iterator[Message]:
        """What has arrived; pings, pongs and early welcomes are seen to here."""
        # Asked before a ping that lay here unread is answered.
        self.may_be_forgotten |= self.clock() - self._said >= 2 * self.silence
        for parts in arrived:
            self.heard = self._quiet_since = self.clock()
            self.has_heard = True
            message = self._see_to(wire.decode(parts))
            if message is not None:
                yield message

    def grant(self, credit: int) -> None:
        """A new total; an older and lower one changes nothing."""
        self.credit = max(self.credit, credit)
        self.window = max(self.window, self.room)

    def _see_to(self, message: Message) -> Message | None:
        match message.kind:
            case Kind.PING:
                self._control(Kind.PONG, message.payload)
            case Kind.PONG:
                if self._welcome is not None and message.payload == self._barrier:
                    self._hellos_open = 0
                    return self._take(self._welcome)
            case Kind.WELCOME if self._hellos_open:
                return self._pair(message)
            case Kind.CREDIT:
                self.grant(message.json()["credit"])
            case Kind.ANSWER | Kind.ACKNOWLEDGE | Kind.REFUSE:
                return message
            case Kind.DATA | Kind.HELLO:
                raise wire.WireError("bad-header", f"{message.kind.name.lower()} came from the "
                                     "daemon", "an answer, a refusal or a reply")
        return None

    @property
    def _barrier(self) -> bytes:
        return wire.json_bytes({"hello": self.hellos_sent})

    def _pair(self, welcome: Message) -> Message | None:
        """Takes the welcome to the last hello: an earlier one would set our count too early.

        A hello may have been lost with its daemon, so that its welcome never comes: a ping behind
        the last hello tells, for its pong comes behind every welcome that is still to come.
        """
        self._hellos_open -= 1
        if self._hellos_open == 0:
            return self._take(welcome)
        self._welcome = welcome
        self._control(Kind.PING, self._barrier)
        return None

    def _take(self, welcome: Message) -> Message:
        fields = welcome.json()
        if 1 not in fields.get("versions", [1]):
            raise wire.WireError("version", f"the daemon speaks {fields['versions']}", "1")
        self._welcome, self.is_welcome = None, True
        self.used = self.credit = 0
        self.grant(fields["credit"])
        return welcome
