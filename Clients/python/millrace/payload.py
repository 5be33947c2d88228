"""What a user sends, as rows of a payload."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .wire import DType

# Text, or numbers: see `elements`.
Data = str | bytes | bytearray | memoryview | npt.ArrayLike | None

# h and c to begin with: see `state_bytes`.
State = npt.ArrayLike | Sequence[npt.ArrayLike] | None

# Steps of one data message; text is bounded by its bytes.
STEPS_MAX = 4096
# What a message has besides its payload: name, header, note.
_OVERHEAD_BYTES = 2048


def elements(data: Data) -> tuple[npt.NDArray[Any], DType]:
    """The rows of a payload, [count, width], and how they are written.

    Text (str, bytes) is one row a byte. Whole numbers are token ids, one a row. Floats (as f32) and
    uint8 are values: [count, width], one dimension being one step.

    >>> elements("한")[0].shape, elements([[0.5, 1], [2, 3]])[0].shape, elements([7, 8, 9])[0].shape
    ((3, 1), (2, 2), (3, 1))
    >>> elements([True])
    Traceback (most recent call last):
    TypeError: data of type bool; expected text, whole numbers or floats
    """
    if data is None:
        return np.zeros((0, 0), "|u1"), DType.NONE
    if isinstance(data, str):
        data = data.encode()
    if isinstance(data, (bytes, bytearray, memoryview)):
        return np.frombuffer(data, "|u1").reshape(-1, 1), DType.TEXT
    array = np.asarray(data)
    if array.dtype.kind in "US":
        raise TypeError("several texts; send one text, or give them to `stream`, which sends each")
    if array.size == 0:
        return elements(None)
    if array.dtype == np.uint8:
        array, dtype = array.reshape(1, -1) if array.ndim == 1 else array, DType.U8
    elif np.issubdtype(array.dtype, np.integer):
        if not -(1 << 31) <= array.min() <= array.max() < 1 << 31:
            raise ValueError(f"token ids from {array.min()} to {array.max()} do not fit 32 bits")
        array, dtype = array.reshape(-1, 1) if array.ndim < 2 else array, DType.I32
    elif np.issubdtype(array.dtype, np.floating):
        array, dtype = array.reshape(1, -1) if array.ndim < 2 else array, DType.F32
    else:
        raise TypeError(f"data of type {array.dtype}; expected text, whole numbers or floats")
    if array.ndim != 2:
        raise ValueError(f"data has the shape {array.shape}; expected [count, width]")
    return array.astype({DType.U8: "|u1", DType.I32: "<i4", DType.F32: "<f4"}[dtype]), dtype


def state_bytes(state: State) -> bytes:
    """h and c to begin a stream with: one array, or a sequence of them, one a row, in the order
    of the model's state (`millrace model inspect`: "lstm h 24, lstm c 24").
    """
    if state is None:
        return b""
    rows = state if isinstance(state, (list, tuple)) else [state]
    numbers = np.concatenate([np.zeros(0, "<f4"),
                              *(np.asarray(row, "<f4").reshape(-1) for row in rows)])
    if not np.isfinite(numbers).all():
        raise ValueError("the initial state holds what is no finite number")
    return numbers.astype("<f4").tobytes()


def is_piece(data: object) -> bool:
    """Whether data is one piece, as `elements` takes it, and no iterator over pieces.

    A list of texts is several, a list of numbers is one.
    """
    if isinstance(data, (list, tuple)) and data:
        return not all(isinstance(item, (str, bytes, bytearray)) for item in data)
    return data is None or isinstance(data, (str, bytes, bytearray, memoryview, list, tuple)) \
        or hasattr(data, "__array__")


def each_piece(data: Data | Iterable[Data]) -> Iterator[Data]:
    """What `elements` takes, as it is; of another iterable, its pieces.

    >>> list(each_piece("hell")), list(each_piece(iter(["he", "ll"]))), list(each_piece(["he", "ll"]))
    (['hell'], ['he', 'll'], ['he', 'll'])
    """
    if is_piece(data):
        yield data  # type: ignore[misc]
    else:
        yield from data  # type: ignore[misc]


def pieces(array: npt.NDArray[Any], dtype: DType, window: int,
           bytes_max: int) -> list[dict[str, Any]]:
    """The payload fields of one or more messages.

    One, unless it is larger than a full credit (`window`), the steps or the bytes of a message.
    """
    rows_max = window if dtype is DType.TEXT else min(window, STEPS_MAX)
    row_bytes = max(1, array.shape[1] * array.itemsize)
    rows_max = max(1, min(rows_max, (bytes_max - _OVERHEAD_BYTES) // row_bytes))
    if len(array) > rows_max == window:
        rows_max = max(1, window // 4)  # several under way, rather than one at a time
    cuts = [array[start:start + rows_max] for start in range(0, max(1, len(array)), rows_max)]
    return [dict(dtype=dtype, count=len(rows), width=array.shape[1], payload=rows.tobytes())
            for rows in cuts]
