#!/usr/bin/env python3
"""Writes expected.jsonl: the next word that Keras gives after each word of input.jsonl.

Usage: python generate.py [--check] [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from answer_lines import SEPARATORS, arguments, finish, lines_since_reset, read_json_lines
from answer_lines import whole_sequence, words_tokenizer

options = arguments(__doc__, HERE).parse_args()
import keras

model = keras.saving.load_model(options.folder / "model.keras")
vocabulary = (options.folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
lines = lines_since_reset(
    read_json_lines(options.folder / "input.jsonl"),
    words_tokenizer(vocabulary, separators=SEPARATORS), whole_sequence(model), vocabulary)
finish({"expected.jsonl": lines}, options.out or options.folder, options.check)
