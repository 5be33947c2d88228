"""Trains the SentencePiece models of this folder on `texts.py`, and writes the ids that the library gives.

With --check encodes with the committed models and compares. PyPI's `sentencepiece` is the oracle.
"""

import io
import json
import pathlib
import sys

import sentencepiece

from texts import TEXTS, TRAINING, mixed

FOLDER = pathlib.Path(__file__).parent / "sentencepiece"
ALL = TEXTS + mixed(2, 120)

# The normalization tables make a model large: most have none.
PLAIN = dict(normalization_rule_name="identity")
MODELS = {
    "unigram": dict(model_type="unigram", vocab_size=280),
    "unigram-bytes": dict(model_type="unigram", vocab_size=440, byte_fallback=True, character_coverage=0.98),
    "unigram-plain": dict(model_type="unigram", vocab_size=300, remove_extra_whitespaces=False, **PLAIN),
    "unigram-no-prefix": dict(
        model_type="unigram", vocab_size=280, add_dummy_prefix=False, user_defined_symbols=["[MASK]", "<mask>"], **PLAIN
    ),
    "bpe": dict(model_type="bpe", vocab_size=320, **PLAIN),
    "bpe-spaces": dict(
        model_type="bpe",
        vocab_size=520,
        byte_fallback=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="nfkc_cf",
        character_coverage=0.98,
        user_defined_symbols=["\u2581\u2581", "\u2581\u2581\u2581"],
    ),
    "word": dict(model_type="word", vocab_size=100, hard_vocab_limit=False, **PLAIN),
    "char": dict(model_type="char", vocab_size=140, hard_vocab_limit=False, **PLAIN),
    # Refused: a piece may reach over a blank.
    "refused-crossing": dict(model_type="bpe", vocab_size=300, split_by_whitespace=False, **PLAIN),
    "refused-suffix": dict(model_type="unigram", vocab_size=300, treat_whitespace_as_suffix=True, **PLAIN),
}


def main():
    FOLDER.mkdir(exist_ok=True)
    check = "--check" in sys.argv
    cases = []
    for name, options in MODELS.items():
        path = FOLDER / f"{name}.model"
        if not check:
            model = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(TRAINING), model_writer=model, num_threads=1, minloglevel=2, **options
            )
            path.write_bytes(model.getvalue())
        if name.startswith("refused"):
            continue
        processor = sentencepiece.SentencePieceProcessor(model_proto=path.read_bytes())
        cases.append({"kind": "sentencepiece", "file": path.name, "ids": [processor.encode(text) for text in ALL]})
    text = json.dumps({"texts": ALL, "cases": cases}, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n"
    path = FOLDER / "expected.json"
    if check:
        assert path.read_text(encoding="utf-8") == text, f"{path} differs"
    else:
        path.write_text(text, encoding="utf-8")


main()
