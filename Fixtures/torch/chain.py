"""Layers of PyTorch one after the other, as the models of this folder and drawn ones are made of."""
import torch
from torch import nn


class Chain(nn.Module):
    """Layers one after the other; Cells step by step, Conv1d with zeros before the sequence."""

    def __init__(self, *items, last=False):
        super().__init__()
        self.steps = nn.ModuleList(items)
        self.last = last

    def forward(self, x):
        for item in self.steps:
            if isinstance(item, nn.RNNBase):
                x = item(x)[0]
            elif isinstance(item, nn.RNNCellBase):
                state, rows = None, []
                for row in x.unbind(1):
                    state = item(row, state)
                    rows.append(state[0] if isinstance(state, tuple) else state)
                x = torch.stack(rows, 1)
            elif isinstance(item, nn.Conv1d):
                past = (item.kernel_size[0] - 1) * item.dilation[0]
                x = item(nn.functional.pad(x.transpose(1, 2), (past, 0))).transpose(1, 2)
            elif isinstance(item, nn.BatchNorm1d):
                x = item(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = item(x)
        return x[:, -1] if self.last else x
