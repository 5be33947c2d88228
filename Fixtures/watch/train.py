#!/usr/bin/env python3
"""Trains model.keras to say of each frame whether the figures in it fight, and measures it on other scenes.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from scenes import LABELS, SIZE, scene
from training import np, save

SEED, EPOCHS, FRAMES, TRAIN, TEST = 1, 25, 60, 500, 100


def arrays(first, count):
    made = [scene(seed, FRAMES) for seed in range(first, first + count)]
    return np.array([x for x, _ in made], np.float32) / 255, np.array([y for _, y in made])


def runs(flags):
    """The stretches of a list of booleans that are true: pairs of begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    x, y = arrays(0, TRAIN)
    held, truth = arrays(TRAIN, TEST)
    model = keras.Sequential([
        keras.Input((None, SIZE * SIZE)),
        layers.Dense(48, activation="relu", name="features"),
        layers.Dropout(0.2),
        layers.GRU(40, return_sequences=True, name="watcher"),
        layers.TimeDistributed(layers.Dense(len(LABELS), activation="softmax"), name="scene"),
    ])
    model.compile(keras.optimizers.Adam(3e-3, clipnorm=1.0), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=20, epochs=EPOCHS, verbose=0)
    outputs = model.predict(held, batch_size=50, verbose=0)[..., 1] > 0.5
    fights = found = false_alarms = 0
    delays = []
    for said, true in zip(outputs, truth):
        for begin, end in runs(true == 1):
            fights += 1
            hits = np.flatnonzero(said[begin:end])
            if len(hits):
                found += 1
                delays.append(int(hits[0]))
        # A false alarm: a stretch of "fight" of which no frame is one.
        false_alarms += sum(not true[begin:end].any() for begin, end in runs(said))
    print(f"{TRAIN} scenes to train, {TEST} others: {(outputs == truth).mean():.1%} of the frames right "
          f"({(truth == 0).mean():.1%} are calm); {found} of {fights} fights found, "
          f"median {np.median(delays):.0f} frames after they begin, nine of ten within {np.quantile(delays, 0.9):.0f}; "
          f"{false_alarms} false alarms in {TEST * FRAMES} frames")
    save(model, options.out / "model.keras")
    (options.out / "labels.txt").write_text("\n".join(LABELS) + "\n")


main()
