#!/usr/bin/env python3
"""NAB's score of the anomalies that the daemon sees in the taxi passengers, for each threshold.

Usage: millrace pipe Pipelines/taxi.yaml --csv < passengers.csv | python nab.py [--threshold 0.5]

The rule, written down from Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly
Benchmark" (ICMLA 2015, arXiv:1510.03336), and checked against NAB's own scorer (github.com/numenta/NAB, nab/sweeper.py) in
what the paper leaves open: of the detections (score >= threshold) in a labelled window the earliest counts, by a sigmoid of its
place in the window, 1 at its beginning; a window without one is a false negative; a detection outside is a false
positive, by the same sigmoid of its distance behind the last window, and counts whole where that is more than three
windows' lengths away or no window came before. The first 15 % (at most 750 rows) are probation. Profile standard.
"""
import argparse
import json
import math
import sys
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1.0, 0.11, 1.0
FIRST, STEP = datetime(2014, 7, 1), timedelta(minutes=30)


def sigmoid(position):
    """-1 is a window's left edge, 0 its right edge, above 0 behind it."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def windows():
    """Labelled windows as (first row, last row)."""
    row = lambda text: round((datetime.fromisoformat(text) - FIRST) / STEP)
    return [(row(a), row(b)) for a, b in json.loads((HERE / "windows.json").read_text())]


def raw_score(detections, labelled, probation):
    """(score, windows found, false positives) of a list of rows."""
    detections = [row for row in detections if row >= probation]
    score, found, false = 0.0, 0, 0
    for first, last in labelled:
        inside = [row for row in detections if first <= row <= last]
        if inside:
            found += 1
            place = -(last - inside[0] + 1) / (last - first + 1)
            score += TRUE_POSITIVE * sigmoid(place) / sigmoid(-1)
        else:
            score -= FALSE_NEGATIVE
    for row in detections:
        if any(first <= row <= last for first, last in labelled):
            continue
        false += 1
        before = [window for window in labelled if window[1] < row]
        place = (row - before[-1][1]) / (before[-1][1] - before[-1][0]) if before else math.inf
        score += FALSE_POSITIVE * sigmoid(place)
    return score, found, false


def nab_score(scores, threshold):
    """From 0 (nothing said) to 100 (each window found at its beginning, nothing else said)."""
    labelled = windows()
    detections = [row for row, score in enumerate(scores) if score >= threshold]
    probation = min(math.floor(0.15 * len(scores)), 750)
    score, found, false = raw_score(detections, labelled, probation)
    nothing, perfect = -FALSE_NEGATIVE * len(labelled), TRUE_POSITIVE * len(labelled)
    return 100 * (score - nothing) / (perfect - nothing), found, false


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threshold", type=float, default=0.5)
    options = parser.parse_args()
    scores = [line["anomaly"] for line in map(json.loads, sys.stdin) if "anomaly" in line]
    print(f"rows                {len(scores)}, {len(windows())} labelled windows")
    score, found, false = nab_score(scores, options.threshold)
    print(f"threshold           {options.threshold:g}")
    print(f"windows found       {found} of {len(windows())}")
    print(f"rows said outside   {false}")
    print(f"NAB score           {score:.1f} (profile standard; 0 says nothing, 100 is perfect)")
    best = max({*scores}, key=lambda threshold: nab_score(scores, threshold)[0])
    print(f"best threshold      {best:.4f}, chosen by this file's labels: {nab_score(scores, best)[0]:.1f}")


if __name__ == "__main__":
    main()
