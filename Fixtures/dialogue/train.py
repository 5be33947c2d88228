#!/usr/bin/env python3
"""Trains model.keras on conversations made from the rules below: what is each question about?

Usage: python train.py [--out DIR]      (needs keras, tensorflow-cpu, numpy)

A question may leave out its city or its subject; the one before it says which. Until a question mark
comes the answer is "듣는 중" (listening); a question that leaves out what nothing before it said
is answered "무엇이?" (what?) or "어디?" (where?).
"""
import argparse
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from training import np, padded, save

SEED, EPOCHS, CONVERSATIONS = 1, 14, 6000
CITIES = ["서울", "부산", "대구", "광주", "제주"]
SUBJECTS = {"날씨": ["어때", "좋아"], "인구": ["얼마야", "몇 명이야"], "축제": ["언제야", "있어"]}
LISTENING, WHAT, WHERE = "듣는 중", "무엇이?", "어디?"
LABELS = [LISTENING, WHAT, WHERE] + [f"{city} {subject}" for city in CITIES for subject in SUBJECTS]


def turn(draw, city, subject):
    """One question and what it leaves known; city and subject are what was known before it."""
    kind = draw.random()
    if kind < 0.4:
        city, subject = draw.choice(CITIES), draw.choice(list(SUBJECTS))
        text = f"{city}{draw.choice(['', '의', '은'])} {subject} {draw.choice(SUBJECTS[subject])}?"
    elif kind < 0.75:
        city = draw.choice(CITIES)
        text = f"{draw.choice(['', '그럼 ', '그러면 '])}{city}{draw.choice(['은', '는', '도'])}?"
    else:
        subject = draw.choice(list(SUBJECTS))
        tail = draw.choice(["는?", "은?", f" {draw.choice(SUBJECTS[subject])}?"])
        text = f"{draw.choice(['', '그럼 ', '거기 '])}{subject}{tail}"
    answer = WHERE if city is None else WHAT if subject is None else f"{city} {subject}"
    return text, answer, city, subject


def conversation(draw):
    city = subject = None
    text, answers = "", []
    for _ in range(draw.randint(1, 4)):
        question, answer, city, subject = turn(draw, city, subject)
        question = (" " if text and draw.random() < 0.7 else "") + question
        text += question
        answers += [LISTENING] * (len(question) - 1) + [answer]
    return text, answers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=HERE, type=Path)
    options = parser.parse_args()
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    draw = random.Random(SEED)
    made = dict(conversation(draw) for _ in range(CONVERSATIONS))
    found = list(made.items())
    train, test = found[len(found) // 10:], found[:len(found) // 10]
    vocabulary = sorted({c for text, _ in found for c in text})
    length = max(len(text) for text, _ in found)
    x = padded([[vocabulary.index(c) for c in text] for text, _ in train], length)
    y = padded([[LABELS.index(answer) for answer in answers] for _, answers in train], length)
    # The answers to questions are few among those to characters, and count more.
    weights = np.zeros(x.shape, np.float32)
    for row, (text, _) in zip(weights, train):
        row[: len(text)] = [8.0 if c == "?" else 0.5 for c in text]

    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(vocabulary), 16, name="characters"),
        layers.GRU(64, return_sequences=True, name="listener"),
        layers.TimeDistributed(layers.Dense(len(LABELS), activation="softmax"), name="answer"),
    ])
    model.compile(keras.optimizers.Adam(4e-3, clipnorm=1.0), "sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        model.optimizer.learning_rate = 4e-3 if epoch < EPOCHS - 4 else 1e-3
        loss = model.fit(x, y, sample_weight=weights, batch_size=32, verbose=0).history["loss"][0]
        print(f"epoch {epoch + 1}: loss {loss:.4f}", flush=True)

    rows = padded([[vocabulary.index(c) for c in text] for text, _ in test], length)
    outputs = model.predict(rows, batch_size=256, verbose=0).argmax(-1)
    asked = [(LABELS[outputs[i, t]], answer)
             for i, (text, answers) in enumerate(test)
             for t, (c, answer) in enumerate(zip(text, answers)) if c == "?"]
    print(f"{len(train)} conversations to train, {len(test)} kept aside: "
          f"{sum(a == b for a, b in asked)} of {len(asked)} questions right")
    save(model, options.out / "model.keras")
    (options.out / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (options.out / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")


main()
