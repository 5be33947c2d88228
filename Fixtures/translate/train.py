#!/usr/bin/env python3
"""Trains encoder.keras and decoder.keras on Tatoeba pairs, and measures them on pairs kept aside.

Usage: python train.py PAIRS.tsv [--out DIR]      (needs keras, tensorflow-cpu, numpy)

PAIRS.tsv has English, Korean and the attribution on each line (manythings.org/anki). Korean is read
in characters, English is written in words.
"""
import argparse
import collections
import math
import re
from pathlib import Path

import keras
import numpy as np

MOST_WORDS, MOST_CHARACTERS, LEAST = 6, 24, 3
UNITS, WIDTH, EPOCHS, SEED = 128, 48, 90, 1
PAD, START, END, FIRST = 0, 1, 2, 3


def words(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def characters(text):
    return list(re.sub(r"[^가-힣 ]", "", text).strip())


def pairs(path):
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        english, korean = line.split("\t")[:2]
        source, target = characters(korean), words(english)
        if source and 0 < len(target) <= MOST_WORDS and len(source) <= MOST_CHARACTERS:
            found.append((source, target))
    return found


def vocabulary(sequences):
    counts = collections.Counter(token for sequence in sequences for token in sequence)
    return sorted((t for t, n in counts.items() if n >= LEAST), key=lambda t: (-counts[t], t))


def bleu(hypotheses, references, most=4):
    """Corpus BLEU (Papineni et al. 2002) with one reference, smoothed by 1 above unigrams."""
    matched, total = [0] * most, [0] * most
    length = reference_length = 0
    for hypothesis, reference in zip(hypotheses, references):
        length, reference_length = length + len(hypothesis), reference_length + len(reference)
        for n in range(1, most + 1):
            own = collections.Counter(tuple(hypothesis[i:i + n]) for i in range(len(hypothesis) - n + 1))
            other = collections.Counter(tuple(reference[i:i + n]) for i in range(len(reference) - n + 1))
            matched[n - 1] += sum((own & other).values())
            total[n - 1] += max(0, len(hypothesis) - n + 1)
    logs = [math.log((matched[n] + (n > 0)) / (total[n] + (n > 0))) for n in range(most)]
    brevity = min(0.0, 1 - reference_length / max(1, length))
    return 100 * math.exp(brevity + sum(logs) / most)


def padded(sequences, length):
    rows = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(rows, sequences):
        row[:len(sequence)] = sequence
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs")
    parser.add_argument("--out", default=Path(__file__).resolve().parent, type=Path)
    options = parser.parse_args()
    keras.utils.set_random_seed(SEED)
    found = pairs(options.pairs)
    order = np.random.default_rng(SEED).permutation(len(found))
    # A sentence that has several translations stands on one side only.
    held = {tuple(found[i][0]) for i in order[:200]}
    train = [pair for pair in found if tuple(pair[0]) not in held]
    test = [pair for pair in found if tuple(pair[0]) in held]
    source_tokens = vocabulary(source for source, _ in train)
    target_tokens = vocabulary(target for _, target in train)
    source_ids = {token: 1 + i for i, token in enumerate(source_tokens)}
    target_ids = {token: FIRST + i for i, token in enumerate(target_tokens)}
    known = [(s, t) for s, t in train if all(w in target_ids for w in t)]

    encoder_input = keras.Input((None,), dtype="int32")
    decoder_input = keras.Input((None,), dtype="int32")
    encoder_layers = [
        keras.layers.Embedding(len(source_tokens) + 1, WIDTH, mask_zero=True, name="characters"),
        keras.layers.LSTM(UNITS, return_state=True, name="encoder")]
    decoder_layers = [
        keras.layers.Embedding(FIRST + len(target_tokens), WIDTH, name="words"),
        keras.layers.LSTM(UNITS, return_sequences=True, name="decoder"),
        keras.layers.Dense(FIRST + len(target_tokens), activation="softmax", name="next_word")]
    _, h, c = encoder_layers[1](keras.layers.Dropout(0.3)(encoder_layers[0](encoder_input)))
    hidden = decoder_layers[1](keras.layers.Dropout(0.3)(decoder_layers[0](decoder_input)), initial_state=[h, c])
    both = keras.Model([encoder_input, decoder_input], decoder_layers[2](keras.layers.Dropout(0.3)(hidden)))
    both.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(ignore_class=PAD))

    sources = padded([[source_ids[c] for c in s if c in source_ids] for s, _ in known], MOST_CHARACTERS)
    inputs = padded([[START] + [target_ids[w] for w in t] for _, t in known], MOST_WORDS + 1)
    outputs = padded([[target_ids[w] for w in t] + [END] for _, t in known], MOST_WORDS + 1)
    both.fit([sources, inputs], outputs, batch_size=64, epochs=EPOCHS, verbose=2)

    encoder = keras.Sequential([
        keras.layers.Embedding(len(source_tokens) + 1, WIDTH, name="characters"),
        keras.layers.LSTM(UNITS, name="encoder")], name="encoder")
    decoder = keras.Sequential([
        keras.layers.Embedding(FIRST + len(target_tokens), WIDTH, name="words"),
        keras.layers.LSTM(UNITS, return_sequences=True, name="decoder"),
        keras.layers.Dense(FIRST + len(target_tokens), activation="softmax", name="next_word")], name="decoder")
    encoder.build((None, None))
    decoder.build((None, None))
    for layers, model in [(encoder_layers, encoder), (decoder_layers, decoder)]:
        for layer, own in zip(layers, model.layers):
            own.set_weights(layer.get_weights())
    encoder.save(options.out / "encoder.keras")
    decoder.save(options.out / "decoder.keras")
    (options.out / "characters.txt").write_text("\n".join(source_tokens) + "\n", encoding="utf-8")
    (options.out / "words.txt").write_text("\n".join(["<pad>", "<start>", "<end>"] + target_tokens) + "\n", encoding="utf-8")

    # Greedy, all sentences at once, as the daemon does it one word after the other.
    rows = padded([[source_ids[c] for c in s if c in source_ids] for s, _ in test], MOST_CHARACTERS)
    _, h, c = encoder_layers[1](encoder_layers[0](rows))
    token = np.full((len(rows), 1), START)
    chosen = []
    cell = decoder_layers[1].cell
    for _ in range(MOST_WORDS + 1):
        x = decoder_layers[0](token)[:, 0]
        output, (h, c) = cell(x, [h, c])
        token = np.argmax(decoder_layers[2](output), axis=-1)[:, None]
        chosen.append(token[:, 0])
    hypotheses = []
    for row in np.stack(chosen, axis=1):
        ids = list(row)
        hypotheses.append([target_tokens[i - FIRST] for i in ids[:ids.index(END)] if i >= FIRST] if END in ids
                          else [target_tokens[i - FIRST] for i in ids if i >= FIRST])
    references = [t for _, t in test]
    exact = sum(h == r for h, r in zip(hypotheses, references))
    print(f"trained on {len(known)} pairs, {len(test)} kept aside: {exact} exact, BLEU {bleu(hypotheses, references):.1f}")
    for (source, target), hypothesis in list(zip(test, hypotheses))[:12]:
        print("".join(source), "|", " ".join(target), "|", " ".join(hypothesis))


main()
