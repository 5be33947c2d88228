"""MR/1 messages: parts of bytes to fields and back. No sockets, no clock.

Docs/protocol.md is the specification; Fixtures/wire holds the bytes that every reader agrees on.
"""

import enum
import json
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"MR1\0"
HEADER = struct.Struct("<4sBBHIIQQQQQ")
FRIENDLY_HEADER_BYTES_MAX = 8 * 1024
FRIENDLY_DEPTH_MAX = 4
NOTE_BYTES_MAX = 1024
PARTS_MAX = 5
# The largest integer that every JSON reader keeps exact.
JSON_INTEGER_MAX = (1 << 53) - 1

_NAME = r"[A-Za-z0-9._:@-]{1,128}"
_STREAM = re.compile(_NAME.encode())
# Behind the name, the taps of gates and state name a layer.
_TOPIC = re.compile(rf"(?:(?:every|rate|from):[^/]+/)?"
                    rf"(?:output|alarm|tap/[a-z-]+/[a-z-]+)/({_NAME})/(?:[^/]+/)?".encode())


class Kind(enum.IntEnum):
    """What a message is for."""

    DATA = 1
    ACKNOWLEDGE = 2
    REFUSE = 3
    HELLO = 4
    WELCOME = 5
    CREDIT = 6
    PING = 7
    PONG = 8
    ANSWER = 9


class DType(enum.IntEnum):
    """How a payload is read."""

    NONE = 0
    TEXT = 1
    F32 = 2
    I32 = 3
    U8 = 4
    JSON = 5


class Flag(enum.IntFlag):
    """Bits of the field `flags`."""

    START = 1
    END = 2
    RESET = 4
    LAST = 8
    PEEK = 16


_FLAGS_KNOWN = 0x1F
_KINDS_BY_NAME = {kind.name.lower(): kind for kind in Kind}
_VALUE_BYTES = {DType.NONE: 0, DType.TEXT: 1, DType.F32: 4, DType.I32: 4, DType.U8: 1,
                DType.JSON: 1}
_NUMPY = {DType.F32: "<f4", DType.I32: "<i4", DType.U8: "|u1"}
_FRIENDLY_DTYPES = {"text": DType.TEXT, "<f4": DType.F32, "<i4": DType.I32, "|u1": DType.U8,
                    "json": DType.JSON, "none": DType.NONE}


class WireError(ValueError):
    """A message that is not MR/1: the code it is refused with, what came, what was expected."""

    def __init__(self, code: str, received: str, expected: str):
        super().__init__(f"{code}: {received}, expected {expected}")
        self.code, self.received, self.expected = code, received, expected


@dataclass(frozen=True)
class Message:
    """One MR/1 message. `number` is in bytes for text, in steps otherwise and in answers.

    `ids`: i32[count] in answers; in data with START the state to begin with, f32.
    `stream` is the whole topic on a publish socket. In the friendly form `model` is text, 16
    hexadecimal digits, and there is neither count nor width for text and json (their length says it).
    """

    kind: Kind
    stream: str = ""
    dtype: DType = DType.NONE
    flags: Flag = Flag(0)
    count: int = 0
    width: int = 0
    number: int = 0
    epoch: int = 0
    time: int = 0
    input: int = 0
    model: int = 0
    payload: bytes = b""
    ids: bytes = b""
    note: bytes = b""
    friendly: bool = False

    @classmethod
    def control(cls, kind: Kind, value: Any = None, **fields: Any) -> "Message":
        """A message of kinds 2 to 8; `value` becomes its JSON, or is its bytes already."""
        payload = value if isinstance(value, bytes) else json_bytes({} if value is None else value)
        return cls(kind, dtype=DType.JSON, count=1, width=len(payload), payload=payload, **fields)

    def json(self) -> Any:
        """The payload read as JSON."""
        return _parse_json(self.payload, "payload", depth_max=64)

    def values(self) -> npt.NDArray[Any]:
        """The payload as an array [count, width]; only for f32, i32 and u8."""
        if self.dtype not in _NUMPY:
            raise WireError("bad-dtype", f"the payload is {self.dtype.name.lower()}",
                            "f32, i32 or u8")
        return np.frombuffer(self.payload, _NUMPY[self.dtype]).reshape(self.count, self.width)

    def token_ids(self) -> npt.NDArray[np.int32] | None:
        """The part `ids` as an array [count]; None where there is none."""
        return np.frombuffer(self.ids, "<i4") if self.ids else None

    def note_fields(self) -> dict[str, Any]:
        """The part `note`; empty where there is none."""
        return _parse_json(self.note, "note", FRIENDLY_DEPTH_MAX) if self.note else {}


