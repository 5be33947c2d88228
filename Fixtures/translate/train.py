#!/usr/bin/env python3
"""Trains encoder.keras and decoder.keras on Tatoeba pairs, and measures them on pairs kept aside.

Usage: python train.py PAIRS.tsv [--out DIR]      (needs keras, tensorflow-cpu, numpy, tokenizers)

PAIRS.tsv has English, Korean and the attribution on each line (manythings.org/anki). Korean is read in pieces of jamo
(tokenizer.json, which is made if it is not there: its library breaks ties by chance), English is written in words.
"""
import argparse
import collections
import json
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tokenizers
from pairs import SEED, bleu, split

UNITS, WIDTH, PIECES, LEAST, EPOCHS, BATCH = 192, 128, 1000, 2, 45, 64
DROPOUT, WORD_DROPOUT, PIECE_DROPOUT, SMOOTHING = 0.3, 0.05, 0.2, 0.1
PAD, START, END, UNKNOWN = SPECIAL = range(4)
NAMES = ["<pad>", "<start>", "<end>", "<unk>"]
# As in the pipelines.
STEPS, BEAM, POWER = 8, 4, 0.7


def tokenizer(path, sentences):
    """Pieces of words, of jamo: endings that share a consonant with a syllable become pieces of their own."""
    if not path.exists():
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.normalizer = tokenizers.normalizers.NFD()
        parts = tokenizers.pre_tokenizers
        made.pre_tokenizer = parts.Sequence([parts.WhitespaceSplit(), parts.Punctuation()])
        made.train_from_iterator(sentences, tokenizers.trainers.BpeTrainer(
            vocab_size=PIECES, special_tokens=NAMES[:1], end_of_word_suffix="_", show_progress=False))
        path.write_text(json.dumps(json.loads(made.to_str()), ensure_ascii=False) + "\n", encoding="utf-8")
    text = json.loads(path.read_text(encoding="utf-8"))
    # For training, a word is cut in another way each time (BPE dropout).
    text["model"]["dropout"] = PIECE_DROPOUT
    return tokenizers.Tokenizer.from_file(str(path)), tokenizers.Tokenizer.from_str(json.dumps(text))


def padded(sequences):
    rows = np.zeros((len(sequences), max(map(len, sequences))), np.int32)
    for row, sequence in zip(rows, sequences):
        row[:len(sequence)] = sequence
    return rows


class Batches(keras.utils.PyDataset):
    """The pairs, cut anew and with words left out in each epoch; those of like length together."""

    def __init__(self, pairs, pieces, word_ids):
        super().__init__()
        self.random = np.random.default_rng(SEED)
        self.pairs, self.pieces = pairs, pieces
        self.targets = [[word_ids.get(word, UNKNOWN) for word in target] for _, target in pairs]
        self.on_epoch_end()

    def __len__(self):
        return len(self.batches)

    def on_epoch_end(self):
        keep = lambda ids: [i for i in ids if self.random.random() >= WORD_DROPOUT] or ids[:1]
        self.sources = [keep(self.pieces.encode(source).ids) for source, _ in self.pairs]
        order = sorted(range(len(self.pairs)), key=lambda i: len(self.sources[i]) + self.random.integers(4))
        self.batches = [order[i:i + BATCH] for i in range(0, len(order), BATCH)]
        self.random.shuffle(self.batches)

    def __getitem__(self, index):
        rows = self.batches[index]
        given = padded([[START] + self.targets[i] for i in rows])
        given[(self.random.random(given.shape) < WORD_DROPOUT) & (given > START)] = UNKNOWN
        return (padded([self.sources[i] for i in rows]), given), padded([self.targets[i] + [END] for i in rows])


@keras.saving.register_keras_serializable()
class NextWord(keras.layers.Layer):
    """What each word's row in the decoder's Embedding says of a vector: the Embedding's weights once more."""

    def __init__(self, embedding, **options):
        super().__init__(**options)
        self.embedding = embedding

    def build(self, shape):
        self.bias = self.add_weight(shape=(self.embedding.input_dim,), initializer="zeros")

    def call(self, x):
        return keras.ops.matmul(x, keras.ops.transpose(self.embedding.embeddings)) + self.bias


def smoothed(truth, logits):
    """Cross entropy with label smoothing; padding does not count."""
    counts = keras.ops.cast(truth != PAD, "float32")
    logs = keras.ops.log_softmax(logits)
    own = keras.ops.take_along_axis(logs, keras.ops.cast(truth, "int32")[..., None], axis=-1)[..., 0]
    losses = -(1 - SMOOTHING) * own - SMOOTHING * keras.ops.mean(logs, axis=-1)
    return keras.ops.sum(losses * counts) / keras.ops.sum(counts)


