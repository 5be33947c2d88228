#!/usr/bin/env python3
"""How soon a model of about 100 MB is ready, beside the libraries that load the same weights.

Usage: python load.py MILLRACE [--units 2048] [--inputs 1024] [--rounds 7] [--folder FOLDER]

Needs numpy, torch, safetensors, onnx and onnxruntime; and Keras in PYTHON_KERAS (another interpreter is fine) for its row. Every load is a
process of its own; the time is that of the load and one step (a `.millrace` file's probe takes two), without the start of the process and its
imports, from a file in the page cache. The step belongs to it: safetensors maps the file, and reads nothing before. Rounds of all loaders are
taken in turn; the figures are medians.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# What each loader does: {0} is the folder. The last line printed is milliseconds and peak kilobytes.
TIMED = """
import resource, sys, time
{imports}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
{load}
milliseconds = (time.perf_counter() - began) * 1e3
print(milliseconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
TORCH = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM({inputs}, {units}, batch_first=True)
        self.head = torch.nn.Linear({units}, 8)
    def forward(self, x):
        return torch.softmax(self.head(self.rnn(x)[0]), -1)
with torch.device("meta"):
    net = Net()
"""


def write(folder, inputs, units):
    """The same weights in every form."""
    code = TORCH.format(inputs=inputs, units=units).replace('with torch.device("meta"):\n    net', "torch.manual_seed(1)\nnet")
    program = f"""
import json, torch, safetensors.torch, warnings
warnings.filterwarnings("ignore")
{code}
net.eval()
state = net.state_dict()
torch.save(state, r"{folder}/model.pt")
safetensors.torch.save_file(state, r"{folder}/model.safetensors")
layers = [{{"kind": "lstm", "prefix": "rnn"}}, {{"kind": "linear", "prefix": "head"}}, {{"kind": "softmax"}}]
json.dump({{"layers": layers}}, open(r"{folder}/model.layers.json", "w"))
torch.onnx.export(net, (torch.zeros(1, 3, {inputs}),), r"{folder}/model.onnx", dynamo=False, input_names=["x"], output_names=["y"],
                  dynamic_axes={{"x": {{1: "steps"}}, "y": {{1: "steps"}}}})
"""
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if keras := os.environ.get("PYTHON_KERAS"):
        program = f"""
import keras
model = keras.Sequential([keras.layers.Input((None, {inputs})), keras.layers.LSTM({units}, return_sequences=True),
                          keras.layers.Dense(8, activation="softmax")])
model.save(r"{folder}/model.keras")
"""
        subprocess.run([keras, "-c", program], check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, stderr=subprocess.DEVNULL)


def python(interpreter, imports, load):
    def run():
        out = subprocess.run([interpreter, "-c", TIMED.format(imports=imports, load=load)], check=True, capture_output=True, text=True,
                             env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}).stdout
        return [float(word) for word in out.split()[-2:]]
    return run


def millrace(command, path):
    def run():
        out = subprocess.run(["/usr/bin/time", "-f", "%M", command, "model", "inspect", path, "--json"], check=True, capture_output=True, text=True)
        return json.loads(out.stdout)["loadMilliseconds"], float(out.stderr.split()[-1])
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--units", type=int, default=2048)
    parser.add_argument("--inputs", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", help="where the files are; written anew if it has none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.folder or scratch)
        if not (folder / "model.onnx").exists():
            write(folder, options.inputs, options.units)
        own = folder / "model.millrace"
        subprocess.run([options.millrace, "model", "convert", "--force", str(folder / "model.safetensors"), str(own)], check=True,
                       stdout=subprocess.DEVNULL)
        step = f"; net(torch.zeros(1, 1, {options.inputs}))"
        net = "import torch\n" + TORCH.format(inputs=options.inputs, units=options.units)
        loaders = {
            "millrace, .millrace": millrace(options.millrace, str(own)),
            "millrace, .safetensors": millrace(options.millrace, str(folder / "model.safetensors")),
            "millrace, .onnx": millrace(options.millrace, str(folder / "model.onnx")),
            "torch.load": python(sys.executable, net,
                                 f'net.load_state_dict(torch.load(r"{folder}/model.pt", weights_only=True), assign=True)' + step),
            "safetensors into torch": python(
                sys.executable, net + "\nimport safetensors.torch",
                f'net.load_state_dict(safetensors.torch.load_file(r"{folder}/model.safetensors"), assign=True)' + step),
            "onnxruntime session": python(
                sys.executable, "import numpy, onnxruntime",
                f'onnxruntime.InferenceSession(r"{folder}/model.onnx", providers=["CPUExecutionProvider"])'
                f'.run(None, {{"x": numpy.zeros((1, 1, {options.inputs}), "float32")}})'),
        }
        if keras := os.environ.get("PYTHON_KERAS"):
            loaders["millrace, .keras"] = millrace(options.millrace, str(folder / "model.keras"))
            loaders["keras load_model"] = python(
                keras, "import keras, numpy",
                f'keras.models.load_model(r"{folder}/model.keras")(numpy.zeros((1, 1, {options.inputs}), "float32"))')
        taken = {name: [] for name in loaders}
        for _ in range(options.rounds):
            for name, run in loaders.items():
                taken[name].append(run())
        size = own.stat().st_size
        first = statistics.median(row[0] for row in taken["millrace, .millrace"])
        print(f"{size / 1e6:.1f} MB of weights, medians of {options.rounds}")
        print(f"{'loader':24}{'ms':>9}{'min':>8}{'max':>8}{'over .millrace':>16}{'peak MB':>9}{'peak / file':>13}")
        for name, rows in taken.items():
            times = [row[0] for row in rows]
            peak = statistics.median(row[1] for row in rows) * 1024
            middle = statistics.median(times)
            print(f"{name:24}{middle:9.1f}{min(times):8.1f}{max(times):8.1f}{middle / first:16.2f}{peak / 1e6:9.0f}{peak / size:13.2f}")


if __name__ == "__main__":
    main()
