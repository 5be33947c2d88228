"""Sets up a run: one thread for every engine, one core, the library and the peers."""

import os

# Before any engine is loaded.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import datetime
import importlib.metadata

import ours
import peers
import race


def add_arguments(parser):
    parser.add_argument("--rounds", type=int, help="in which all engines take turns; the figures are medians")
    parser.add_argument("--sample-ms", type=float, help="processor time of one engine in one round")
    parser.add_argument("--engines", type=one_of(("swift", *race.PEERS)), default=["swift", *race.PEERS], help="those beside our bare kernels")
    parser.add_argument("--library", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--onednn", default="", help=argparse.SUPPRESS)


def one_of(allowed):
    def parse(text):
        chosen = [part.strip().lower() for part in text.split(",")]
        for part in chosen:
            if part not in allowed:
                raise argparse.ArgumentTypeError(f"'{part}' is none of {', '.join(allowed)}")
        return chosen
    return parse


def numbers(text):
    chosen = [int(part) for part in text.split(",")]
    if min(chosen) < 1:
        raise argparse.ArgumentTypeError("expected numbers from 1")
    return chosen


def bench(wanted):
    """Pins the process to one core, away from the first one, which takes most interrupts."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return race.Bench(ours.Library(wanted.library), wanted.onednn, wanted.engines, wanted.rounds, wanted.sample_ms)


def about(bench, command):
    """Where the figures come from."""
    versions = {}
    for name in ("onnxruntime", "torch"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    try:
        versions["onednn"] = peers.OneDNN.version(bench.onednn)
    except OSError:
        pass
    return {
        "command": command, "date": datetime.date.today().isoformat(), "processor": processor(), "kernels": bench.library.kernels,
        "rounds": bench.rounds, "versions": versions, "skipped": bench.missing,
    }


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"
