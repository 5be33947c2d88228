"""A live nn.Module becomes files that give the module's own numbers; run where torch is there."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

try:
    import torch
    from torch import nn
    from torch.nn import functional

    from millrace.export_torch import save_torch
except ImportError:
    torch = None

MILLRACE = os.environ.get("MILLRACE")


if torch is not None:
    class Tagger(nn.Module):
        """A classifier of its own class, as people write them."""

        def __init__(self, pad=4, activation=True):
            super().__init__()
            self.pad, self.activation = pad, activation
            self.conv = nn.Conv1d(3, 6, 3, dilation=2)
            self.relu = nn.ReLU()
            self.rnn = nn.LSTM(6, 5, num_layers=2, batch_first=True)
            self.drop = nn.Dropout(0.5)
            self.head = nn.Linear(5, 4)
            self.softmax = nn.Softmax(-1)

        def forward(self, x):
            x = self.conv(functional.pad(x.transpose(1, 2), (self.pad, 0))).transpose(1, 2)
            x = self.relu(x) if self.activation else functional.elu(x)
            return self.softmax(self.head(self.drop(self.rnn(x)[0])))


@unittest.skipIf(torch is None, "torch is not installed")
class SaveTorch(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = str(self.folder / "model.safetensors")

    def test_writes_weights_and_layers(self):
        module = Tagger()
        layers = save_torch(module, self.path, torch.randn(1, 9, 3))
        self.assertEqual([entry["kind"] for entry in layers],
                         ["conv_causal", "relu", "lstm", "dropout", "linear", "softmax"])
        self.assertEqual(layers[2]["prefix"], "rnn")
        written = json.loads((self.folder / "model.layers.json").read_text())
        self.assertEqual(written, {"layers": layers})
        self.assertTrue(module.training)

    @unittest.skipIf(MILLRACE is None, "MILLRACE does not name the command")
    def test_millrace_gives_the_modules_numbers(self):
        module, x = Tagger().eval(), torch.randn(1, 9, 3)
        save_torch(module, self.path, x)
        steps = self.folder / "steps.jsonl"
        steps.write_text("".join(
            json.dumps({"t": t, "x": row}) + "\n" for t, row in enumerate(x[0].tolist())))
        done = subprocess.run([MILLRACE, "model", "run", self.path, "--input", str(steps)],
                              capture_output=True, text=True, check=True)
        rows = torch.tensor([json.loads(line)["y"] for line in done.stdout.splitlines()])
        self.assertLess((rows - module(x)[0]).abs().max(), 1e-5)

    def test_the_last_step_is_seen(self):
        class Last(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding, self.rnn = nn.Embedding(7, 3, padding_idx=0), nn.GRU(3, 4)
                self.head = nn.Linear(4, 2)

            def forward(self, ids):
                return self.head(self.rnn(self.embedding(ids))[0][-1])

        layers = save_torch(Last(), self.path, torch.tensor([[1], [0], [6]]))
        self.assertEqual([entry["kind"] for entry in layers],
                         ["embedding", "gru", "linear", "last"])

    def test_what_modules_do_not_show_is_refused(self):
        with self.assertRaisesRegex(ValueError, "write activations as modules"):
            save_torch(Tagger(activation=False), self.path, torch.randn(1, 9, 3))
        with self.assertRaisesRegex(ValueError, "expected|do not give"):
            save_torch(Tagger(pad=5), self.path, torch.randn(1, 9, 3))
        with self.assertRaisesRegex(ValueError, "not streamable"):
            save_torch(nn.GRU(3, 4, bidirectional=True), self.path)
        with self.assertRaisesRegex(ValueError, "needs an example"):
            save_torch(Tagger(), self.path)
        with self.assertRaisesRegex(ValueError, "Transformer|not supported"):
            save_torch(nn.Sequential(nn.Linear(4, 4), nn.GroupNorm(2, 4)), self.path)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
