#!/usr/bin/env python3
"""Trains model.keras to name the next note of a melody, and measures it on one kept aside.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from melodies import MELODIES, notes
from training import np, padded, save

SEED, EPOCHS, UNITS, KEPT_ASIDE = 1, 150, 48, "london-bridge"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    train = [notes(melody) for melody in MELODIES if melody != KEPT_ASIDE]
    test = [notes(KEPT_ASIDE)]
    vocabulary = sorted({note for melody in train + test for note in melody})
    ids = {note: line for line, note in enumerate(vocabulary)}
    length = max(map(len, train)) - 1
    x = padded([[ids[note] for note in melody[:-1]] for melody in train], length)
    y = padded([[ids[note] for note in melody[1:]] for melody in train], length)
    weights = np.array([[float(t < len(melody) - 1) for t in range(length)] for melody in train])

    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(vocabulary), 16, name="notes"),
        layers.Dropout(0.2),
        layers.GRU(UNITS, return_sequences=True, name="melody"),
        layers.TimeDistributed(layers.Dense(len(vocabulary), activation="softmax"), name="next_note"),
    ])
    model.compile(keras.optimizers.Adam(5e-3, clipnorm=1.0), "sparse_categorical_crossentropy")
    model.fit(x, y, sample_weight=weights, batch_size=4, epochs=EPOCHS, verbose=0)

    for name, melodies in (("melodies that were trained", train), ("the melody kept aside", test)):
        right = asked = third = 0
        for melody in melodies:
            outputs = np.asarray(model(np.array([[ids[n] for n in melody[:-1]]]), training=False))[0]
            right += sum(vocabulary[o.argmax()] == n for o, n in zip(outputs, melody[1:]))
            third += sum(n in [vocabulary[i] for i in o.argsort()[-3:]] for o, n in zip(outputs, melody[1:]))
            asked += len(melody) - 1
        print(f"{name}: {right} of {asked} next notes right ({right / asked:.1%}), "
              f"{third} among the first three")
    save(model, options.out / "model.keras")
    (options.out / "notes.txt").write_text("\n".join(vocabulary) + "\n")


main()
