#!/usr/bin/env python3
"""Makes model.keras: the layer as Keras begins it from a seed; nothing is trained.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import save

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default=HERE, type=Path)
options = parser.parse_args()
import keras
from keras.layers import SimpleRNN

keras.utils.set_random_seed(1)
model = keras.Sequential([SimpleRNN(units=3, input_shape=(4, 9))])
assert model.count_params() == 9 * 3 + 3 * 3 + 3 == 39
# Keras begins biases with 0; other numbers show that they are added.
kernel, recurrent, _ = model.get_weights()
model.set_weights([kernel, recurrent, keras.ops.array([0.1, -0.2, 0.3])])
save(model, options.out / "model.keras")
