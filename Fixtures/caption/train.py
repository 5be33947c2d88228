#!/usr/bin/env python3
"""Trains model.keras to describe toy pictures in three words, and measures it on pictures kept aside.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from pictures import SIZE, WORDS, draws
from training import np, save

SEED, EPOCHS, TRAIN, TEST = 1, 30, 6000, 1000


def arrays(pictures):
    x = np.array([[values] for values, _ in pictures], np.float32) / 255
    return x, np.array([[WORDS.index(word) for word in words] for _, words in pictures])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([
        keras.Input((1, SIZE * SIZE)),
        # One step: the picture. Its answer is given three times to the GRU that says the words.
        layers.GRU(64, name="eye"),
        layers.RepeatVector(3, name="three_words"),
        layers.GRU(32, return_sequences=True, name="mouth"),
        layers.TimeDistributed(layers.Dense(len(WORDS), activation="softmax"), name="word"),
    ])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    x, y = arrays(draws(SEED, TRAIN))
    model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=0)
    held, truth = arrays(draws(SEED + 1, TEST))
    right = model.predict(held, batch_size=500, verbose=0).argmax(-1) == truth
    print(f"{TRAIN} pictures to train, {TEST} kept aside: {right.all(axis=1).mean():.4f} described right, "
          f"{right.mean():.4f} of the words")
    save(model, options.out / "model.keras")
    (options.out / "labels.txt").write_text("\n".join(WORDS) + "\n")


main()
