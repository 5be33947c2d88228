"""Draws an LSTM at work, live: plot.py [--text LETTERS] [--out gates.png] [--show]

Starts a daemon on Pipelines/gates.yaml, sends it a text letter by letter, and draws its answers as
they come, with the forget gate, the input gate and what c remembers, which its taps tell.
"""

import argparse
import pathlib

import matplotlib.pyplot as plt
import numpy as np

from millrace import Daemon, gates_of

PIPELINE = pathlib.Path(__file__).resolve().parents[3] / "Pipelines" / "gates.yaml"
PANELS = {"f": "forget gate f", "i": "input gate i", "c": "c, what it remembers"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def live(daemon, text):
    """Yields each letter's answer, with the gates of its step and the state behind it."""
    with daemon.client() as client, \
            daemon.tap("tap/inference/gates/text/", "tap/inference/state/text/") as tap:
        for letter in text:
            client.send("text", letter)
            answer = client.receive()
            found = {}
            while len(found) < 6:
                topic, message = tap.receive()
                if "/gates/" in topic:
                    found |= gates_of(message)
                else:
                    found["h"], found["c"] = np.split(message.values()[0], 2)
            yield answer.values[0], found
        print(f"{len(text)} letters, {tap.lost} messages of the taps lost")


def draw(axes, text, answers, steps):
    for axis in axes:
        axis.clear()
    sure = [row[LETTERS.index(text[0])] for row in answers]
    axes[0].bar(range(len(sure)), sure, color="tab:blue")
    axes[0].set(xlim=(-0.5, len(text) - 0.5), ylim=(0, 1.05), ylabel="score",
                title=f"after each letter: how sure it is that the text began with {text[0]}")
    for axis, (name, title) in zip(axes[1:], PANELS.items(), strict=True):
        values = np.full((len(steps[0][name]), len(text)), np.nan)
        values[:, :len(steps)] = np.array([step[name] for step in steps]).T
        largest = np.nanmax(np.abs(values)) if name == "c" else 1
        axis.imshow(values / largest, cmap="RdBu", vmin=-1, vmax=1, aspect="auto",
                    interpolation="nearest")
        axis.set(title=title + " (blue: towards 1, red: below 0; one row a unit)", ylabel="unit")
    for axis in axes:
        axis.set_xticks(range(len(text)), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", default="rememberthefirstletterofthistext")
    parser.add_argument("--out", default="gates.png")
    parser.add_argument("--show", action="store_true", help="draw in a window while it goes on")
    options = parser.parse_args()
    if not options.text or set(options.text) - set(LETTERS):
        parser.error(f"the text is {options.text!r}; this model knows the letters a to z")
    figure, axes = plt.subplots(4, figsize=(11, 10), layout="constrained")
    answers, steps = [], []
    with Daemon(PIPELINE) as daemon:
        for answer, step in live(daemon, options.text):
            answers.append(answer)
            steps.append(step)
            if options.show:
                draw(axes, options.text, answers, steps)
                plt.pause(0.1)
    draw(axes, options.text, answers, steps)
    figure.savefig(options.out, dpi=90)
    print(f"wrote {options.out}")
    if options.show:
        plt.show()


if __name__ == "__main__":
    main()
