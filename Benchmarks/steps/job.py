"""What is measured: a stack of equal layers, stepped for some streams."""

import ctypes
from dataclasses import dataclass

KINDS = {"lstm": 0, "gru": 1, "simplernn": 3}
NAMES = {"lstm": "LSTM", "gru": "GRU", "simplernn": "SimpleRNN"}
GATES = {"lstm": 4, "gru": 3, "simplernn": 1}
FORMATS = {"f32": 0, "bf16": 1, "int8": 2}
BYTES = {"f32": 4, "bf16": 2, "int8": 1}
KINDS_OF_ROWS = ("f32", "bf16", "int8", "tokens", "steps")
VOCABULARY = 8192
MANY_STEPS = 64


class CJob(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("kind", "format", "layers", "units", "streams", "steps", "tokens")]


@dataclass(frozen=True)
class Job:
    cell: str
    units: int
    streams: int
    layers: int = 1
    format: str = "f32"
    steps: int = 1  # of one stream in one call
    tokens: int = 0  # vocabulary of a token table; 0: dense input

    @property
    def matrix(self):
        """Weights of W, and of U, in one layer."""
        return GATES[self.cell] * self.units * self.units

    def for_c(self):
        return CJob(KINDS[self.cell], FORMATS[self.format], self.layers, self.units, self.streams, self.steps, self.tokens)

    def with_(self, **changes):
        return Job(**{**self.__dict__, **changes})

    def __str__(self):
        shape = f"{self.layers}x{self.units}" if self.layers > 1 else f"{self.units}"
        extra = [self.format] if self.format != "f32" else []
        extra += ["tokens"] if self.tokens else []
        extra += [f"{self.steps} steps"] if self.steps > 1 else []
        return " ".join([NAMES[self.cell], shape, f"x {self.streams}", *extra])


def jobs(cells, units, streams, rows, layers=1):
    for cell in cells:
        for width in units:
            for count in streams:
                plain = Job(cell, width, count, layers)
                for row in rows:
                    if row == "tokens":
                        yield plain.with_(tokens=VOCABULARY)
                    elif row != "steps":
                        yield plain.with_(format=row)
                    elif count == 1:
                        yield plain.with_(steps=MANY_STEPS)
