"""The Tatoeba pairs: which are trained on, which are kept aside, and how translations of those are measured."""
import collections
import math
import re
from pathlib import Path

import numpy as np

SEED = 1
# What is trained on, and what is measured: the short ones.
MOST_WORDS, MOST_CHARACTERS, SHORT_WORDS, SHORT_CHARACTERS = 8, 32, 6, 24


def words(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def korean(text):
    return re.sub(r"[^가-힣 ]", "", text).strip()


def split(path):
    """Pairs to train on, to stop by, and to measure with; no Korean sentence is in two of them, spaces aside."""
    pairs = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        english, source = line.split("\t")[:2]
        if korean(source) and words(english):
            pairs.append((korean(source), words(english)))
    short = [pair for pair in pairs if len(pair[1]) <= SHORT_WORDS and len(pair[0]) <= SHORT_CHARACTERS]
    order = np.random.default_rng(SEED).permutation(len(short))
    bare = lambda source: source.replace(" ", "")
    held = {short[i][0] for i in order[:200]}
    stop = {short[i][0] for i in order[200:500]} - held
    known = {bare(source) for source in held | stop}
    train = [(source, target) for source, target in pairs
             if bare(source) not in known and len(target) <= MOST_WORDS and len(source) <= MOST_CHARACTERS]
    return train, [pair for pair in short if pair[0] in stop], [pair for pair in short if pair[0] in held]


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