def json_bytes(value: Any) -> bytes:
    """JSON without spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def encode(message: Message, *, topic: bool = False) -> list[bytes]:
    """The parts of a message; empty parts at its end are left out. Raises WireError."""
    name = message.stream.encode()
    _check(message, name, topic)
    header = _friendly_header(message) if message.friendly else HEADER.pack(
        MAGIC, message.kind, message.dtype, message.flags, message.count, message.width,
        message.number, message.epoch, message.time, message.input, message.model)
    parts = [name, header, message.payload]
    if message.ids or message.note:
        parts.append(message.ids)
    if message.note:
        parts.append(message.note)
    return parts


def decode(parts: list[bytes], *, topic: bool = False) -> Message:
    """Reads the parts of a message; `topic`: from a publish socket. Raises WireError."""
    if not 2 <= len(parts) <= PARTS_MAX:
        raise WireError("bad-header", f"the message has {len(parts)} parts", "2 to 5")
    name, header, payload, ids, note = (*parts, *[b""] * (PARTS_MAX - len(parts)))
    fields = (_read_friendly(header, len(payload)) if header[:1] == b"{"
              else _read_binary(header))
    message = Message(stream=name.decode("latin-1"), payload=payload, ids=ids, note=note, **fields)
    _check(message, name, topic)
    return message


def stream_of(topic: str) -> str:
    """The stream's name (or the event's source) in a topic.

    >>> stream_of("tap/inference/gates/cam-1/lstm/"), stream_of("output/cam-1/")
    ('cam-1', 'cam-1')
    >>> stream_of("every:10/tap/inference/output/cam-1/")
    'cam-1'
    """
    words = _words(topic)
    return words[3 if words[0] == "tap" else 1]


def layer_of(topic: str) -> str:
    """The layer that a topic of gates or of state names; empty in others.

    >>> layer_of("tap/inference/gates/cam-1/lstm/"), layer_of("tap/sink/result/cam-1/")
    ('lstm', '')
    """
    words = _words(topic)
    return words[4] if len(words) > 5 else ""


def _words(topic: str) -> list[str]:
    """A topic's words, without the limit that was subscribed to."""
    words = topic.split("/")
    return words[1:] if ":" in words[0] else words


def gates_of(message: Message) -> dict[str, npt.NDArray[Any]]:
    """The gates in a message of `tap/inference/gates/`: i, f, g, o of an LSTM; z, r, h of a GRU.

    >>> rows = np.array([[0.5], [1.0], [0.25]], "<f4")
    >>> tapped = Message(Kind.DATA, "x", DType.F32, count=3, width=1, payload=rows.tobytes())
    >>> {name: float(row[0]) for name, row in gates_of(tapped).items()}
    {'z': 0.5, 'r': 1.0, 'h': 0.25}
    """
    if message.count not in (3, 4):
        raise WireError("bad-header", f"{message.count} rows", "3 (GRU) or 4 (LSTM) of gates")
    return dict(zip("ifgo" if message.count == 4 else "zrh", message.values()))


