"""The ratios that are aimed at, and the rows that miss them. They are figures, not tests."""

from dataclasses import dataclass
from typing import Callable

from table import kind, ratio, shape


@dataclass
class Goal:
    text: str
    applies: Callable  # row -> bool
    value: Callable  # row -> the ratio, or None where there is none
    least: Callable  # row -> the least it should be; for `most`, the largest
    most: bool = False


def plain(row):
    return kind(row) == "f32"


def single(row):
    return row["layers"] == 1


ORT_NET = {64: 3, 128: 1.8, 256: 1.3, 512: 1.15}


def times(name):
    return lambda row: ratio(row, name)


GOALS = [
    Goal("floor / own, LSTM and GRU: 0.85, at 64 units 0.75", lambda r: plain(r) and r["cell"] != "simplernn", times("floor_us"), lambda r: 0.75 if r["units"] < 128 else 0.85),
    Goal("floor / own, SimpleRNN: 0.85", lambda r: plain(r) and r["cell"] == "simplernn", times("floor_us"), lambda r: 0.85),
    Goal("oneDNN / own, f32: 1", plain, times("onednn_us"), lambda r: 1),
    Goal("oneDNN / own at one stream, units up to 128: 1.3", lambda r: plain(r) and single(r) and r["streams"] == 1 and r["units"] <= 128, times("onednn_us"), lambda r: 1.3),
    Goal("ONNX Runtime / own: 1", plain, times("onnxruntime_us"), lambda r: 1),
    Goal("ONNX Runtime net of its empty call / own, LSTM at one stream: 3, 1.8, 1.3, 1.15", lambda r: plain(r) and single(r) and r["cell"] == "lstm" and r["streams"] == 1 and r["units"] in ORT_NET, times("onnxruntime_net_us"), lambda r: ORT_NET[r["units"]]),
    Goal("PyTorch / own: 1", plain, times("pytorch_us"), lambda r: 1),
    Goal("Swift / own at 8 or more streams: at most 1.1", lambda r: plain(r) and r["streams"] >= 8, times("swift_us"), lambda r: 1.1, most=True),
    Goal("Swift / own at one stream, 128 units: at most 1.25", lambda r: plain(r) and r["streams"] == 1 and r["units"] == 128, times("swift_us"), lambda r: 1.25, most=True),
    Goal("f32 / token table at units >= 128: 1.4", lambda r: kind(r) == "tokens" and r["units"] >= 128, times("f32_us"), lambda r: 1.4),
    Goal("f32 / bf16 at 8 or more streams: 1.5", lambda r: kind(r) == "bf16" and r["streams"] >= 8, times("f32_us"), lambda r: 1.5),
    Goal("oneDNN in bf16 / own bf16: 1", lambda r: kind(r) == "bf16", times("onednn_us"), lambda r: 1),
    Goal("f32 / int8 at one stream: 3.5", lambda r: kind(r) == "int8" and r["streams"] == 1, times("f32_us"), lambda r: 3.5),
    Goal("f32 / int8 at 8 or more streams: 2", lambda r: kind(r) == "int8" and r["streams"] >= 8, times("f32_us"), lambda r: 2),
    Goal("f32 / many steps of one stream: 1", lambda r: r["steps"] > 1, times("f32_us"), lambda r: 1),
]


def lines(rows):
    yield "| goal | rows | hold | worst | where |"
    yield "|--|--|--|--|--|"
    for goal in GOALS:
        found = [(goal.value(row), goal.least(row), row) for row in rows if goal.applies(row) and goal.value(row) is not None]
        if not found:
            continue
        margin = lambda item: item[1] / item[0] if goal.most else item[0] / item[1]
        held = sum(margin(item) >= 1 for item in found)
        value, _, row = min(found, key=margin)
        yield f"| {goal.text} | {len(found)} | {held} | {value:.2f} | {row['cell']} {shape(row)} x {row['streams']} |"
