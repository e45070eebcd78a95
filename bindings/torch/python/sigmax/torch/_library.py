"""Loads the operator library and names its operators."""

import pathlib

import torch

_HERE = pathlib.Path(__file__).absolute().parent


def _load() -> None:
    """Loads libsigmax_torch, which lies beside this file, once for each process."""
    for name in ("libsigmax_torch.so", "libsigmax_torch.dylib", "sigmax_torch.dll"):
        if (_HERE / name).exists():
            torch.ops.load_library(str(_HERE / name))
            return
    raise ImportError(
        f"sigmax.torch: no libsigmax_torch in {_HERE}; build it with CMake (-DSIGMAX_BUILD_TORCH=ON) "
        "and put build/<preset>/python on PYTHONPATH, or pip install the repository"
    )


_load()

normalize = torch.ops.sigmax.normalize.default
normalize_all = torch.ops.sigmax.normalize_all.default
sigma = torch.ops.sigmax.sigma.default
scaled_linear = torch.ops.sigmax.scaled_linear.default
scaled_convolution = torch.ops.sigmax.scaled_convolution.default
certify = torch.ops.sigmax.certify.default
release_memory = torch.ops.sigmax.release_memory.default

# The operators' names for a step's order.
U_FIRST, V_FIRST, LANCZOS = 0, 1, 2
SOLVERS = {"power": U_FIRST, "lanczos": LANCZOS}
