"""A stream's output lines from a number on, which the daemon keeps. No sockets, no clock.

`tap/sink/result/` shows what is live; with `state: { history: 10m }` in its pipeline file a daemon also
gives what was before, a page at a subscription (Docs/protocol.md). See `Subscriber.follow`.
"""

import json
import secrets
from typing import Any

from . import wire


class HistoryRefused(Exception):
    """The daemon does not give kept lines to one more reader."""


class Following:
    """How far one stream's lines are read: each once, over pages, losses and restarts of the daemon.

    topic: what is to be subscribed to; another one behind `turn_page`.
    needs_page: the lines of this page have all come, or one of them was lost on the way.
    gone: (first number, one past the last) of lines that were not kept any more.
    """

    def __init__(self, stream: str, number: int = 0):
        self.stream, self.number = stream, number
        self.needs_page = False
        self.gone: list[tuple[int, int]] = []
        self._life: int | None = None
        self._token, self._page = secrets.token_hex(8), -1
        self._lines = 0
        self.turn_page()

    def turn_page(self) -> None:
        """Goes on with the lines behind those that came."""
        self._page += 1
        self._sequence = self._here = 0
        self.needs_page = False
        place = str(self.number) if self._life is None else f"{self.number}@{self._life}"
        self.topic = f"from:{place}:{self._token}.{self._page}/tap/sink/result/{self.stream}/"

    def take(self, message: wire.Message) -> dict[str, Any] | None:
        """The line that a message of `topic` brings; None for none.

        Raises HistoryRefused where the daemon has too many readers.
        """
        note = message.note_fields()
        # The daemon was started anew and gives the page from its beginning.
        if note["sequence"] == 0:
            self._sequence = self._here = 0
        if note["sequence"] != self._sequence or self.needs_page:
            self.needs_page = True
            return None
        self._sequence += 1
        if message.kind == wire.Kind.REFUSE:
            raise HistoryRefused(json.loads(message.payload)["message"])
        if message.kind == wire.Kind.WELCOME:
            self._begin(json.loads(message.payload))
            return None
        return self._line(message, int(note["life"])) if message.kind == wire.Kind.ANSWER else None

    def _begin(self, welcome: dict[str, int]) -> None:
        self._lines = welcome["lines"]
        if "life" not in welcome or self._life is not None and welcome["life"] < self._life:
            return
        expected = self.number if self._life in (None, welcome["life"]) else 0
        self._life, self.number = welcome["life"], max(expected, welcome["number"])
        if self.number > expected:
            self.gone.append((expected, self.number))

    def _line(self, message: wire.Message, life: int) -> dict[str, Any] | None:
        self._here += 1
        self.needs_page = self._here == self._lines
        if self._life is not None and (life, message.number) < (self._life, self.number):
            return None
        self._life, self.number = life, message.number + 1
        line: dict[str, Any] = message.json()
        return line
