#!/usr/bin/env python3
"""Trains model.keras on Reuters newswires, and measures it beside ../topics/model.keras on the test set.

Usage: python train.py REUTERS.jsonl.gz [--out DIR]      (needs keras, tensorflow-cpu, numpy)

REUTERS.jsonl.gz holds Reuters-21578 as JSON lines with split, topics, title and body; it is not in
this repository.
"""
import argparse
import gzip
import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, save

SEED, EPOCHS, LENGTH = 1, 14, 100
START, UNKNOWN, FIRST = 1, 2, 3
SEPARATORS = re.compile(r'[!"#$%&()*+,\-./:;<=>?@\[\]^_`{|}~\t\n\\]')


def newswires(path, topics, ids):
    """Ids of the first 100 words of each newswire with one of the 46 topics; rows filled in front."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    found = [d for d in found if len(d["topics"]) == 1 and d["body"] and d["topics"][0] in topics]
    x = np.zeros((len(found), LENGTH), np.int32)
    for row, d in zip(x, found):
        words = SEPARATORS.sub(" ", (d["title"] + " " + d["body"]).lower()).split()
        sequence = ([START] + [ids.get(word, UNKNOWN) for word in words])[:LENGTH]
        row[LENGTH - len(sequence):] = sequence
    y = np.array([topics.index(d["topics"][0]) for d in found])
    train = np.array([d["split"] == "TRAIN" for d in found])
    return x[train], y[train], x[~train], y[~train]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("newswires", type=Path)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    lines = lambda name: (HERE.parent / "topics" / name).read_text(encoding="utf-8").splitlines()
    topics, vocabulary = lines("labels.txt"), lines("vocabulary.txt")
    ids = {word: FIRST + line for line, word in enumerate(vocabulary)}
    x, y, held, truth = newswires(options.newswires, topics, ids)
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(1000, 40, mask_zero=True, name="words"),
        layers.SimpleRNN(64, name="reader"),
        layers.Dense(len(topics), activation="softmax", name="topic"),
    ])
    model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), "sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        history = model.fit(x, y, batch_size=64, verbose=0)
        right = model.predict(held, batch_size=512, verbose=0).argmax(-1) == truth
        print(f"epoch {epoch + 1}: loss {history.history['loss'][0]:.3f}, right {right.mean():.4f}", flush=True)
    save(model, options.out / "model.keras")
    for name in ("labels.txt", "vocabulary.txt"):
        shutil.copy(HERE.parent / "topics" / name, options.out / name)
    print(f"{len(x)} newswires to train, {len(held)} to test")
    for name, path in (("SimpleRNN", options.out), ("LSTM", HERE.parent / "topics")):
        model = keras.saving.load_model(path / "model.keras", compile=False)
        right = model.predict(held, batch_size=512, verbose=0).argmax(-1) == truth
        print(f"{name}: {right.mean():.4f} of the test set right at the last word")


main()
