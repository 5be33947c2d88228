"""What the train.py files share: the back end, and a model saved without what only training needs."""
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np


def save(model, path):
    """Saves architecture and weights alone: no optimizer variables, which are twice their size."""
    import keras

    bare = keras.Sequential.from_config(model.get_config())
    bare.build(model.input_shape)
    bare.set_weights(model.get_weights())
    bare.save(path)
    print(f"{path.name}: {model.count_params()} parameters, {path.stat().st_size} bytes")


def padded(sequences, length):
    """Rows of `length` ids: cut behind, filled with 0 behind."""
    rows = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(rows, sequences):
        row[: len(sequence)] = sequence[:length]
    return rows
