#!/usr/bin/env python3
"""Writes other.keras: the model of ../remember with every weight moved a little.

    python derive.py            # needs h5py and numpy
    python derive.py --check    # compares with the file that is there

Of the same shape and with other answers: what a model that was trained further looks like to a
daemon that has it swapped in.
"""

import argparse
import io
import pathlib
import sys
import zipfile

import h5py
import numpy

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parent / "remember" / "model.keras"
TARGET = HERE / "other.keras"
SEED = 1
#: Beside weights of about 1: answers differ in the second digit.
SPREAD = 0.05


def moved(weights: bytes) -> bytes:
    """The weight file with the layers' weights moved; what else is in it stays behind."""
    chance = numpy.random.default_rng(SEED)
    result = io.BytesIO()
    # Without times, so that the same bytes come of it each time.
    with (h5py.File(io.BytesIO(weights)) as source,
          h5py.File(result, "w", track_order=False) as target):
        names: list[str] = []
        source.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in sorted(names):
            if name.startswith("optimizer"):
                continue
            values = source[name][...]
            if name.startswith("layers"):
                values = (values + chance.normal(0, SPREAD, values.shape)).astype("<f4")
            target.create_dataset(name, data=values, track_times=False)
    return result.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    result = io.BytesIO()
    with zipfile.ZipFile(SOURCE) as source, zipfile.ZipFile(result, "w") as target:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            content = source.read(name)
            if name.endswith(".h5"):
                content = moved(content)
            target.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content,
                            zipfile.ZIP_DEFLATED)
    if arguments.check:
        same = TARGET.read_bytes() == result.getvalue()
        print("the same" if same else "differs")
        return 0 if same else 1
    TARGET.write_bytes(result.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
