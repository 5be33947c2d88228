#!/usr/bin/env python3
"""Writes expected.jsonl: what Keras takes each question of input.jsonl for, after each character.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import arguments, characters_tokenizer, finish, lines_since_reset
from answer_lines import read_json_lines, whole_sequence

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
lines = lambda name: (options.folder / name).read_text(encoding="utf-8").splitlines()
answers = lines_since_reset(
    read_json_lines(options.folder / "input.jsonl"), characters_tokenizer(lines("vocabulary.txt")),
    whole_sequence(model), lines("labels.txt"))
finish({"expected.jsonl": answers}, options.out or options.folder, options.check)
