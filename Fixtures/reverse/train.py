#!/usr/bin/env python3
"""Trains both.keras, an encoder and a decoder of two LSTMs each in one graph, to say a word's letters backwards.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)

Also writes refused/*.json: configurations of graphs whose halves cannot be told apart or do not fit.
"""
import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, padded

SEED, EPOCHS, LETTERS, LONGEST, TRAIN, TEST = 1, 60, "abcdefgh", 5, 4000, 300
PAD, START, END, FIRST = 0, 1, 2, 3


def graph(join=False, swap=False, cross=False, zeros=False):
    from keras import Input, Model, layers

    source, target = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    x = layers.Embedding(len(LETTERS) + 1, 12, mask_zero=True, name="letters")(source)
    x, h1, c1 = layers.LSTM(48, return_sequences=True, return_state=True, name="encoder_1")(x)
    x, h2, c2 = layers.LSTM(48, return_state=True, name="encoder_2")(x)
    first, second = ([h2, c2], [h1, c1]) if cross else ([h1, c1], [h2, c2])
    y = layers.Embedding(FIRST + len(LETTERS), 48 if join else 12, name="words")(target)
    if join:
        y = layers.Add(name="both")([y, x])
    y, _, _ = layers.LSTM(48, return_sequences=True, return_state=True, name="decoder_1")(
        y, initial_state=first[::-1] if swap else first)
    y, _, _ = layers.LSTM(48, return_sequences=True, return_state=True, name="decoder_2")(
        y, **({} if zeros else {"initial_state": second}))
    return Model([source, target], layers.Dense(FIRST + len(LETTERS), activation="softmax", name="next")(y), name="reverse")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras

    (options.out / "refused").mkdir(exist_ok=True)
    for name, options_of in (("swapped", {"swap": True}), ("joined", {"join": True}),
                              ("crossed", {"cross": True}), ("zeros", {"zeros": True})):
        (options.out / f"refused/{name}.json").write_text(graph(**options_of).to_json(indent=None) + "\n")
    keras.utils.set_random_seed(SEED)
    draw = np.random.default_rng(SEED)
    words = [tuple(draw.integers(len(LETTERS), size=draw.integers(2, LONGEST + 1))) for _ in range(TRAIN + TEST)]
    held = set(words[TRAIN:])
    words = [word for word in words[:TRAIN] if word not in held]
    rows = lambda sequences: padded([list(sequence) for sequence in sequences], LONGEST + 1)
    sources = rows([[1 + letter for letter in word] for word in words])
    backwards = [[FIRST + letter for letter in reversed(word)] for word in words]
    model = graph()
    model.compile(keras.optimizers.Adam(4e-3), keras.losses.SparseCategoricalCrossentropy(ignore_class=PAD))
    model.fit([sources, rows([[START] + word for word in backwards])], rows([word + [END] for word in backwards]),
              batch_size=64, epochs=EPOCHS, verbose=0)
    right = 0
    test = sorted(held)
    said = [[START] for _ in test]
    for _ in range(LONGEST + 1):
        output = model.predict([rows([[1 + letter for letter in word] for word in test]), np.array(said)], verbose=0)
        for line, row in zip(said, output[:, -1]):
            line.append(int(row.argmax()))
    for word, line in zip(test, said):
        right += line[1:].index(END) == len(word) and line[1:len(word) + 1] == [FIRST + x for x in reversed(word)] if END in line else 0
    print(f"{len(words)} words to train, {right} of {len(test)} others said backwards without a fault")
    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(options.out / "both.keras")
    (options.out / "letters.txt").write_text("\n".join(LETTERS) + "\n")
    (options.out / "words.txt").write_text("\n".join(["<pad>", "<start>", "<end>", *LETTERS]) + "\n")



main()
