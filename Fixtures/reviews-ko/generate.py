#!/usr/bin/env python3
"""Writes expected.jsonl: what Keras thinks of each review of input.jsonl after each character.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import arguments, characters_tokenizer, finish, lines_since_reset
from answer_lines import read_json_lines, whole_sequence

UNKNOWN, FIRST = 1, 2

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
lines = lambda name: (options.folder / name).read_text(encoding="utf-8").split("\n")[:-1]
characters = characters_tokenizer(lines("vocabulary.txt"), FIRST, UNKNOWN)
# Jamo that stand alone are put together before a syllable is looked up.
tokenize = lambda text: characters(unicodedata.normalize("NFC", text))
answers = lines_since_reset(
    read_json_lines(options.folder / "input.jsonl"), tokenize, whole_sequence(model), lines("labels.txt"))
finish({"expected.jsonl": answers}, options.out or options.folder, options.check)
