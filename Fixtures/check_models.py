#!/usr/bin/env python3
"""Runs every model file of every case below some folders through `millrace model run`: within tolerance, or refused as the case says.

Usage: python check_models.py MILLRACE FOLDER...      (needs nothing but Python)

A case is a folder with model files and what their origin answers to recorded steps:
  steps.jsonl or streams/*.jsonl    {"t","x","y"}, or rows with "k" behind the last x (see golden/PROVENANCE.md)
  case.json                         `mode` and `tolerance`, where there is one; the layers of a .safetensors file
or, of ONNX' own operator tests, a case.json with `inputs` X [steps, streams, values] and `outputs`.
Exits with 1 when a file is answered wrongly, when one is refused that must run, or one runs that must be refused.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

FORMS = [".keras", ".h5", ".safetensors", ".onnx", ".millrace"]
# Where a case names none.
TOLERANCE = {"abs": 2e-5, "rel": 2e-4}


def run(millrace, model, steps, case_file):
    """What `model run` prints for the steps, and its exit code and error line."""
    command = [millrace, "model", "run", model, "--input", "-"]
    if model.suffix == ".safetensors" and not model.with_suffix(".layers.json").exists():
        command += ["--layers", case_file]
    done = subprocess.run(command, input="".join(json.dumps(step) + "\n" for step in steps), capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode, done.stderr.strip()


def streams(folder, case):
    """The recorded streams of a case: lists of steps."""
    if "inputs" in case:
        shape, values = case["inputs"]["X"]["shape"], case["inputs"]["X"]["data"]
        name, output = next(iter(case["outputs"].items()))
        count, width = output["shape"][-2], output["shape"][-1]
        if shape[0] != 1:
            sys.exit(f"{folder}: {shape[0]} steps of {name}; only operator tests of one step are known")
        for i in range(count):
            yield [{"t": 0, "x": values[i * shape[2]:(i + 1) * shape[2]], "y": output["data"][i * width:(i + 1) * width]}]
        return
    for file in [folder / "steps.jsonl"] if (folder / "steps.jsonl").exists() else sorted((folder / "streams").glob("*.jsonl")):
        yield [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def difference(rows, expected, tolerance):
    """The largest difference, or a sentence that says what does not fit."""
    if len(rows) != len(expected):
        return f"{len(rows)} answers, expected {len(expected)}"
    largest = 0.0
    for row, step in zip(rows, expected):
        if len(row["y"]) != len(step["y"]):
            return f"step {step['t']}: {len(row['y'])} values, expected {len(step['y'])}"
        for have, want in zip(row["y"], step["y"]):
            # null is what is no number.
            if have is None or not abs(have - want) <= tolerance["abs"] + tolerance["rel"] * abs(want):
                return f"step {step['t']}: expected {want}, received {have}"
            largest = max(largest, abs(have - want))
    return largest


def check(millrace, folder, model):
    """What became of one model file of a case: its largest difference, a refusal that is right, or what is wrong."""
    case_file = folder / "case.json"
    case = json.loads(case_file.read_text(encoding="utf-8")) if case_file.exists() else {}
    largest = 0.0
    for steps in streams(folder, case):
        rows, code, error = run(millrace, model, [{"t": s["t"], "x": s["x"]} for s in steps if "x" in s], case_file)
        if case.get("mode") == "reject":
            # The line names the model file or the one with its layers.
            refused = code == 65 and not rows and "\n" not in error and str(folder) in error
            return ("refused", error) if refused else ("wrong", f"must be refused; exit {code}, {len(rows)} rows, {error}")
        if code:
            return "wrong", f"exit {code}: {error}"
        if not any("k" in step for step in steps):
            # Behind a window no step has a row of its own but those that complete one; Millrace answers every step.
            compared = {step["t"] for step in steps if "y" in step}
            if len(rows) != len(steps):
                return "wrong", f"{len(rows)} answers, expected one for each of {len(steps)} steps"
            rows = [row for row in rows if row["t"] in compared]
        found = difference(rows, [step for step in steps if "y" in step], case.get("tolerance", TOLERANCE))
        if isinstance(found, str):
            return "wrong", found
        largest = max(largest, found)
    return "right", largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    counts = {"right": 0, "refused": 0, "wrong": 0}
    worst = 0.0
    for root in options.folders:
        cases = sorted({file.parent for pattern in ("steps.jsonl", "streams", "case.json") for file in root.rglob(pattern)})
        for folder in cases:
            for model in sorted(file for file in folder.iterdir() if file.suffix in FORMS):
                verdict, what = check(options.millrace, folder, model)
                counts[verdict] += 1
                if verdict == "right":
                    worst = max(worst, what)
                print(f"{verdict:8} {model.relative_to(root.parent)}  {what if verdict != 'right' else f'{what:.1e}'}", flush=True)
    print(f"{counts['right']} right (largest difference {worst:.2g}), {counts['refused']} refused as they must be, {counts['wrong']} wrong")
    sys.exit(1 if counts["wrong"] or not counts["right"] else 0)


main()
