#!/usr/bin/env python3
"""Draws the gates and c of the LSTM in Pipelines/gates.yaml over a text, as the taps of a daemon tell them.

Usage: python3 picture.py [--millrace PATH] [--text LETTERS] [--out FILE.svg]      (needs pyzmq and numpy)

Starts the daemon, subscribes to tap/inference/gates and tap/inference/state, sends the text, draws what comes.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Clients/python"))
import numpy as np
import zmq
from millrace import Client

CELL, GAP, LEFT, TOP = 7, 34, 92, 78
PANELS = [("f", "forget gate f", 0, 1), ("i", "input gate i", 0, 1), ("o", "output gate o", 0, 1),
          ("h", "h, what it answers with", -1, 1), ("c", "c, what it remembers", None, None)]


def told(socket, stream, steps, deadline):
    """{(what, number): rows} of one stream, until both taps have told every step."""
    found = {}
    while len(found) < 2 * steps:
        if not socket.poll(max(0, deadline - time.monotonic()) * 1000):
            raise SystemExit("the taps told nothing for 20 seconds")
        topic, header, payload, *_ = socket.recv_multipart()
        _, _, what, name, _ = topic.decode().split("/", 4)
        if name != stream:
            continue
        count, width, number = struct.unpack_from("<IIQ", header, 8)
        found[what, number] = np.frombuffer(payload, "<f4").reshape(count, width)
    return found


def listen(socket, client):
    """Sends letters of other streams until both taps are heard."""
    heard, number = set(), 0
    while heard != {"gates", "state"}:
        client.send(f"warm{number}", "a", start=True, end=True)
        client.drain(timeout=10)
        number += 1
        while socket.poll(20):
            heard.add(socket.recv_multipart()[0].decode().split("/")[2])


def record(millrace, text):
    with tempfile.TemporaryDirectory() as folder:
        ends = {name: f"ipc://{folder}/{name.lower()}" for name in ("INGRESS", "MONITOR")}
        environment = os.environ | {f"MILLRACE_GATES_{name}": end for name, end in ends.items()}
        daemon = subprocess.Popen([millrace, "run", ROOT / "Pipelines/gates.yaml"], env=environment,
                                  stderr=subprocess.PIPE, text=True)
        try:
            while "msg=ready" not in (line := daemon.stderr.readline()):
                if not line:
                    raise SystemExit("the daemon did not start")
            socket = zmq.Context.instance().socket(zmq.SUB)
            socket.setsockopt(zmq.RCVHWM, 0)
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(ends["MONITOR"])
            for what in ("gates", "state"):
                socket.subscribe(f"tap/inference/{what}/")
            with Client(ends["INGRESS"]) as client:
                listen(socket, client)
                client.send("text", text, start=True, end=True)
                found = told(socket, "text", len(text), time.monotonic() + 20)
                client.drain(timeout=10)
            socket.close()
        finally:
            daemon.terminate()
            daemon.wait(10)
    steps = range(len(text))
    gates = np.stack([found["gates", t] for t in steps])
    state = np.stack([found["state", t][0] for t in steps])
    units = gates.shape[2]
    rows = {name: gates[:, index] for index, name in enumerate("ifgo")}
    return rows | {"h": state[:, :units], "c": state[:, units:]}


def color(share):
    """White at 0; blue towards 1, orange towards -1."""
    strong = (0, 90, 160) if share > 0 else (200, 85, 0)
    return "#" + "".join(f"{round(255 + (s - 255) * min(1, abs(share))):02x}" for s in strong)


def drawing(rows, text):
    width = LEFT + len(text) * CELL * 2 + 30
    units = rows["c"].shape[1]
    panel = units * CELL + GAP
    height = TOP + len(PANELS) * panel + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="13" fill="#333">',
        f"<title>Gates and state of an LSTM over the text {text}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-weight="bold">An LSTM of {units} units reads a text</text>',
        f'<text x="{LEFT}" y="58" fill="#777">one column a letter, one row a unit</text>',
        f'<text x="{LEFT}" y="40" fill="#777">blue: towards 1, orange: below 0; c in parts of its largest '
        f'value, {np.abs(rows["c"]).max():.0f}</text>',
    ]
    for place, (name, title, low, high) in enumerate(PANELS):
        top = TOP + place * panel + 18
        values = rows[name] / (np.abs(rows[name]).max() if high is None else 1)
        parts.append(f'<text x="{LEFT}" y="{top - 5}">{title}</text>')
        parts.append(f'<text x="{LEFT - 10}" y="{top + units * CELL / 2}" text-anchor="end" font-size="20">{name}</text>')
        for unit in range(units):
            # Letters of one color are one rectangle.
            for shade, run in groupby(range(len(text)), lambda t: color(round(values[t, unit] * 20) / 20)):
                run = list(run)
                if shade != "#ffffff":
                    parts.append(f'<rect x="{LEFT + run[0] * CELL * 2}" y="{top + unit * CELL}" '
                                 f'width="{len(run) * CELL * 2}" height="{CELL}" fill="{shade}"/>')
        parts.append(f'<rect x="{LEFT}" y="{top}" width="{len(text) * CELL * 2}" height="{units * CELL}" '
                     'fill="none" stroke="#bbb"/>')
        for t, letter in enumerate(text):
            parts.append(f'<text x="{LEFT + (t + 0.5) * CELL * 2}" y="{top + units * CELL + 11}" font-size="10" '
                         f'text-anchor="middle" fill="#777">{letter}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millrace", default=ROOT / ".build/release/millrace", type=Path)
    parser.add_argument("--text", default="rememberthefirstletterofthistext")
    parser.add_argument("--out", default=ROOT / "Docs/gates.svg", type=Path)
    options = parser.parse_args()
    rows = record(options.millrace, options.text)
    options.out.write_text(drawing(rows, options.text), encoding="utf-8")
    kept = (rows["f"] > 0.9).mean()
    print(f"{len(options.text)} letters, {rows['c'].shape[1]} units; the forget gate is above 0.9 in {kept:.0%}, "
          f"|c| grows to {np.abs(rows['c']).max():.1f}, |h| stays below {np.abs(rows['h']).max():.3f}")


main()
