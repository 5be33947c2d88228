"""Times of one step, ours beside the machine's floor and the peers: `make bench-steps`."""

import argparse
import json

import engines
import table
from job import GATES, KINDS_OF_ROWS, MANY_STEPS, VOCABULARY, jobs



def arguments():
    parser = argparse.ArgumentParser(prog="make bench-steps", description=__doc__)
    parser.add_argument("--cell", type=engines.one_of(tuple(GATES)), default=["lstm"], help=f"of {', '.join(GATES)}; commas between")
    parser.add_argument("--units", type=engines.numbers, default=[128])
    parser.add_argument("--streams", type=engines.numbers, default=[1, 32])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument(
        "--rows", type=engines.one_of(KINDS_OF_ROWS), default=["f32"],
        help=f"of {', '.join(KINDS_OF_ROWS)}: tokens are {VOCABULARY} random rows of a table, steps {MANY_STEPS} of one stream in one call")
    parser.add_argument("--json", action="store_true", help="one object a row")
    engines.add_arguments(parser)
    parser.set_defaults(rounds=11, sample_ms=4)
    return parser.parse_args()


def main():
    wanted = arguments()
    bench = engines.bench(wanted)
    if not wanted.json:
        print(table.HEAD, table.RULE, sep="\n")
    for job in jobs(wanted.cell, wanted.units, wanted.streams, wanted.rows, wanted.layers):
        row = bench.measure(job)
        print(json.dumps(row) if wanted.json else table.line(row), flush=True)


if __name__ == "__main__":
    main()
