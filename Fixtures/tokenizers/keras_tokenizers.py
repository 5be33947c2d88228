"""Writes the Keras tokenizers of this folder and the ids that Keras gives for `texts.py`.

With --check compares instead. Needs Keras 3 with TensorFlow.
"""

import json
import pathlib
import sys

import keras
from keras.src.legacy.preprocessing.text import Tokenizer

from texts import TEXTS, TRAINING

FOLDER = pathlib.Path(__file__).parent / "keras"


def tokenizers():
    """(file, tokenizer) of each `Tokenizer`."""
    yield "tokenizer", Tokenizer()
    yield "tokenizer-oov-num-words", Tokenizer(num_words=40, oov_token="<OOV>")
    yield "tokenizer-num-words", Tokenizer(num_words=30)
    yield "tokenizer-cased-tabs", Tokenizer(filters=".,", lower=False, split="\t", oov_token="?")
    yield "tokenizer-characters", Tokenizer(char_level=True, oov_token="<OOV>")


def layers():
    """(file, layer, whether the config has the vocabulary) of each `TextVectorization`."""
    layer = keras.layers.TextVectorization
    yield "vectorization", layer(), False
    yield "vectorization-lower", layer(standardize="lower", max_tokens=60), False
    yield "vectorization-strip", layer(standardize="strip_punctuation"), False
    yield "vectorization-plain", layer(standardize=None), False
    yield "vectorization-characters", layer(split="character", max_tokens=50), True
    yield "vectorization-whole", layer(split=None), True
    yield "vectorization-own", layer(vocabulary=["the", "wheel", "물은", "mill"]), True


def made():
    """The text of each file."""
    files, cases = {}, []
    for name, tokenizer in tokenizers():
        tokenizer.fit_on_texts(TRAINING[::2])
        # Keras fills these by way of a set.
        tokenizer.word_docs = dict(sorted(tokenizer.word_docs.items()))
        tokenizer.index_docs = dict(sorted(tokenizer.index_docs.items()))
        files[f"{name}.json"] = tokenizer.to_json() + "\n"
        ids = [tokenizer.texts_to_sequences([text])[0] for text in TEXTS]
        cases.append({"kind": "keras-tokenizer", "file": f"{name}.json", "ids": ids})
    for name, layer, has_own in layers():
        case = {"kind": "text-vectorization", "file": f"{name}.json"}
        config = layer.get_config()
        if not config["vocabulary"]:
            layer.adapt(TRAINING[::2])
        if has_own:  # a token with a newline has no line of its own in a file
            config["vocabulary"] = layer.get_vocabulary()[2:]
        else:
            case["vocabulary"] = f"{name}.txt"
            files[f"{name}.txt"] = "\n".join(layer.get_vocabulary())
        config["name"] = "text_vectorization"
        files[f"{name}.json"] = json.dumps(config) + "\n"
        # A text without tokens is padded to one where the layer does not split.
        case["ids"] = [[int(i) for i in layer([text]).numpy().reshape(-1)] if text else [] for text in TEXTS]
        cases.append(case)
    files["expected.json"] = json.dumps({"texts": TEXTS, "cases": cases}, indent=0) + "\n"
    return files


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, text in made().items():
        path = FOLDER / name
        if "--check" in sys.argv:
            assert path.read_text(encoding="utf-8") == text, f"{path} differs"
        else:
            path.write_text(text, encoding="utf-8", newline="")


main()
