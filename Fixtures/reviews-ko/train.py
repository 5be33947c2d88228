#!/usr/bin/env python3
"""Trains model.keras on Korean film reviews, and measures it on reviews of other films.

Usage: python train.py REVIEWS.tsv.gz [--out DIR]      (needs keras, tensorflow-cpu, numpy)

REVIEWS.tsv.gz has the columns review_id, movie_id, rating, label, text (NSMC's raw reviews).
"""
import argparse
import collections
import csv
import gzip
import random
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, padded, save

SEED, EPOCHS, LENGTH, CHARACTERS = 1, 6, 80, 1200
EMBEDDING, UNITS = 28, 56
UNKNOWN, FIRST = 1, 2


def reviews(path):
    """Each text once; a film's reviews all stand on the same side."""
    seen, train, test = set(), [], []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            text = unicodedata.normalize("NFC", row["text"])
            if text in seen or len(text) < 4:
                continue
            seen.add(text)
            side = test if random.Random(row["movie_id"]).random() < 0.15 else train
            side.append((text, int(row["label"]), row["review_id"]))
    return train, test


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reviews", type=Path)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    train, test = reviews(options.reviews)
    counts = collections.Counter(character for text, *_ in train for character in text)
    vocabulary = sorted(counts, key=lambda c: (-counts[c], c))[: CHARACTERS - FIRST]
    # A line holds one character: what separates lines cannot stand there.
    vocabulary = [c for c in vocabulary if c.isprintable()]
    ids = {character: FIRST + line for line, character in enumerate(vocabulary)}
    rows = lambda side: padded([[ids.get(c, UNKNOWN) for c in text] for text, *_ in side], LENGTH)
    x, y = rows(train), np.array([label for _, label, _ in train])
    held, truth = rows(test), np.array([label for _, label, _ in test])

    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(FIRST + len(vocabulary), EMBEDDING, mask_zero=True, name="characters"),
        layers.SpatialDropout1D(0.2),
        layers.GRU(UNITS, return_sequences=True, name="reader"),
        layers.Dropout(0.3),
        layers.TimeDistributed(layers.Dense(2, activation="softmax"), name="opinion"),
    ])
    # An answer is asked after each character, so each is trained; later ones count more.
    weights = (x != 0) * np.linspace(0.2, 1.0, LENGTH, dtype=np.float32)
    weights /= weights.sum(axis=1, keepdims=True) / LENGTH
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        model.optimizer.learning_rate = 3e-3 if epoch < 3 else 1e-3
        history = model.fit(x, np.repeat(y[:, None], LENGTH, 1), sample_weight=weights,
                            batch_size=128, epochs=epoch + 1, initial_epoch=epoch, verbose=0)
        outputs = model.predict(held, batch_size=512, verbose=0)
        last = (held != 0).sum(axis=1) - 1
        accuracy = lambda at: float((outputs[np.arange(len(held)), at].argmax(-1) == truth).mean())
        print(f"epoch {epoch + 1}: loss {history.history['loss'][0]:.3f}, right at the end "
              f"{accuracy(last):.4f}, after 10 characters {accuracy(np.minimum(last, 9)):.4f}, "
              f"after 20 {accuracy(np.minimum(last, 19)):.4f}", flush=True)
    print(f"{len(train)} reviews to train, {len(test)} of other films to test")
    save(model, options.out / "model.keras")
    (options.out / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (options.out / "labels.txt").write_text("나쁨\n좋음\n", encoding="utf-8")


main()
