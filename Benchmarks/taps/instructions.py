#!/usr/bin/env python3
"""What taps cost while nobody subscribes: instructions of their code, of all that a daemon executes.

A daemon with `monitor` runs under callgrind, which counts from the first step to the last one that a
client sends. The debug information says of each instruction which source files it comes from, also where
it was inlined: the share of Sources/Millrace/Taps and of what it calls is summed up. valgrind knows no
AVX-512, so AVX2 is stepped. At most 1 % is what is promised; beyond it the exit code is 1.

Usage: MILLRACE=.build/release/millrace instructions.py [--steps N] [--streams N] [--json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Clients/python"))

import numpy as np  # noqa: E402
from millrace import Client  # noqa: E402

MILLRACE = os.environ.get("MILLRACE", str(ROOT / ".build/release/millrace"))
WIDTH = 9
# What a daemon runs of Sources/Millrace/Taps; the rest is that of the commands that read.
FILES = {"Tap.swift", "TapTopic.swift", "TapSubscriptions.swift", "TapLimit.swift", "TapQueue.swift",
         "TapRecord.swift", "TapFeed.swift", "TapRelay.swift", "PublishingBudget.swift", "Subscribers.swift",
         "HistoryStage.swift", "HistoryPage.swift"}


def read(path: Path, program: Path) -> tuple[int, dict[int, int], list[tuple[int, int, int]], dict[int, str]]:
    """Instructions in all; those of each address of the program's own code; calls out of that code: from,
    to (0 for elsewhere), instructions of what was called; the function of each address.

    callgrind gives every object its own addresses, as its file has them, and names the object before them
    (`ob`, and `cob` where a call goes to another): the first time by number and name, then by number."""
    total = 0
    own: dict[int, int] = {}
    calls: list[tuple[int, int, int]] = []
    functions: dict[int, str] = {}
    names: dict[str, str] = {}
    inside = called_inside = False
    called: int | None = None
    function = ""

    def name(kind: str, text: str) -> str:
        number, _, given = text.partition(" ")
        if given:
            names[kind + number] = given
        return names[kind + number]

    with open(path) as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "ob":
                inside = called_inside = name("ob", value) == str(program)
            elif key == "cob":
                called_inside = name("ob", value) == str(program)
            elif key == "fn":
                function = name("fn", value)
            elif key == "cfn":
                name("fn", value)
            elif key == "calls":
                called = int(value.split()[1], 16) if called_inside else 0
                called_inside = inside
            elif line.startswith("0x"):
                words = line.split()
                at, cost = int(words[0], 16), int(words[-1])
                if called is not None:
                    if inside:
                        calls.append((at, called, cost))
                    called = None
                else:
                    total += cost
                    if inside:
                        own[at] = own.get(at, 0) + cost
                        functions[at] = function
    return total, own, calls, functions


def of_taps(addresses: set[int], functions: dict[int, str]) -> dict[int, str]:
    """The addresses whose source, or that of a function which they were inlined into, is a tap's, with the
    outermost of these. Fails where the functions are not those that callgrind named."""
    ordered = sorted(addresses)
    symbolizer = subprocess.run(
        ["llvm-symbolizer", f"--obj={MILLRACE}", "--output-style=JSON", "--inlining", "--no-demangle"],
        input="\n".join(hex(address) for address in ordered) + "\n", capture_output=True, text=True,
        check=True)
    found = {}
    same = 0
    for address, line in zip(ordered, symbolizer.stdout.splitlines(), strict=True):
        frames = json.loads(line)["Symbol"]
        same += frames[-1]["FunctionName"] == functions.get(address)
        files = [(Path(frame["FileName"]).name, frame["FunctionName"]) for frame in frames
                 if "/Sources/Millrace/Taps/" in frame["FileName"]]
        if files and files[-1][0] in FILES:
            found[address] = " ".join(files[-1])
    # Nearly all are; only the linker's own stubs have no name of the compiler's.
    if same < 0.9 * len(functions):
        raise SystemExit(f"{same} of {len(functions)} addresses are of the function that callgrind names")
    return found


def control(process: subprocess.Popen, *arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(process.pid)], check=True,
                   stdout=subprocess.DEVNULL)


def measure(arguments) -> dict:
    motion = ROOT / "Fixtures/motion"
    with tempfile.TemporaryDirectory(prefix="mr") as folder:
        pipeline, out = Path(folder) / "taps.yaml", Path(folder) / "callgrind.out"
        # valgrind does not read what newer compilers write for debuggers.
        program = Path(folder) / "millrace"
        subprocess.run(["objcopy", "--strip-debug", MILLRACE, str(program)], check=True)
        # Under valgrind a process cannot start itself to read another format.
        model = Path(folder) / "model.millrace"
        subprocess.run([MILLRACE, "model", "convert", motion / "model.keras", model], check=True,
                       stdout=subprocess.DEVNULL)
        preloaded = Path(folder) / "sigsuspend.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", preloaded, Path(__file__).with_name("sigsuspend.c")],
                       check=True)
        endpoint = f"ipc://{folder}/in"
        pipeline.write_text(f"ingress: {endpoint}\nmonitor: ipc://{folder}/taps\nmodel: {model}\n"
                            f"labels: {motion}/labels.txt\nsink: {{ file: /dev/null }}\n"
                            f"tokenizer: {{ kind: values, scaling: {motion}/scaling.json }}\n")
        daemon = subprocess.Popen(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--instr-atstart=no",
             "--dump-instr=yes", "--compress-pos=no", "--demangle=no", "-q",
             str(program), "run", str(pipeline), "--log-level", "notice"],
            stderr=subprocess.PIPE, text=True,
            env=os.environ | {"MILLRACE_KERNELS": "avx2", "SWIFT_BACKTRACE": "enable=no",
                              "LD_PRELOAD": str(preloaded)})
        said = []
        while "msg=ready" not in (line := daemon.stderr.readline()):
            said.append(line)
            if not line and daemon.poll() is not None:
                raise SystemExit("the daemon did not start:\n" + "".join(said))
        rows = np.random.default_rng(1).normal(size=(arguments.message, WIDTH)).astype("f4")
        with Client(endpoint, timeout=600, silence=120) as client:
            def send(messages: int) -> None:
                for index in range(messages):
                    client.send(f"s{index % arguments.streams}", rows)
                client.drain(600)

            send(arguments.streams)
            control(daemon, "--instr=on")
            began = time.monotonic()
            send(arguments.steps // arguments.message)
            seconds = time.monotonic() - began
            control(daemon, "--instr=off")
        daemon.terminate()
        daemon.communicate(timeout=120)
        total, own, calls, functions = read(out, program)
    taps = of_taps(own.keys() | {at for at, _, _ in calls} | {to for _, to, _ in calls if to}, functions)
    if not taps:
        raise SystemExit(f"none of the daemon's {len(own)} addresses is a tap's, which cannot be")
    # What taps call belongs to them; what of it is theirs is counted where it stands.
    places: dict[str, int] = {}
    for at, cost in list(own.items()) + [(at, cost) for at, to, cost in calls if to not in taps]:
        if at in taps:
            places[taps[at]] = places.get(taps[at], 0) + cost
    cost = sum(places.values())
    steps = arguments.steps // arguments.message * arguments.message
    return {"steps": steps, "steps_a_message": arguments.message, "seconds_under_callgrind": seconds,
            "instructions_a_step": total / steps, "of_taps_a_step": cost / steps,
            "percent_of_taps": 100 * cost / total,
            "where": {place: cost / steps for place, cost in sorted(places.items(), key=lambda one: -one[1])}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--message", type=int, default=8, help="steps a message")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for place, cost in figures.pop("where").items():
            print(f"{cost:10.3f} a step  {place}")
        for name, value in figures.items():
            print(f"{name:26} {value:.3f}" if isinstance(value, float) else f"{name:26} {value}")
    if figures["percent_of_taps"] > 1:
        print("taps cost more than 1 % while nobody subscribes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
