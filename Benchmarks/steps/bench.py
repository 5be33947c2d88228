"""Both tables with the peers and the echo beside us, the goals, a JSON file and a picture: `make bench`."""

import argparse
import os
import pathlib
import time

import engines
import goals
import pipeline
import plot
import table
from job import GATES, jobs
from results import Results

UNITS, STREAMS = (64, 128, 256, 512), (1, 8, 32, 128, 512)
STACKS = ((2, 128), (3, 256), (3, 480))
RESULTS = pathlib.Path(__file__).parent.parent / "results"


STOPPED = 75  # time is over and more is to be measured


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer cells and shorter samples: under two minutes")
    parser.add_argument("--name", help="of the files in Benchmarks/results; by default the kernels and the date")
    parser.add_argument("--resume", action="store_true", help="keep the rows that a run of this name has measured")
    parser.add_argument("--seconds", type=float, help=f"stop behind the row that is under way then, with status {STOPPED} when more is to be measured")
    parser.add_argument("--calm", type=float, help="keep no row of the whole way during which others took more than this share of the cores")
    parser.add_argument("--part", choices=("steps", "pipeline"), help="one of the two tables alone")
    parser.add_argument("--pipeline", default="", help=argparse.SUPPRESS)
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


class Patience:
    """Ends the run between two rows."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds if seconds else None

    def spend(self):
        if self.end and time.monotonic() > self.end:
            print("stopped: go on with --resume")
            raise SystemExit(STOPPED)


def measure_steps(wanted, bench, results, patience):
    for title, chosen in chosen_jobs(wanted.quick):
        print(f"\n## {title}\n", table.HEAD, table.RULE, sep="\n")
        for job in chosen:
            row = results.step(job)
            if not row:
                patience.spend()
                row = bench.measure(job)
                results.add(results.steps, row)
            print(table.line(row), flush=True)
    print("\n## Goals\n", *goals.lines(results.steps), sep="\n")


def measure_pipeline(wanted, cores, results, patience):
    os.sched_setaffinity(0, cores)  # its stages are threads of their own
    print("\n## The whole way, open loop at 30 % of the rate\n", pipeline.HEAD, pipeline.RULE, sep="\n")
    for arguments in pipeline.chosen(wanted.quick):
        row = results.whole_way(arguments)
        while not row:
            patience.spend()
            row = pipeline.measure(wanted.pipeline, arguments, wanted.quick)
            if wanted.calm is not None and row["others"] > wanted.calm:
                print(f"measured again, as others took {row['others']:.0%} of the cores: {' '.join(arguments)}", flush=True)
                row = None
                continue
            results.add(results.pipeline, row)
        print(pipeline.line(row), flush=True)


def main():
    wanted = arguments()
    wanted.rounds = wanted.rounds or (9 if wanted.quick else 15)
    wanted.sample_ms = wanted.sample_ms or (2 if wanted.quick else 4)
    cores = os.sched_getaffinity(0)
    bench = engines.bench(wanted)
    about = engines.about(bench, "make bench" + (" ARGS=--quick" if wanted.quick else ""))
    name = wanted.name or f"{about['kernels']}-{about['date']}" + ("-quick" if wanted.quick else "")
    results = Results(RESULTS / f"{name}.json", about, wanted.resume)
    patience = Patience(wanted.seconds)
    if wanted.part != "pipeline":
        measure_steps(wanted, bench, results, patience)
        results.content["skipped"] = bench.missing
        caption = ", ".join(results.content[key] for key in ("command", "date", "processor", "kernels")) + ", one core"
        (RESULTS / f"{name}.svg").write_text(plot.svg(results.steps, caption))
        print(f"\nwritten: Benchmarks/results/{name}.svg")
    if wanted.part != "steps" and wanted.pipeline:
        measure_pipeline(wanted, cores, results, patience)
    results.write()
    print(f"\nwritten: Benchmarks/results/{name}.json")


if __name__ == "__main__":
    main()
