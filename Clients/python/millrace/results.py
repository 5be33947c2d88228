"""What a client hands to its user."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import wire


@dataclass(frozen=True)
class Answer:
    """Answers of consecutive steps of one stream, the first of them with `number`.

    values: [count, width], empty in the friendly form, where `line` is the one output line.
    ids: each step's token id in text pipelines, else None.
    last: the stream's final answer; it may come without a row.
    input: the first input number that these steps did not use.
    model: which model made them: the first 8 bytes of its file's SHA-256, the first byte highest.
        `f"{model:016x}"` is how the hash begins.
    """

    stream: str
    number: int
    values: npt.NDArray[Any]
    ids: npt.NDArray[np.int32] | None
    last: bool
    peek: bool
    input: int
    model: int
    note: dict[str, Any] = field(default_factory=dict)
    line: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.values) if self.line is None else 1

    @classmethod
    def of(cls, message: wire.Message, skip: int = 0) -> "Answer":
        """The answer in a message, without its first `skip` rows."""
        has_line = message.dtype is wire.DType.JSON and skip == 0 and message.payload != b""
        if message.dtype in (wire.DType.NONE, wire.DType.JSON):
            values = np.zeros((0, 0), "<f4")
        else:
            values = message.values()[skip:]
        ids = message.token_ids()
        return cls(message.stream, message.number + skip, values,
                   None if ids is None else ids[skip:], wire.Flag.LAST in message.flags,
                   wire.Flag.PEEK in message.flags, message.input, message.model,
                   message.note_fields(), message.json() if has_line else None)


@dataclass(frozen=True)
class Refusal:
    """Why numbers of a stream have no answer; `count` numbers from `number` on, for good.

    `stream` is empty when the connection itself was refused.
    """

    stream: str
    number: int
    count: int
    code: str
    expected: Any = None
    received: Any = None
    retry: bool = False
    message: str = ""

    def __str__(self) -> str:
        where = f"stream {self.stream} at {self.number}" if self.stream else "the connection"
        return f"{where}: {self.code}: {self.message}"


@dataclass
class Counters:
    """What became of every number: sent = covered + refused + uncached + outstanding."""

    sent: int = 0
    covered: int = 0
    # Refused for good, also by loss of state.
    refused: int = 0
    # Applied before, and their answers no longer in the daemon's cache.
    uncached: int = 0
    # Refusals that were met by sending again.
    retried: int = 0
    # Repeated rows and refusals that were dropped.
    duplicates: int = 0

    @property
    def outstanding(self) -> int:
        return self.sent - self.covered - self.refused - self.uncached


class StreamRefused(Exception):
    """The stream takes nothing more from this sender; `refusal` says why."""

    def __init__(self, refusal: Refusal):
        super().__init__(str(refusal))
        self.refusal = refusal


class StateLost(StreamRefused):
    """The daemon stands before the oldest step kept here; only START begins the stream anew."""
