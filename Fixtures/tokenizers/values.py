"""Writes rows, options and the features that numpy and Keras make of them, for `values` and `frames`.

With --check compares instead. Needs numpy and Keras.
"""

import json
import pathlib
import sys

import numpy as np
from keras import ops

FOLDER = pathlib.Path(__file__).parent / "values"
random = np.random.default_rng(4)


def shifted(x, back, begin):
    """Rows from `back` before; NaN, the first row or 0 before the first."""
    fill = {"skip": np.full_like(x[:1], np.nan), "repeat": x[:1], "zero": np.zeros_like(x[:1])}[begin]
    return np.concatenate([np.repeat(fill, min(back, len(x)), 0), x[: max(0, len(x) - back)]])


def features(x, case):
    begin = case.get("begin", "skip")
    blocks = [x] if case.get("current", True) else []
    blocks += [shifted(x, lag, begin) for lag in case.get("lag", [])]
    for back in case.get("difference", []):
        before = shifted(x, back, begin)
        if begin == "zero":
            before[:back] = x[:back]
        blocks.append(x - before)
    made = np.concatenate(blocks, 1)
    kept = np.flatnonzero(~np.isnan(made).any(1))
    if "mean" in case:
        made = (made - np.float32(case["mean"])) / np.float32(case["scale"])
    return made[kept], kept + 1


def filled(x, case):
    x = x.copy()
    missing = case.get("missing", "refuse")
    for row in range(len(x)):
        for column in range(x.shape[1]):
            if np.isnan(x[row, column]):
                x[row, column] = {
                    "previous": x[row - 1, column] if row else np.nan, "zero": 0,
                    "mean": case.get("mean", [0] * x.shape[1])[column], "refuse": np.nan,
                }[missing]
    return x


def resampled(x, case):
    """On an even grid from the first time on; and which row completes each step."""
    if "resample" not in case:
        return x, np.arange(len(x))
    every, method = case["resample"]["every"], case["resample"]["method"]
    time, x = x[:, 0].astype(np.float64), x[:, 1:]
    grid = time[0] + every * np.arange(int((time[-1] - time[0]) / every) + 1)
    done = np.searchsorted(time, grid, "left")
    if method == "previous":
        return x[np.searchsorted(time, grid, "right") - 1], done
    columns = [np.interp(grid, time, x[:, c].astype(np.float64)) for c in range(x.shape[1])]
    return np.stack(columns, 1).astype(np.float32), done


def rows(count, width, gaps=0.0):
    x = random.normal(0, 2, (count, width)).astype(np.float32)
    x[1:][random.random((count - 1, width)) < gaps] = np.nan
    return x


def timed(count, width, gaps=0.0):
    steps = np.round(random.exponential(1.2, count) * 8 + 1) / 8
    return np.concatenate([np.cumsum(steps)[:, None].astype(np.float32), rows(count, width, gaps)], 1)


CASES = [
    (rows(20, 3), {}),
    (rows(20, 3), {"mean": [0.1, 0.2, 0.3], "scale": [2, 3, 4]}),
    (rows(20, 2), {"lag": [1, 3]}),
    (rows(20, 2), {"lag": [2], "difference": [1], "begin": "repeat"}),
    (rows(20, 2), {"lag": [2], "difference": [1, 4], "begin": "zero"}),
    (rows(20, 1), {"difference": [1], "current": False}),
    (rows(20, 2), {"difference": [2], "begin": "skip", "mean": [0.5, 0, 1, 2], "scale": [1, 2, 3, 4]}),
    (rows(3, 2), {"lag": [5], "begin": "repeat"}),
    (rows(3, 2), {"lag": [5]}),
    (rows(30, 3, 0.3), {"missing": "previous"}),
    (rows(30, 3, 0.3), {"missing": "zero", "lag": [1], "begin": "zero"}),
    (rows(30, 2, 0.3), {"missing": "mean", "mean": [0.5, -1], "scale": [2, 3]}),
    (timed(40, 2), {"resample": {"column": 0, "every": 1.0, "method": "previous"}}),
    (timed(40, 2), {"resample": {"column": 0, "every": 0.75, "method": "linear"}}),
    (timed(40, 2, 0.2), {"missing": "previous", "lag": [1], "resample": {"column": 0, "every": 2.5, "method": "linear"}}),
]


def made():
    cases = []
    for x, case in CASES:
        grid, done = resampled(filled(x, case), case)
        steps, last = features(grid, case)
        cases.append({
            "options": case,
            "rows": [[None if np.isnan(v) else float(v) for v in row] for row in x],
            "steps": steps.tolist(),
            "ends": [int(done[index - 1]) + 1 for index in last],
        })
    frame = random.integers(0, 256, (2, 4, 5, 3))
    grey = ops.image.rgb_to_grayscale(ops.convert_to_tensor(frame.astype(np.float32)))
    images = {
        "shape": [4, 5, 3],
        "pixels": frame.reshape(2, -1).tolist(),
        "flat": (frame.reshape(2, -1).astype(np.float32) / np.float32(255)).tolist(),
        "grey": (np.asarray(grey).reshape(2, -1) / np.float32(255)).tolist(),
    }
    return json.dumps({"cases": cases, "frames": images}).replace('{"options"', '\n{"options"') + "\n"


def main():
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "expected.json"
    if "--check" in sys.argv:
        assert path.read_text(encoding="utf-8") == made(), f"{path} differs"
    else:
        path.write_text(made(), encoding="utf-8")


main()
