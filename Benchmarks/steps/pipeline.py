"""The second table: the whole way through the sockets beside an echo, by the program of `Benchmarks/EndToEnd`."""

import json
import os
import resource
import subprocess
import time

TRANSPORTS = ("inproc", "ipc", "tcp")
HEAD = "| over | streams | steps a message | steps/s | of the model alone | of the echo | p50 us (echo) | p99 us (echo) | p99.9 us (echo) |"
RULE = "|--" * (HEAD.count("|") - 1) + "|"


def chosen(quick):
    """What is measured, as arguments of the program; one row of the table each, or one figure."""
    if quick:
        return [["--only", "rows", "--transport", "ipc", "--streams", "128", "--steps", "8"], ["--only", "lone", "--transport", "ipc"]]
    shapes = [(transport, streams, steps) for transport in TRANSPORTS for streams in (1, 8, 128) for steps in (1, 8, 64)]
    shapes += [(transport, 10_000, 8) for transport in TRANSPORTS]
    rows = [["--only", "rows", "--transport", transport, "--streams", str(streams), "--steps", str(steps)] for transport, streams, steps in shapes]
    return rows + [["--only", "lone", "--transport", transport] for transport in TRANSPORTS] + [["--only", "memory"]]


def measure(program, arguments, quick):
    """A row; `others` is the share of all cores that other processes took meanwhile."""
    command = [program, "--json", *(["--quick"] if quick else []), *arguments]
    before = busy_seconds(), own_seconds(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    busy, own, passed = (now - then for now, then in zip((busy_seconds(), own_seconds(), time.monotonic()), before))
    others = max(0, busy - own) / passed / os.cpu_count()
    return {"arguments": arguments, **json.loads(done.stdout), "others": round(others, 3)}


def busy_seconds():
    """What all cores have worked since the machine was started, and what its host took from them."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, *interrupts_and_stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(interrupts_and_stolen)) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def line(row):
    if "lone" in row:
        return f"a lone step over {row['lone']}: p50 {row['p50']:.0f} us, echo {row['echoP50']:.0f} us, ratio {row['p50'] / row['echoP50']:.2f}"
    if "idleStreamBytes" in row:
        return f"an idle stream: {row['idleStreamBytes']} bytes, its state of {row['stateBytes']} and its name of 8 to 11 among them"
    pairs = (("p50", "echoP50"), ("p99", "echoP99"), ("p999", "echoP999"))
    cells = [row["transport"], str(row["streams"]), str(row["stepsPerMessage"]), f"{row['stepsPerSecond']:,.0f}", f"{row['ofBare']:.2f}",
             f"{row['ofEcho']:.2f}"]
    return "| " + " | ".join(cells + [f"{row[own]:.0f} ({row[echo]:.0f})" for own, echo in pairs]) + " |"
