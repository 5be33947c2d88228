#!/usr/bin/env python3
"""Trains model.keras to name the next word of short Korean sentences made from the rules below.

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)

Every fifth sentence is kept aside; the last line printed says how often the word behind "가서" is
right in those.
"""
import argparse
import itertools
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, padded, save

SEED, EPOCHS = 1, 60
WHO = ["나는", "동생은", "친구는", "어머니는", "아버지는", "누나는"]
WHERE = ["가게에", "시장에", "편의점에", "마트에"]
# Why somebody goes, what is got there, and what is done with it.
WHY = {
    "목이 말라서": ("물을", "마셨다"),
    "배가 고파서": ("빵을", "먹었다"),
    "머리가 아파서": ("약을", "먹었다"),
    "비가 와서": ("우산을", "샀다"),
    "날이 추워서": ("장갑을", "샀다"),
}
SHORT = {"밥을": "먹었다", "물을": "마셨다", "책을": "읽었다", "노래를": "불렀다", "영화를": "보았다", "편지를": "썼다"}


def sentences():
    for who, (what, done) in itertools.product(WHO, SHORT.items()):
        yield [who, what, done]
    for (why, (what, done)), who, where in itertools.product(WHY.items(), WHO, WHERE):
        yield [*why.split(), who, where, "가서", what, done]
        yield [who, *why.split(), where, "가서", what, done]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    found = list(sentences())
    order = np.random.default_rng(SEED).permutation(len(found))
    train = [found[i] for place, i in enumerate(order) if place % 5]
    test = [found[i] for place, i in enumerate(order) if place % 5 == 0]
    vocabulary = sorted({word for sentence in found for word in sentence})
    ids = {word: line for line, word in enumerate(vocabulary)}
    length = max(map(len, found)) - 1
    x = padded([[ids[word] for word in sentence[:-1]] for sentence in train], length)
    y = padded([[ids[word] for word in sentence[1:]] for sentence in train], length)
    weights = np.array([[float(t < len(sentence) - 1) for t in range(length)] for sentence in train])

    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(vocabulary), 16, name="words"),
        layers.LSTM(32, return_sequences=True, name="reader"),
        layers.TimeDistributed(layers.Dense(len(vocabulary), activation="softmax"), name="next_word"),
    ])
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, sample_weight=weights, batch_size=16, epochs=EPOCHS, verbose=0)

    right = asked = 0
    for sentence in test:
        output = np.asarray(model(np.array([[ids[word] for word in sentence]]), training=False))[0]
        for t in (t for t, word in enumerate(sentence) if word == "가서"):
            asked += 1
            right += vocabulary[output[t].argmax()] == sentence[t + 1]
    print(f"{len(train)} sentences to train, {len(test)} kept aside: right behind 가서 {right} of {asked}")
    save(model, options.out / "model.keras")
    text = "\n".join(vocabulary) + "\n"
    (options.out / "vocabulary.txt").write_text(text, encoding="utf-8")


main()
