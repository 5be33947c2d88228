#!/usr/bin/env python3
"""Translates the pairs kept aside through translate and translate-beam, and prints how many are exact, and BLEU.

Usage: python3 measure.py PAIRS.tsv [--millrace PATH]      (needs numpy)

PAIRS.tsv is what train.py reads; where it is not there, nothing is measured. Each sentence is a stream of its own.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

from pairs import bleu, split

ROOT = Path(__file__).resolve().parent.parent.parent

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("pairs", type=Path)
parser.add_argument("--millrace", default=ROOT / ".build/release/millrace", type=Path)
options = parser.parse_args()
if not options.pairs.exists():
    sys.exit(f"{options.pairs} is not there: nothing measured")
_, _, test = split(options.pairs)
sentences = sorted({source for source, _ in test})
messages = "".join(json.dumps({"stream": f"s{i}", "text": text, "end": True}) + "\n" for i, text in enumerate(sentences))
print(f"{'pipeline':16} exact of {len(test)}   BLEU")
for name in ("translate", "translate-beam"):
    run = subprocess.run([options.millrace, "pipe", ROOT / f"Pipelines/{name}.yaml"], input=messages, text=True, stdout=subprocess.PIPE)
    if run.returncode:
        sys.exit(run.returncode)
    answers = {text: [] for text in sentences}
    for line in map(json.loads, run.stdout.splitlines()):
        answers[sentences[int(line["stream"][1:])]].append(line["token"])
    hypotheses, references = [answers[source] for source, _ in test], [target for _, target in test]
    exact = sum(hypothesis == reference for hypothesis, reference in zip(hypotheses, references))
    print(f"{name:16} {exact:12} {bleu(hypotheses, references):6.1f}")
