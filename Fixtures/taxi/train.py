#!/usr/bin/env python3
"""Trains model.keras to forecast the taxi passengers of the next half-hour, and measures it on later months.

Usage: python train.py NYC_TAXI.csv [--out DIR]      (needs keras, tensorflow-cpu, numpy)

NYC_TAXI.csv has the columns timestamp, value (NAB's realKnownCause/nyc_taxi.csv).
"""
import argparse
import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, save

# Rows before TRAINED are trained; a week is 336 half-hours.
SEED, EPOCHS, TRAINED, WINDOW, WEEK = 1, 60, 5000, 240, 336


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passengers", type=Path)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    with open(options.passengers, encoding="utf-8") as file:
        values = np.array([float(row["value"]) for row in csv.DictReader(file)], np.float32)
    mean, std = float(round(values[:TRAINED].mean())), float(round(values[:TRAINED].std()))
    scaled = (values - np.float32(mean)) / np.float32(std)
    model = keras.Sequential([
        keras.Input((None, 1)),
        layers.GRU(40, return_sequences=True, name="reader"),
        layers.Dense(1, name="next_scaled"),
    ])
    # The first day of a window has too little before it to be judged.
    loss = lambda true, said: keras.ops.mean(keras.ops.square(true[:, 48:] - said[:, 48:]))
    model.compile(keras.optimizers.Adam(5e-3, clipnorm=1.0), loss)
    starts = range(0, TRAINED - WINDOW - 1, 12)
    x = np.stack([scaled[s:s + WINDOW] for s in starts])[..., None]
    y = np.stack([scaled[s + 1:s + WINDOW + 1] for s in starts])[..., None]
    for epoch in range(EPOCHS):
        model.optimizer.learning_rate = 5e-3 if epoch < EPOCHS * 2 // 3 else 1e-3
        history = model.fit(x, y, batch_size=32, verbose=0)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {history.history['loss'][0]:.5f}", flush=True)

    # Its targets were scaled, and so are its answers: whoever uses them scales them back.
    said = model.predict(scaled[None, :-1, None], verbose=0)[0, :, 0] * np.float32(std) + np.float32(mean)
    true, kept = values[1:], slice(TRAINED, None)
    error = lambda forecast: np.abs(forecast - true)[kept]
    print(f"mean of {TRAINED} rows {mean:.0f}, standard deviation {std:.0f}")
    print(f"{len(true) - TRAINED} later half-hours, mean absolute error: {error(said).mean():.0f} passengers; "
          f"saying the last value again {error(values[:-1]).mean():.0f}; "
          f"saying last week's {error(np.concatenate([true[:WEEK], true[:-WEEK]])).mean():.0f}; "
          f"mean of the values {true[kept].mean():.0f}")
    save(model, options.out / "model.keras")
    scaling = {"mean": [mean], "std": [std]}
    (options.out / "scaling.json").write_text(json.dumps(scaling) + "\n")


main()
