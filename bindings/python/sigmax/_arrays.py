"""Arguments as arrays that the core reads where they lie, and results in the argument's type."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Argument(NamedTuple):
    """An argument as an array of float16, float32, float64, longdouble or a complex type, aligned, in the machine's
    byte order; or of bfloat16, as uint16."""

    array: Array
    bfloat16: bool
    dtype: np.dtype[Any]  # of real results
    eps: float  # of that type


def _plain(x: Any) -> Array:
    if np.ma.isMaskedArray(x):
        if np.ma.is_masked(x):
            raise TypeError("a masked array has entries without a value; fill() or compressed() it first")
        return np.asarray(x.data)
    return np.asarray(x)


def argument(x: Any) -> Argument:
    """Copies only integers, foreign byte order and memory that is not aligned.

    Raises TypeError for types that are not numbers, and for object arrays.
    """
    array = _plain(x)
    dtype = array.dtype
    if dtype.kind in "biu":
        return Argument(array.astype(np.float64), False, np.dtype(np.float64), float(np.finfo(np.float64).eps))
    if dtype.name == "bfloat16":
        return Argument(_readable(array).view(np.uint16), True, dtype, 2.0**-7)
    if dtype.kind not in "fc":
        raise TypeError(f"an array of {dtype} does not store numbers that sigmax reads; convert it, to float64 say")
    result = np.dtype(dtype.type(0).real.dtype)
    return Argument(_readable(array), False, result, float(np.finfo(result).eps))


def _readable(array: Array) -> Array:
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        array = array.copy()
    return array


def strided(array: Array) -> Array:
    """The array itself, or a copy if a stride is negative."""
    return array.copy() if any(stride < 0 for stride in array.strides) else array


def in_double(given: Argument, *, copy: bool = False) -> Array:
    """The entries as row-major float64 or complex128; with `copy`, memory that may be overwritten."""
    array = given.array
    if given.bfloat16:
        return np.left_shift(array.astype(np.uint32), 16).view(np.float32).astype(np.float64, order="C")
    refuse_long_double(given)
    wanted = np.complex128 if array.dtype.kind == "c" else np.float64
    return np.array(array, dtype=wanted, order="C", copy=True if copy else None)


def refuse_long_double(given: Argument) -> None:
    if given.dtype == np.longdouble and np.dtype(np.longdouble).itemsize > 8:
        raise TypeError("singular values are computed in double precision: convert the longdouble array to float64")


def rounded(values: Array, dtype: np.dtype[Any]) -> Any:
    """Results in the argument's type: an array, or a scalar for no dimensions. Overflow gives infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype, copy=False)[()]
