"""Singular values of a stack, in double."""

from __future__ import annotations

import math

import numpy as np

from ._arrays import Argument, Array, in_double, refuse_long_double, strided
from ._core import singular_values, svd


def values_in_double(given: Argument) -> Array:
    """All singular values of each matrix of (..., m, n), descending; NaN for a matrix that is not finite."""
    shape = given.array.shape
    refuse_long_double(given)
    stack = given.array.reshape((math.prod(shape[:-2]),) + shape[-2:])
    values = np.empty((len(stack), min(shape[-2:])))
    if stack.size == 0:
        pass
    elif stack.dtype.kind == "c":
        unused = np.empty(0, dtype=np.complex128)
        svd(in_double(given._replace(array=stack), copy=True), 0, values, unused, unused)
    else:
        singular_values(strided(stack), given.bfloat16, values)
    return values.reshape(shape[:-2] + values.shape[-1:])
