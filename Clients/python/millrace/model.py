"""A pipeline as one calls a model: for trying it out."""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .daemon import Daemon, DaemonError, Pipeline
from .payload import Data
from .results import Answer, Refusal

Values = npt.NDArray[np.float32]
# Samples, or what holds one a row.
Batch = npt.ArrayLike | Sequence[Data]


class Model:
    """Calls a pipeline's model as Keras calls one: whole sequences, or step by step.

        with millrace.Model("pipeline.yaml") as model:
            model.predict(x)           # as Keras' model.predict(x), through the whole pipeline
            model.step(row)            # one step of a stream that remembers
            model.reset_states()

    It has a daemon of its own, which goes on until `close` (or the end of the `with` block);
    arguments are those of `Daemon`. What the pipeline does to values (`scaling`, tokens of a text)
    it does here too, so give it what its clients send.
    """

    def __init__(self, pipeline: Pipeline, **options: Any):
        self.daemon = Daemon(pipeline, **options)
        self._names = (f"predict-{number}" for number in itertools.count())
        self._stepped: list[str] = []
        # Whether the model file is one of `return_sequences`; found out when it is first asked.
        self._returns_sequences: bool | None = None
        try:
            self.daemon.start()
            self.client = self.daemon.client()
        except BaseException:
            self.daemon.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stops the daemon."""
        self.client.close()
        self.daemon.stop()

    # Whole sequences

    def predict(self, x: Batch, *,
                return_sequences: bool | None = None) -> Values | list[Values]:
        """The answers to sequences, each from a state of zeros.

        x: [batch, steps, features] of numbers (floats, or uint8 of frames), [batch, steps] of token
            ids, or a list of texts or of sequences that differ in length.
        return_sequences: whether every step's answer is wanted, [batch, steps, width], or the last
            one's, [batch, width]; None is as the model file has it, as Keras does.
        Returns an array; a list of them, [steps, width], where sequences differ in length.
        Raises ValueError where the daemon refuses what x holds, and says why.
        """
        samples = list(_samples(x))
        if return_sequences is None:
            return_sequences = self.returns_sequences
        rows = self._answers(samples)
        if not return_sequences:
            if empty := [number for number, one in enumerate(rows) if not len(one)]:
                raise ValueError(f"x[{empty[0]}] makes no step, and so has no last answer")
            return np.stack([one[-1] for one in rows])
        return np.stack(rows) if len({one.shape for one in rows}) == 1 else rows

    def __call__(self, x: Batch, *,
                 return_sequences: bool | None = None) -> Values | list[Values]:
        return self.predict(x, return_sequences=return_sequences)

    def _answers(self, samples: list[Data]) -> list[Values]:
        """The rows of each sample, all of them under way at once."""
        names = [next(self._names) for _ in samples]
        for name, sample in zip(names, samples):
            self.client.send(name, sample, end=True)
        rows: dict[str, list[Values]] = {name: [] for name in names}
        refusals: list[Refusal] = []
        for result in self.client.drain():
            if isinstance(result, Refusal):
                refusals.append(result)
            elif len(result):
                rows[result.stream].append(result.values)
        if refusals:
            first = min(refusals, key=lambda one: names.index(one.stream))
            raise ValueError(f"x[{names.index(first.stream)}] at {first.number}: {first.message}")
        return [np.concatenate(rows[name]) if rows[name] else np.zeros((0, 0), np.float32)
                for name in names]

    @property
    def returns_sequences(self) -> bool:
        """Whether the model file answers every step (`return_sequences=True` in Keras)."""
        if self._returns_sequences is None:
            inspected = subprocess.run(
                [self.daemon.binary, "model", "inspect", "--json", os.fspath(self.daemon.model)],
                capture_output=True, text=True, timeout=self.daemon.timeout)
            if inspected.returncode:
                raise DaemonError(inspected.stderr.strip())
            output = json.loads(inspected.stdout)["model"]["output"]
            self._returns_sequences = "one for the sequence" not in output
        return self._returns_sequences

    # Step by step

    def step(self, x: Batch | Data) -> Values:
        """The answers to one more step of each of some streams, which remember what came before.

        x: [batch, features], one step of each stream, answered with [batch, width]; [features],
            one step of one stream, answered with [width]; a text or [batch] of token ids.
        A text is one stream's, answered with [steps, width]: a step for each token complete by now.
        `reset_states` begins all streams anew.
        """
        if isinstance(x, (str, bytes)):
            return self._stepped_answers([x], is_text=True)[0]
        array = np.asarray(x)
        is_values = array.dtype == np.uint8 or np.issubdtype(array.dtype, np.floating)
        if array.ndim > 2 or array.ndim == 0:
            raise ValueError(f"x has the shape {array.shape}; expected one step, [features] or "
                             "[batch, features]")
        if is_values and array.ndim == 1:
            row: Values = self._stepped_answers([array[None]])[0][0]
            return row
        rows = [row.reshape(1, -1) if is_values else row.reshape(-1) for row in array]
        return np.concatenate(self._stepped_answers(rows))

    def _stepped_answers(self, pieces: Sequence[Data], is_text: bool = False) -> list[Values]:
        names = [f"step-{number}" for number in range(len(pieces))]
        if self._stepped and len(self._stepped) != len(names):
            raise ValueError(f"x has {len(names)} rows, but {len(self._stepped)} streams are under "
                             "way; reset_states() begins anew")
        self._stepped = names
        for name, piece in zip(names, pieces):
            self.client.send(name, piece)
        rows: dict[str, list[Values]] = {name: [] for name in names}
        refusals: list[Refusal] = []
        for result in self._until_answered(names[0]) if is_text else self.client.drain():
            if isinstance(result, Refusal):
                refusals.append(result)
            else:
                rows[result.stream].append(result.values)
        if refusals:
            raise ValueError(f"x[{names.index(refusals[0].stream)}]: {refusals[0].message}")
        return [np.concatenate(rows[name]) if rows[name] else np.zeros((0, 0), np.float32)
                for name in names]

    def _until_answered(self, stream: str) -> Iterator[Answer | Refusal]:
        """What a text gave so far: of what completes no token, no answer is due."""
        self.client.send(stream, peek=True)
        while True:
            result = self.client.receive()
            if result is None:
                raise TimeoutError(f"no answer in {self.client.session.timeout} s")
            # Answers of one stream come in its order, this one too.
            if isinstance(result, Answer) and result.peek:
                return
            yield result

    def reset_states(self) -> None:
        """Begins the streams of `step` anew, from a state of zeros."""
        for name in self._stepped:
            self.client.end(name)
        self.client.drain()
        self._stepped = []


def _samples(x: Batch) -> Iterator[Data]:
    """What is sent of each sequence in a batch."""
    if isinstance(x, (str, bytes)):
        raise ValueError(f"x is one text; expected a list of texts: [{x!r}]")
    if isinstance(x, (list, tuple)) and any(isinstance(one, (str, bytes)) for one in x):
        yield from x
        return
    if not isinstance(x, (list, tuple)):
        x = np.asarray(x)
        if x.ndim < 2:
            raise ValueError(f"x has the shape {x.shape}; expected [batch, steps, features], "
                             "[batch, steps] of token ids, or a list of texts")
    for number, one in enumerate(x):
        sample = np.asarray(one)
        if np.issubdtype(sample.dtype, np.integer) and sample.dtype != np.uint8:
            if sample.ndim != 1:
                raise ValueError(f"x[{number}] has the shape {sample.shape}; expected [steps] of "
                                 "token ids (numbers that are no ids are floats)")
        elif sample.ndim < 2:
            raise ValueError(f"x[{number}] has the shape {sample.shape}; expected "
                             "[steps, features]")
        else:
            sample = sample.reshape(len(sample), -1)
        yield sample
