"""Rounds in which all engines take turns in one process; medians."""

import sys

import numpy as np

import ours
import peers

CHECKED_CALLS = 3
# Largest difference from our own answer that a peer may have and still be called the same step.
TOLERANCE = {"f32": 1e-4, "bf16": 5e-2, "int8": 5e-2}
PEERS = ("onednn", "onnxruntime", "pytorch")


class Bench:
    def __init__(self, library, onednn, wanted, rounds, sample_ms):
        self.library, self.onednn, self.wanted = library, onednn, wanted
        self.rounds, self.sample = rounds, sample_ms * 1e-3
        self.missing = {}  # peer: why it cannot be had at all

    def engines(self, job):
        """Pairs of a column and an engine; the first is the one that the others are compared with."""
        library = self.library
        made = [("own", ours.Bare(library, job))]
        if job.format != "f32" or job.tokens or job.steps > 1:
            made.append(("f32", ours.Bare(library, job.with_(format="f32", tokens=0, steps=1))))
        makers = [("swift", lambda: ours.Swift(library, job))]
        makers.append(("onednn", lambda: peers.OneDNN(self.onednn, library, job)))
        makers.append(("onnxruntime", lambda: peers.OnnxRuntime(library, job)))
        makers.append(("onnxruntime_empty", peers.EmptyCall))
        makers.append(("pytorch sequence", lambda: peers.PyTorch(library, job, "sequence")))
        makers.append(("pytorch cells", lambda: peers.PyTorch(library, job, "cells")))
        for name, make in makers:
            owner = name.split()[0].split("_")[0]
            if owner not in self.wanted or owner in self.missing or (name == "onnxruntime_empty" and "onnxruntime" not in dict(made)):
                continue
            try:
                made.append((name, make()))
            except peers.Skipped:
                continue
            except (ImportError, OSError, RuntimeError) as error:
                self.miss(owner, str(error).splitlines()[0])
        return made

    def miss(self, name, reason):
        if name not in self.missing:
            self.missing[name] = reason
            print(f"skipped: {name}: {reason}", file=sys.stderr)

    def agreeing(self, job, engines):
        """Without those that answer otherwise than we do after a few calls from zero."""
        kept, own = [], None
        for name, engine in engines:
            engine.run(CHECKED_CALLS)
            if name not in ("f32", "onnxruntime_empty"):
                answer = engine.answer()
                own = answer if own is None else own
                difference = float(np.abs(answer - own).max())
                limit = 0 if name == "swift" else TOLERANCE[job.format]
                if not difference <= limit:
                    print(f"skipped: {name}, {job}: differs by {difference:.3g}, expected at most {limit}", file=sys.stderr)
                    engine.close()
                    continue
            kept.append((name, engine))
        return kept

    def repeats(self, engine):
        taken, times = engine.run(2), 2
        while taken < self.sample / 4 and times < 1 << 20:
            times *= 2
            taken = engine.run(times)
        return max(1, round(times * self.sample / taken))

    def measure(self, job):
        """One row of figures."""
        engines = self.agreeing(job, self.engines(job))
        floor = ours.Floor(self.library, job)
        counts = [self.repeats(engine) for _, engine in engines]
        samples = {name: [] for name, _ in engines}
        for turn in range(self.rounds):
            floor.sample()
            for (name, engine), times in zip(engines, counts):
                samples[name].append(engine.run(times) / times * 1e6)
        for _, engine in engines:
            engine.close()
        us = {name: float(np.median(values)) for name, values in samples.items()}
        if job.steps > 1:
            us = {name: value if name == "onnxruntime_empty" or name == "f32" else value / job.steps for name, value in us.items()}
        return self.row(job, us, floor)

    def row(self, job, us, floor):
        forms = {name.split()[1]: value for name, value in us.items() if name.startswith("pytorch")}
        row = {
            "cell": job.cell, "units": job.units, "layers": job.layers, "streams": job.streams, "format": job.format,
            "input": f"{job.tokens} tokens" if job.tokens else "dense", "steps": job.steps,
            "own_us": us["own"], "swift_us": us.get("swift"), "floor_us": floor.us(), "onnxruntime_us": us.get("onnxruntime"),
            "onednn_us": us.get("onednn"), "pytorch_us": min(forms.values(), default=None),
        }
        if forms:
            row["pytorch_form"] = min(forms, key=forms.get)
        if "onnxruntime_empty" in us:
            empty = us["onnxruntime_empty"] / job.steps
            row["onnxruntime_empty_us"] = empty
            row["onnxruntime_net_us"] = us["onnxruntime"] - empty
        if "f32" in us:
            row["f32_us"] = us["f32"]
        row.update(floor.parts_us())
        row["rounds"] = self.rounds
        row["kernels"] = self.library.kernels
        return {key: (round(value, 4) if isinstance(value, float) and value == value else None if isinstance(value, float) else value) for key, value in row.items()}

