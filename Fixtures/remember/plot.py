#!/usr/bin/env python3
"""Runs both pipelines on random texts and draws how often each still names the first letter.

Usage: python3 plot.py [--millrace PATH] [--texts N] [--out FILE.svg]      (needs nothing but Python)

Every answer counted comes from `millrace pipe`; the default output is Docs/remember.svg.
"""
import argparse
import json
import math
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PIPELINES = {"LSTM": ("remember", "#0072b2"), "SimpleRNN": ("remember-simplernn", "#d55e00")}
LATER, LETTERS, SEED, TRAINED = (5, 10, 20, 50, 100, 200), "abcdefghijklmnopqrstuvwxyz", 11, 5
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 62, 690, 40, 306


def recall(millrace, pipeline, texts):
    """The share of texts whose first letter is named, for each number of letters since."""
    messages = "".join(
        json.dumps({"stream": f"text{i}", "text": text, "end": True}) + "\n" for i, text in enumerate(texts))
    run = subprocess.run(
        [millrace, "pipe", ROOT / "Pipelines" / f"{pipeline}.yaml"], input=messages, text=True,
        stdout=subprocess.PIPE)
    if run.returncode:
        sys.exit(run.returncode)
    right, answers = [0] * len(texts[0]), [0] * len(texts[0])
    for line in map(json.loads, run.stdout.splitlines()):
        answers[line["number"]] += 1
        right[line["number"]] += line["label"] == texts[int(line["stream"][4:])][0]
    assert answers == [len(texts)] * len(texts[0])
    return [r / a for r, a in zip(right, answers)]


def drawing(curves, texts):
    x = lambda steps: LEFT + (RIGHT - LEFT) * math.log(steps) / math.log(LATER[-1])
    y = lambda share: BOTTOM - (BOTTOM - TOP) * share
    line = lambda x1, y1, x2, y2, more: f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {more}/>'
    words = lambda x, y, what, more="": f'<text x="{x:.1f}" y="{y:.1f}" {more}>{what}</text>'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13" fill="#333">',
        "<title>How often the first letter is still known: SimpleRNN and LSTM</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        words(LEFT, 22, f"First letter of 26 named correctly ({texts:,} random texts)", 'font-weight="bold"'),
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(LEFT, y(share), RIGHT, y(share), 'stroke="#ddd"'))
        parts.append(words(LEFT - 8, y(share) + 4, f"{share:.0%}", 'text-anchor="end"'))
    chance = 1 / len(LETTERS)
    parts.append(line(LEFT, y(chance), RIGHT, y(chance), 'stroke="#999" stroke-dasharray="4 4"'))
    parts.append(words(LEFT + 6, y(chance) - 5, "guessing", 'fill="#777"'))
    parts.append(line(x(TRAINED), TOP, x(TRAINED), BOTTOM, 'stroke="#999" stroke-dasharray="4 4"'))
    parts.append(words(x(TRAINED) - 6, y(0.12), "trained up to here", 'text-anchor="end" fill="#777"'))
    for steps in (1, 2, *LATER):
        parts.append(words(x(steps), BOTTOM + 18, steps, 'text-anchor="middle"'))
    parts.append(words((LEFT + RIGHT) / 2, HEIGHT - 14, "letters since the first", 'text-anchor="middle"'))
    for name, shares in curves.items():
        color = PIPELINES[name][1]
        points = " ".join(f"{x(t):.1f},{y(shares[t]):.1f}" for t in range(1, LATER[-1] + 1))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        for steps in LATER:
            parts.append(f'<circle cx="{x(steps):.1f}" cy="{y(shares[steps]):.1f}" r="4" fill="{color}"/>')
        last = shares[LATER[-1]]
        parts.append(words(
            RIGHT - 8, y(last) + 22, f"{name} {last:.1%}", f'text-anchor="end" fill="{color}" font-weight="bold"'))
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millrace", default=ROOT / ".build/release/millrace", type=Path)
    parser.add_argument("--texts", default=1000, type=int)
    parser.add_argument("--out", default=ROOT / "Docs/remember.svg", type=Path)
    options = parser.parse_args()
    draw = random.Random(SEED)
    texts = ["".join(draw.choices(LETTERS, k=LATER[-1] + 1)) for _ in range(options.texts)]
    curves = {}
    for name, (pipeline, _) in PIPELINES.items():
        curves[name] = recall(options.millrace, pipeline, texts)
        print(f"{name:10}", "  ".join(f"{steps}: {curves[name][steps]:.1%}" for steps in LATER))
    options.out.write_text(drawing(curves, len(texts)), encoding="utf-8")


main()