def _read_binary(header: bytes) -> dict[str, Any]:
    if header[:4] != MAGIC:
        raise WireError("version", f"the header begins with {header[:4]!r}",
                        "MR1\\0 (version 1) or a JSON object")
    if len(header) != HEADER.size:
        raise WireError("bad-header", f"the header has {len(header)} bytes", str(HEADER.size))
    _, kind, dtype, flags, count, width, number, epoch, time, first_unused, model = (
        HEADER.unpack(header))
    if kind not in _KINDS_BY_NAME.values():
        raise WireError("bad-header", f"kind is {kind}", "1 to 9, and 16 between stages")
    if dtype not in _VALUE_BYTES:
        raise WireError("bad-dtype", f"dtype is {dtype}", "0 to 5")
    if flags & ~_FLAGS_KNOWN:
        raise WireError("bad-header", f"flags are {flags:#x}", f"bits of {_FLAGS_KNOWN:#x}")
    return dict(kind=Kind(kind), dtype=DType(dtype), flags=Flag(flags), count=count, width=width,
                number=number, epoch=epoch, time=time, input=first_unused, model=model)


def _check(message: Message, name: bytes, topic: bool) -> None:
    """What a message's parts must keep to, whatever its form."""
    pattern = _TOPIC if topic else _STREAM
    # Kind 3 too: a refusal has no name to give where the refused message had none.
    may_be_empty = not topic and Kind.REFUSE <= message.kind <= Kind.PONG
    if not pattern.fullmatch(name) and (name or not may_be_empty):
        what, expected = (("topic", "output/NAME/ or tap/STAGE/WHAT/NAME/") if topic
                          else ("stream's name", "1 to 128 of A-Z a-z 0-9 . _ : @ -"))
        raise WireError("bad-name", f"the {what} is {name[:140]!r}", expected)
    if Kind.ACKNOWLEDGE <= message.kind <= Kind.PONG and message.count != 1:
        raise WireError("bad-header", f"count is {message.count} in {message.kind.name.lower()}",
                        "1 in kinds 2 to 8")
    if message.dtype is DType.TEXT and message.kind in (Kind.DATA, Kind.ANSWER) \
            and message.width != 1:
        raise WireError("bad-header", f"text has width {message.width}", "1")
    if message.dtype is DType.NONE and message.kind in (Kind.DATA, Kind.ANSWER) and message.count:
        raise WireError("bad-header", f"count is {message.count} with dtype none", "0")
    size = _VALUE_BYTES[message.dtype]
    if message.count * message.width * size != len(message.payload):
        raise WireError("bad-length", f"the payload has {len(message.payload)} bytes",
                        f"{message.count} x {message.width} x {size}")
    ids_bytes = 4 * message.count if message.kind is Kind.ANSWER else 0
    if message.kind is Kind.DATA and Flag.START in message.flags:
        if len(message.ids) % 4:
            raise WireError("bad-length", f"the state has {len(message.ids)} bytes",
                            "4 for each number")
    elif message.ids and len(message.ids) != ids_bytes:
        raise WireError("bad-length", f"ids have {len(message.ids)} bytes", f"0 or {ids_bytes}")
    if len(message.note) > NOTE_BYTES_MAX:
        raise WireError("too-large", f"the note has {len(message.note)} bytes",
                        f"at most {NOTE_BYTES_MAX}")
    message.note_fields()


def _friendly_header(message: Message) -> bytes:
    fields: dict[str, Any] = {"v": 1, "kind": message.kind.name.lower(), "number": message.number}
    for name, dtype in _FRIENDLY_DTYPES.items():
        if dtype is message.dtype and dtype is not DType.NONE:
            fields["dtype"] = name
    if message.dtype in _NUMPY:
        fields["shape"] = [message.count, message.width]
    if message.flags:
        fields["flags"] = [flag.name for flag in Flag if flag in message.flags]
    for key in ("epoch", "time", "input"):
        if getattr(message, key):
            fields[key] = getattr(message, key)
    if message.model:
        fields["model"] = f"{message.model:016x}"
    for key, value in fields.items():
        if isinstance(value, int) and not 0 <= value <= JSON_INTEGER_MAX:
            raise WireError("bad-header", f"{key} is {value}", "0 to 2^53 - 1 in the friendly form")
    return json_bytes(fields)


