#!/usr/bin/env python3
"""Runs the Reuters test set through topics-simplernn and topics, and prints both accuracies side by side.

Usage: python3 measure.py REUTERS.jsonl.gz [--millrace PATH]      (needs nothing but Python)

REUTERS.jsonl.gz holds Reuters-21578 as JSON lines; where it is not there, nothing is measured. Each
newswire is a stream of its own; its first 99 words count, as in training, and the answer to the last.
"""
import argparse
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SEPARATORS = re.compile(r'[!"#$%&()*+,\-./:;<=>?@\[\]^_`{|}~\t\n\\]')
WORDS = 99

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("newswires", type=Path)
parser.add_argument("--millrace", default=ROOT / ".build/release/millrace", type=Path)
options = parser.parse_args()
if not options.newswires.exists():
    sys.exit(f"{options.newswires} is not there: nothing measured")
topics = (ROOT / "Fixtures/topics/labels.txt").read_text().splitlines()
with gzip.open(options.newswires, "rt", encoding="utf-8") as file:
    found = [json.loads(line) for line in file]
test = [d for d in found if len(d["topics"]) == 1 and d["body"] and d["topics"][0] in topics and d["split"] != "TRAIN"]
messages = ""
for d in test:
    text = " ".join(SEPARATORS.sub(" ", d["title"] + " " + d["body"]).split()[:WORDS])
    messages += json.dumps({"stream": f"newswire-{d['id']}", "text": text, "end": True}) + "\n"
truth = {f"newswire-{d['id']}": d["topics"][0] for d in test}
print("pipeline           right after 10 words   after 30   at the last of at most 99")
for name in ("topics-simplernn", "topics"):
    run = subprocess.run(
        [options.millrace, "pipe", ROOT / f"Pipelines/{name}.yaml"], input=messages, text=True,
        stdout=subprocess.PIPE)
    if run.returncode:
        sys.exit(run.returncode)
    answers = {}
    for line in map(json.loads, run.stdout.splitlines()):
        answers.setdefault(line["stream"], []).append(line["label"])
    # Answer 0 is to the start token; a text that is shorter is asked at its end.
    share = lambda words: sum(a[min(words, len(a) - 1)] == truth[s] for s, a in answers.items()) / len(test)
    print(f"{name:18} {share(10):20.1%} {share(30):10.1%} {share(WORDS):28.1%}")
print(f"{len(test)} newswires")
