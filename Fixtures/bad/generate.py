#!/usr/bin/env python3
"""Writes the broken model files from ../hello and ../trained/nab-taxi-forecast.

Usage: python generate.py [--out DIR]      (Python alone; the other files here are written by hand)
"""
import argparse
import io
import json
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=HERE)
out = parser.parse_args().out
whole = (HERE.parent / "hello" / "model.keras").read_bytes()
with zipfile.ZipFile(io.BytesIO(whole)) as archive:
    parts = {name: archive.read(name) for name in archive.namelist()}


def write_archive(name, parts):
    with zipfile.ZipFile(out / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            # A fixed date, so that the same parts are the same bytes.
            archive.writestr(zipfile.ZipInfo(part, (1980, 1, 1, 0, 0, 0)), data)


def changed_config(change):
    config = json.loads(parts["config.json"])
    change(config["config"]["layers"])
    return {**parts, "config.json": json.dumps(config).encode()}


def widen(layers):
    layers[1]["config"]["units"] = 9


def rename_class(layers):
    layers[1]["class_name"] = "PeepholeRNN"


weights = parts["model.weights.h5"]
(out / "truncated.keras").write_bytes(whole[: len(whole) // 2])
(out / "truncated.h5").write_bytes(
    (HERE.parent / "trained" / "nab-taxi-forecast" / "model.h5").read_bytes()[:4096]
)
write_archive("no-config.keras", {name: data for name, data in parts.items() if name != "config.json"})
write_archive("no-weights.keras", {name: data for name, data in parts.items() if name != "model.weights.h5"})
write_archive("config-not-json.keras", {**parts, "config.json": b'{"class_name": "Sequential", '})
write_archive("weights-truncated.keras", {**parts, "model.weights.h5": weights[: len(weights) // 2]})
write_archive("wrong-shape.keras", changed_config(widen))
write_archive("unknown-layer.keras", changed_config(rename_class))
