"""The version, the configuration and the number of threads."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ._core import blas_description, num_threads, simd_target, version
from ._core import set_num_threads as set_threads

__version__: str = version

if os.environ.get("SIGMAX_NUM_THREADS"):
    set_threads(int(os.environ["SIGMAX_NUM_THREADS"]))


def set_num_threads(threads: int) -> None:
    """Sets the number of threads of the calls that follow; 0 takes all of the machine's.

    The environment variable ``SIGMAX_NUM_THREADS`` sets it at import. Results do not depend on it.

    Raises
    ------
    ValueError
        If `threads` is negative.

    Examples
    --------
    >>> import sigmax
    >>> sigmax.set_num_threads(1)
    >>> sigmax.get_num_threads()
    1
    >>> sigmax.set_num_threads(0)
    """
    set_threads(threads)


def get_num_threads() -> int:
    """The number of threads of the calls that follow."""
    return int(num_threads())


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Prints what this sigmax computes with; ``mode="dicts"`` returns it.

    The BLAS library with the processor kernels that it chose, the instruction set of sigmax's own kernels, and the
    number of threads.

    Examples
    --------
    >>> import sigmax
    >>> sorted(sigmax.show_config(mode="dicts"))
    ['BLAS', 'NumPy', 'SIMD', 'sigmax', 'threads']
    """
    config: dict[str, Any] = {
        "sigmax": __version__,
        "BLAS": blas_description(),
        "SIMD": simd_target(),
        "threads": get_num_threads(),
        "NumPy": np.__version__,
    }
    if mode == "dicts":
        return config
    if mode != "stdout":
        raise ValueError(f"mode must be 'stdout' or 'dicts', got {mode!r}")
    for name, value in config.items():
        print(f"{name:8} {value}")
    return None
