#!/usr/bin/env python3
"""Writes similar.jsonl: cosines between rows of the model's Embedding, by NumPy in double precision.

Usage: python similar.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import arguments, np

FIRST = 3
options = arguments(__doc__, HERE).parse_args()
import keras

rows = keras.saving.load_model(options.folder / "model.keras").layers[0].get_weights()[0].astype(np.float64)
words = (options.folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
lines = []
for word in ["oil", "bank", "gold", "dollar"]:
    cosines = unit @ unit[FIRST + words.index(word)]
    order = [i for i in np.argsort(-cosines, kind="stable") if i != FIRST + words.index(word)][:5]
    for i in order:
        name = words[i - FIRST] if i >= FIRST else f"<{i}>"
        lines.append(json.dumps({"word": word, "token": name, "id": int(i), "similarity": round(float(cosines[i]), 7)}))
path = (options.out or options.folder) / "similar.jsonl"
if not options.check:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
elif path.read_text(encoding="utf-8").splitlines() != lines:
    sys.exit(f"{path}: other lines than NumPy gives now")
