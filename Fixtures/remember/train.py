#!/usr/bin/env python3
"""Trains model.keras (LSTM) and simplernn.keras on the same task, in the same way.

After each letter of a random text the first one is to be named. Both are trained on texts of six
letters alone, and then measured on texts of 201.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, save

SEED, UNITS, TRAINED, LENGTH, BATCH, STEPS = 1, 26, 6, 201, 64, 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    test = np.random.default_rng(SEED + 1).integers(0, len(LETTERS), (2000, LENGTH))
    for name, layer in (("model", layers.LSTM), ("simplernn", layers.SimpleRNN)):
        keras.utils.set_random_seed(SEED)
        random = np.random.default_rng(SEED)
        model = keras.Sequential([
            keras.Input((None,), dtype="int32"),
            layers.Embedding(len(LETTERS), 26, name="letters"),
            layer(UNITS, return_sequences=True, name="memory"),
            layers.Dense(len(LETTERS), activation="softmax", name="first"),
        ])
        model.compile(keras.optimizers.Adam(3e-3, clipnorm=1.0), "sparse_categorical_crossentropy")
        for step in range(STEPS):
            x = random.integers(0, len(LETTERS), (BATCH, TRAINED))
            loss = model.train_on_batch(x, np.repeat(x[:, :1], TRAINED, 1))
            if step % 100 == 99:
                print(f"{name} {step + 1}: loss {float(loss):.3f}", flush=True)
        outputs = model.predict(test, batch_size=500, verbose=0)
        right = (outputs.argmax(-1) == test[:, :1]).mean(axis=0)
        print(name, {t: round(float(right[t]), 4) for t in (5, 10, 20, 50, 100, 200)}, flush=True)
        save(model, options.out / f"{name}.keras")
    (options.out / "letters.txt").write_text("\n".join(LETTERS) + "\n")


main()
