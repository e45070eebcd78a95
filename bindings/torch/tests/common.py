"""Shared by the tests: tolerances, and the two interfaces of PyTorch next to ours."""

import copy
import unittest

import torch
from torch import nn

import sigmax.torch

TORCH_NEW = torch.nn.utils.parametrizations.spectral_norm
TORCH_OLD = torch.nn.utils.spectral_norm
OURS_NEW = sigmax.torch.spectral_norm
OURS_OLD = sigmax.torch.nn.utils.spectral_norm


def rounding(*sizes, dtype=torch.float32, factor=8):
    """A relative tolerance for sums over `sizes` entries in the given precision: factor * max(sizes) * epsilon."""
    return factor * max(sizes) * torch.finfo(dtype).eps


def close(test, found, expected, tolerance, what=""):
    """Asserts that entries agree within `tolerance` times the largest expected entry."""
    scale = max(expected.abs().max().item(), torch.finfo(expected.dtype).tiny) if expected.numel() else 1.0
    error = (found - expected).abs().max().item() / scale if expected.numel() else 0.0
    test.assertLessEqual(error, tolerance, f"{what}: relative error {error:.3g}")


def twins(make, ours, theirs, seed=0, **options):
    """One module normalized by ours and by theirs, with the same random numbers."""
    torch.manual_seed(seed)
    first = make()
    second = copy.deepcopy(first)
    torch.manual_seed(seed + 1)
    first = ours(first, **options)
    torch.manual_seed(seed + 1)
    second = theirs(second, **options)
    return first, second


def largest(weight, dim=0):
    """The largest singular value by LAPACK, in double."""
    matrix = weight.detach().movedim(dim, 0).flatten(1)
    return torch.linalg.matrix_norm(matrix.to(torch.complex128 if matrix.is_complex() else torch.float64), 2).item()


class TestCase(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(20)
        torch.set_num_threads(2)


LAYERS = {
    "Linear": (lambda: nn.Linear(30, 20), (4, 30)),
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3), (2, 4, 9)),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=1), (2, 4, 8, 8)),
    "grouped Conv2d": (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 8, 8)),
    "Conv3d": (lambda: nn.Conv3d(2, 5, 2), (1, 2, 4, 4, 4)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 5, 2), (2, 3, 7)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 5, 2), (2, 3, 5, 5)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), (1, 2, 3, 3, 3)),
    "large Linear": (lambda: nn.Linear(700, 600), (2, 700)),
}