class Translator:
    """The training graph, and the two models that are made of its layers."""

    def __init__(self, piece_count, word_count):
        layers = keras.layers
        near_zero = lambda: keras.initializers.RandomNormal(stddev=0.1)
        drop = lambda x: layers.Dropout(DROPOUT)(x)
        self.read = [layers.Embedding(piece_count, WIDTH, mask_zero=True, embeddings_initializer=near_zero(), name="pieces"),
                     layers.LSTM(UNITS, return_state=True, name="encoder")]
        self.write = [layers.Embedding(word_count, WIDTH, embeddings_initializer=near_zero(), name="words"),
                      layers.LSTM(UNITS, return_sequences=True, name="decoder"), layers.Dense(WIDTH, name="narrow")]
        self.next_word = NextWord(self.write[0])
        sources, given = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
        _, h, c = self.read[1](drop(self.read[0](sources)))
        hidden = self.write[1](drop(self.write[0](given)), initial_state=[h, c])
        self.graph = keras.Model([sources, given], self.next_word(self.write[2](drop(hidden))))
        self.encode = keras.Model(sources, [h, c])

    def models(self):
        layers = keras.layers
        encoder = keras.Sequential([layers.Embedding(self.read[0].input_dim, WIDTH, name="pieces"), layers.LSTM(UNITS, name="encoder")],
                                   name="encoder")
        decoder = keras.Sequential([
            layers.Embedding(self.write[0].input_dim, WIDTH, name="words"), layers.LSTM(UNITS, return_sequences=True, name="decoder"),
            layers.Dense(WIDTH, name="narrow"), layers.Dense(self.write[0].input_dim, activation="softmax", name="next_word")],
            name="decoder")
        for model, own in ((encoder, self.read), (decoder, self.write)):
            model.build((None, None))
            for layer, trained in zip(model.layers, own):
                layer.set_weights(trained.get_weights())
        decoder.layers[-1].set_weights([self.write[0].get_weights()[0].T, self.bias()])
        return encoder, decoder

    def bias(self):
        """The next word is one, or the end."""
        bias = np.array(self.next_word.bias)
        bias[[PAD, START, UNKNOWN]] = -1e9
        return bias

    def step(self, tokens, state):
        output, state = self.write[1].cell(self.write[0](tokens), state)
        vectors = np.asarray(self.write[2](output))
        logits = vectors @ np.asarray(self.write[0].embeddings).T + self.bias()
        logits -= logits.max(axis=-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), [np.asarray(s) for s in state]

    def greedy(self, sources):
        state = [np.asarray(s) for s in self.encode(padded(sources))]
        token, chosen = np.full(len(sources), START), []
        for _ in range(STEPS):
            logs, state = self.step(token, state)
            token = logs.argmax(axis=-1)
            chosen.append(token)
        return [list(row[:list(row).index(END)] if END in row else row) for row in np.stack(chosen, axis=1)]

    def beam(self, source):
        state = [np.asarray(s) for s in self.encode(padded([source]))]
        live, finished = [(0.0, [START])], []
        while live:
            logs, state = self.step(np.array([chosen[-1] for _, chosen in live]), state)
            longer = [(total + logs[i, word], i, chosen + [word]) for i, (total, chosen) in enumerate(live)
                      for word in np.argsort(-logs[i])[:BEAM]]
            best = sorted(longer, key=lambda hypothesis: -hypothesis[0])[:BEAM]
            done = lambda chosen: chosen[-1] == END or len(chosen) == STEPS + 1
            finished += [(total, chosen[1:]) for total, _, chosen in best if done(chosen)]
            state = [rows[[i for _, i, chosen in best if not done(chosen)]] for rows in state]
            live = [(total, chosen) for total, _, chosen in best if not done(chosen)]
        chosen = max(finished, key=lambda hypothesis: hypothesis[0] / len(hypothesis[1]) ** POWER)[1]
        return [word for word in chosen if word != END]


class BestOf(keras.callbacks.Callback):
    """Every third epoch translates the pairs kept for that, and goes back to the best weights at the end."""

    def __init__(self, measure):
        super().__init__()
        self.measure, self.best = measure, (-1.0, None)

    def on_epoch_end(self, epoch, logs=None):
        if epoch % 3 != 2:
            return
        exact, score, _ = self.measure()
        print(f"epoch {epoch + 1}: loss {logs['loss']:.2f}, {exact} exact, BLEU {score:.1f}", flush=True)
        if score > self.best[0]:
            self.best = (score, self.model.get_weights())

    def on_train_end(self, logs=None):
        self.model.set_weights(self.best[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs")
    parser.add_argument("--out", default=Path(__file__).resolve().parent, type=Path)
    options = parser.parse_args()
    began = time.process_time()
    keras.utils.set_random_seed(SEED)
    train, stop, test = split(options.pairs)
    pieces, cutting = tokenizer(options.out / "tokenizer.json", [source for source, _ in train])
    counts = collections.Counter(word for _, target in train for word in target)
    names = NAMES + sorted((word for word, n in counts.items() if n >= LEAST), key=lambda word: (-counts[word], word))
    translator = Translator(pieces.get_vocab_size(), len(names))

    def measure(pairs, translate):
        """How many are exact, BLEU, and the translations."""
        ids = [pieces.encode(source).ids for source, _ in pairs]
        answers = [[names[word] for word in row] for row in translate(ids)]
        references = [target for _, target in pairs]
        return sum(a == r for a, r in zip(answers, references)), bleu(answers, references), answers

    batches = Batches(train, cutting, {name: i for i, name in enumerate(names)})
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * len(batches), alpha=0.05)
    translator.graph.compile(keras.optimizers.Adam(rate, clipnorm=1.0), smoothed, jit_compile=False)
    translator.graph.fit(batches, epochs=EPOCHS, verbose=0, callbacks=[BestOf(lambda: measure(stop, translator.greedy))])
    for model in translator.models():
        model.save(options.out / f"{model.name}.keras")
        print(f"{model.name}: {model.count_params()} parameters")
    (options.out / "words.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    beam = lambda sources: [translator.beam(source) for source in sources]
    print(f"trained on {len(train)} pairs in {time.process_time() - began:.0f} s of processor time")
    for name, translate in (("the likeliest word each time", translator.greedy), ("beam search", beam)):
        exact, score, answers = measure(test, translate)
        print(f"{name}: {exact} of {len(test)} pairs kept aside exact, BLEU {score:.1f}")
    for (source, target), answer in list(zip(test, answers))[:15]:
        print(source, "|", " ".join(target), "|", " ".join(answer))


main()
