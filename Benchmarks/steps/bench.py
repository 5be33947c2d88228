"""The whole table with the peers beside it, the goals, a JSON file and a picture: `make bench`."""

import argparse
import json
import pathlib

import engines
import goals
import plot
import table
from job import GATES, jobs

UNITS, STREAMS = (64, 128, 256, 512), (1, 8, 32, 128, 512)
STACKS = ((2, 128), (3, 256), (3, 480))
RESULTS = pathlib.Path(__file__).parent.parent / "results"


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer cells and shorter samples: under two minutes")
    parser.add_argument("--name", help="of the files in Benchmarks/results; by default the kernels and the date")
    engines.add_arguments(parser)
    return parser.parse_args()


def chosen_jobs(quick):
    cells = tuple(GATES)
    yield "One step, f32", list(jobs(cells, UNITS, (1, 32, 512) if quick else STREAMS, ["f32"]))
    yield "Stacks, one stream", [job for layers, units in STACKS for job in jobs(cells[:1] if quick else cells, [units], [1], ["f32"], layers)]
    extra = ["bf16", "int8", "tokens", "steps"]
    if quick:
        yield "Formats, token table, many steps", list(jobs(cells[:1], (128,), (1, 32), extra))
    else:
        yield "Formats, token table, many steps", list(jobs(cells, UNITS, (1, 8, 32, 128), extra))


def main():
    wanted = arguments()
    wanted.rounds = wanted.rounds or (9 if wanted.quick else 15)
    wanted.sample_ms = wanted.sample_ms or (2 if wanted.quick else 4)
    bench = engines.bench(wanted)
    rows = []
    for title, chosen in chosen_jobs(wanted.quick):
        print(f"\n## {title}\n", table.HEAD, table.RULE, sep="\n")
        for job in chosen:
            rows.append(bench.measure(job))
            print(table.line(rows[-1]), flush=True)
    print("\n## Goals\n", *goals.lines(rows), sep="\n")

    about = engines.about(bench, "make bench" + (" ARGS=--quick" if wanted.quick else ""))
    name = wanted.name or f"{about['kernels']}-{about['date']}" + ("-quick" if wanted.quick else "")
    RESULTS.mkdir(exist_ok=True)
    # `endToEnd` is for the second table, over inproc, ipc and tcp.
    content = {**about, "steps": rows, "endToEnd": []}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    caption = f"{about['command']}, {about['date']}, {about['processor']}, one core, {about['kernels']}"
    (RESULTS / f"{name}.svg").write_text(plot.svg(rows, caption))
    print(f"\nwritten: Benchmarks/results/{name}.json and .svg")


if __name__ == "__main__":
    main()
