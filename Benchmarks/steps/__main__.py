"""Times of one step, ours beside the machine's floor and the peers; `make bench-steps` and `make bench` run it."""

import argparse
import json
import os
import sys

# Before any engine is loaded: one thread each.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import ours
import race
from job import GATES, Job

KINDS_OF_ROWS = ("f32", "bf16", "int8", "tokens", "steps")
VOCABULARY = 8192
MANY_STEPS = 64


def numbers(text):
    return [int(part) for part in text.split(",")]


def names(allowed):
    def parse(text):
        chosen = [part.strip().lower() for part in text.split(",")]
        for part in chosen:
            if part not in allowed:
                raise argparse.ArgumentTypeError(f"'{part}' is none of {', '.join(allowed)}")
        return chosen
    return parse


def arguments():
    parser = argparse.ArgumentParser(prog="make bench-steps", description=__doc__)
    parser.add_argument("--cell", type=names(GATES), default=["lstm"], help="of lstm, gru, simplernn; commas between")
    parser.add_argument("--units", type=numbers, default=[128])
    parser.add_argument("--streams", type=numbers, default=[1, 32])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--rows", type=names(KINDS_OF_ROWS), default=["f32"], help=f"of {', '.join(KINDS_OF_ROWS)}: {VOCABULARY} random tokens, {MANY_STEPS} steps of one stream")
    parser.add_argument("--engines", type=names(("swift", *race.PEERS)), default=["swift", *race.PEERS], help="those to run beside our bare kernels")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--sample-ms", type=float, default=4, help="processor time of one engine in one round")
    parser.add_argument("--json", action="store_true", help="one object a row")
    parser.add_argument("--library", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--onednn", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def jobs(wanted):
    for cell in wanted.cell:
        for units in wanted.units:
            for streams in wanted.streams:
                plain = Job(cell, units, streams, wanted.layers)
                for row in wanted.rows:
                    if row == "tokens":
                        yield plain.with_(tokens=VOCABULARY)
                    elif row != "steps":
                        yield plain.with_(format=row)
                    elif streams == 1:
                        yield plain.with_(steps=MANY_STEPS)


HEAD = "| cell | units | streams | row | own us | floor/own | Swift/own | oneDNN/own | ORT/own | ORT net/own | PyTorch/own | f32/own |"


def table_line(row):
    own = row["own_us"]
    ratio = lambda value: f"{value:.2f}" if value is not None else "-"
    over = lambda name: ratio(row[name] / own if row.get(name) is not None else None)
    kind = f"{row['steps']} steps" if row["steps"] > 1 else "tokens" if row["input"] != "dense" else row["format"]
    shape = f"{row['layers']}x{row['units']}" if row["layers"] > 1 else row["units"]
    return (f"| {row['cell']} | {shape} | {row['streams']} | {kind} | {own:.2f} | {over('floor_us')} | {over('swift_us')} | {over('onednn_us')} "
            f"| {over('onnxruntime_us')} | {over('onnxruntime_net_us')} | {over('pytorch_us')} | {over('f32_us')} |")


def main():
    wanted = arguments()
    race.pin()
    bench = race.Bench(ours.Library(wanted.library), wanted.onednn, wanted.engines, wanted.rounds, wanted.sample_ms)
    if not wanted.json:
        print(HEAD)
        print("|--" * (HEAD.count("|") - 1) + "|")
    for job in jobs(wanted):
        row = bench.measure(job)
        print(json.dumps(row) if wanted.json else table_line(row), flush=True)


if __name__ == "__main__":
    main()
