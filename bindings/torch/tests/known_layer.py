"""A layer with known singular values, for tests of the states of power iteration."""

import torch
from torch import nn

from common import rounding

ROWS, COLUMNS = 9, 12
CLOSE = rounding(12, dtype=torch.float64, factor=512)
X = torch.eye(COLUMNS, dtype=torch.float64)


def weighted(seed):
    """A linear layer whose weight has the singular values 1, 1/2, 1/4 and so on, times 3."""
    torch.manual_seed(seed)
    layer = nn.Linear(COLUMNS, ROWS, bias=False).double()
    left, right = (torch.linalg.qr(torch.randn(n, ROWS, dtype=torch.float64))[0] for n in (ROWS, COLUMNS))
    with torch.no_grad():
        layer.weight.copy_(left * (3 * 0.5 ** torch.arange(ROWS)) @ right.T)
    return layer


def cloned(buffers):
    return {name: b.clone() for name, b in buffers.items()}