def _read_friendly(header: bytes, payload_bytes: int) -> dict[str, Any]:
    if len(header) > FRIENDLY_HEADER_BYTES_MAX:
        raise WireError("too-large", f"the JSON header has {len(header)} bytes",
                        f"at most {FRIENDLY_HEADER_BYTES_MAX}")
    fields = _parse_json(header, "JSON header", FRIENDLY_DEPTH_MAX)
    if type(fields.get("v")) is not int or fields["v"] != 1:
        raise WireError("version", f"v is {fields.get('v')!r}", "1")
    kind_name = fields.get("kind")
    if not isinstance(kind_name, str) or kind_name not in _KINDS_BY_NAME:
        raise WireError("bad-header", f"kind is {kind_name!r}", ", ".join(_KINDS_BY_NAME))
    kind = _KINDS_BY_NAME[kind_name]
    read: dict[str, Any] = dict(kind=kind, flags=_friendly_flags(fields.get("flags", [])))
    for key in ("number", "epoch", "time", "input"):
        read[key] = _integer(key, fields.get(key, 0), JSON_INTEGER_MAX)
    read["model"] = _model_key(fields.get("model", "0"))
    # Kinds 2 to 8 carry JSON and nothing else, so they may leave dtype out.
    name = fields.get("dtype", "none" if kind in (Kind.DATA, Kind.ANSWER) else "json")
    if not isinstance(name, str) or name not in _FRIENDLY_DTYPES:
        raise WireError("bad-dtype", f"dtype is {name!r}", ", ".join(_FRIENDLY_DTYPES))
    dtype = read["dtype"] = _FRIENDLY_DTYPES[name]
    shape = fields.get("shape")
    if dtype in _NUMPY:
        if not isinstance(shape, list) or len(shape) != 2:
            raise WireError("bad-header", f"shape is {shape!r}", "[count, width]")
        shape = [_integer("shape", value, (1 << 32) - 1) for value in shape]
    elif dtype is DType.JSON or kind not in (Kind.DATA, Kind.ANSWER):
        shape = [1, payload_bytes]
    else:
        shape = [payload_bytes, 1] if dtype is DType.TEXT else [0, 0]
    return read | dict(count=shape[0], width=shape[1], friendly=True)


def _friendly_flags(names: Any) -> Flag:
    if not isinstance(names, list):
        raise WireError("bad-header", f"flags are {names!r}", "an array of names")
    flags = Flag(0)
    for name in names:
        if not isinstance(name, str) or name not in Flag.__members__:
            raise WireError("bad-header", f"a flag is {name!r}", ", ".join(Flag.__members__))
        flags |= Flag[name]
    return flags


def _model_key(digits: Any) -> int:
    if not isinstance(digits, str) or not re.fullmatch("[0-9a-f]{1,16}", digits):
        raise WireError("bad-header", f"model is {digits!r}", "up to 16 hexadecimal digits")
    return int(digits, 16)


def _integer(key: str, value: Any, maximum: int) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise WireError("bad-header", f"{key} holds {value!r}", f"an integer from 0 to {maximum}")
    return value


def _parse_json(data: bytes, what: str, depth_max: int) -> dict[str, Any]:
    """Reads one JSON object. Python's reader would merge duplicate keys and take NaN in silence."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(data.decode(), object_pairs_hook=unique, parse_constant=constant)
        if not isinstance(value, dict):
            raise ValueError(f"it is a {type(value).__name__}")
        if _depth(value) > depth_max:
            raise ValueError(f"nested deeper than {depth_max}")
    except (ValueError, RecursionError) as error:
        raise WireError("bad-header", f"the {what} cannot be read ({error})",
                        "one JSON object") from None
    return value


def _depth(value: Any) -> int:
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0
