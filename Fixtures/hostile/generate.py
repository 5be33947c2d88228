"""Writes model files that want to do harm. Needs h5py and numpy; takes its sound model from ../golden.

    python generate.py
"""
import io
import json
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).parent
SOUND = HERE.parent / "golden/k_lstm_seq/model.keras"


def archive(entries):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content, method in entries:
            file.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, compress_type=method)
    return data.getvalue()


def sound_entries():
    with zipfile.ZipFile(SOUND) as file:
        return [(name, file.read(name), zipfile.ZIP_STORED) for name in file.namelist()]


# 64 MB of spaces in 64 kB: more than a configuration may have.
bomb = archive([("config.json", b" " * (64 << 20), zipfile.ZIP_DEFLATED)] + sound_entries()[:1])
(HERE / "bomb.keras").write_bytes(bomb)
# The same, but both headers claim 1,000 bytes.
(HERE / "bomb-lies.keras").write_bytes(bomb.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 1000)))
# A sound model, beside entries whose names lead out of any folder.
outside = [(name, b"x", zipfile.ZIP_STORED) for name in ("../../escaped", "/tmp/escaped", "assets/../../escaped", "model.weights.h5/../x")]
(HERE / "paths.keras").write_bytes(archive(sound_entries() + outside))


def legacy(name, weight):
    """A whole model of one Dense layer, whose kernel `weight` makes in its group and names."""
    dense = {"name": "dense", "trainable": True, "units": 1, "activation": "linear", "use_bias": False, "batch_input_shape": [None, None, 1]}
    with h5py.File(HERE / name, "w", libver="earliest") as file:
        file.attrs["keras_version"] = np.bytes_("2.15.0")
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["model_config"] = np.bytes_(json.dumps(
            {"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "Dense", "config": dense}]}}))
        group = file.create_group("model_weights/dense")
        path = weight(group)
        file["model_weights"].attrs["layer_names"] = np.array([b"dense"])
        group.attrs["weight_names"] = np.array([path.encode()])


def deep(group):
    """A hundred groups, one within the other, with the kernel in the innermost."""
    for _ in range(100):
        group = group.create_group("a")
    group.create_dataset("kernel:0", data=np.ones((1, 1), "float32"))
    return "a/" * 100 + "kernel:0"


def ring(group):
    """A group that is its own member."""
    group["a"] = group
    group.create_dataset("kernel:0", data=np.ones((1, 1), "float32"))
    return "a/" * 100 + "kernel:0"


legacy("deep.h5", deep)
legacy("ring.h5", ring)
