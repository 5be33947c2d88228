"""The file of a run, written behind every row, so that an interrupted run can be gone on with."""

import json

SAME = ("command", "processor", "kernels", "rounds", "versions")


class Results:
    def __init__(self, path, about, resumes):
        self.path = path
        self.content = {**about, "steps": [], "endToEnd": []}
        if resumes and path.exists():
            kept = json.loads(path.read_text())
            for name in SAME:
                if kept[name] != about[name]:
                    raise SystemExit(f"{path.name}: {name} is {kept[name]}, here {about[name]}: start anew without --resume, or choose a --name")
            self.content = kept

    @property
    def steps(self):
        return self.content["steps"]

    @property
    def pipeline(self):
        return self.content["endToEnd"]

    def step(self, job):
        """The row that was measured for a job, if it was."""
        for row in self.steps:
            shape = (row["cell"], row["units"], row["streams"], row["layers"], row["format"], row["steps"], row["input"] != "dense")
            if shape == (job.cell, job.units, job.streams, job.layers, job.format, job.steps, job.tokens > 0):
                return row
        return None

    def whole_way(self, arguments):
        return next((row for row in self.pipeline if row["arguments"] == arguments), None)

    def add(self, rows, row):
        rows.append(row)
        self.write()

    def write(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.content, indent=1) + "\n")
