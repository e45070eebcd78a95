"""Norms of vectors and matrices, in NumPy's conventions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ._arrays import Argument, Array, argument, refuse_long_double, rounded, strided
from ._core import is_of_entries, matrix_norms, parse_norm, vector_norms
from ._values import values_in_double

_NUMBERS = {1: "1", -1: "-1", 2: "2", -2: "-2", math.inf: "inf", -math.inf: "-inf"}
_OF_VALUES = {"2", "-2", "nuc"}


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of a vector or a matrix, or of each one in a stack: ``numpy.linalg.norm``.

    Parameters
    ----------
    x : array_like
        Any shape; 1-D or 2-D if `axis` is None and `ord` is not. float16, bfloat16 (of ml_dtypes), float32, float64,
        complex; integers count as float64. longdouble for vectors, and for the Frobenius norm.
    ord : number or str, optional
        For vectors, any number p: ``(sum |x_i|^p)^(1/p)``, with ``inf`` the largest, ``-inf`` the smallest ``|x_i|``
        and 0 the number of entries that are not 0; by default 2. For matrices:

        ===================  ====================================================
        None, 'fro'          ``sqrt(sum |a_ij|^2)``
        'nuc'                sum of the singular values
        inf, -inf            largest, smallest sum of a row's ``|a_ij|``
        1, -1                largest, smallest sum of a column's ``|a_ij|``
        2, -2                largest, smallest singular value
        'schatten:P'         ``(sum sigma_i^P)^(1/P)``
        'kyfan:K'            sum of the K largest singular values
        'entrywise:P'        ``(sum |a_ij|^P)^(1/P)``; 'max' is the largest
        'mixed:P,Q'          Q-norm of the columns' P-norms
        'induced:P,Q'        ``max |A x|_Q / |x|_P``: the lower end that was found
        'numerical-radius'   ``max |x* A x|`` over complex x of length 1
        ===================  ====================================================

    axis : int or pair of ints, optional
        The axis of the vectors, or of the rows and columns of the matrices. None: all of `x` is one vector or matrix.
    keepdims : bool
        Whether these axes stay, with size 1.

    Returns
    -------
    A scalar or an array, real, of x's precision. NaN where a vector or matrix has a NaN; the others of a stack are not
    affected. Norms of singular values are NaN for infinite entries too. No intermediate result overflows or vanishes
    for entries from 1e-300 to 1e300.

    Raises
    ------
    ValueError
        For an order that does not exist, more than two axes, axes that repeat, and the smallest value of nothing.
    TypeError
        For arrays of anything but numbers, and masked entries.

    Notes
    -----
    Norms of entries take one or two reads of `x`. Of an m x n matrix with k = min(m, n), the norm 2 takes m n k flops
    and a few dozen reads, 'nuc', -2 and 'schatten:P' about 8/3 m n k flops. The norm 2 is proven for k from 129 to 4096
    (``enclose`` returns the interval). Norms in general: Horn and Johnson, Matrix Analysis, 2nd ed. 2013, chapter 5.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> a = np.array([[1.0, 2.0], [-3.0, 4.0]])
    >>> round(sigmax.norm(a, 2), 12)
    np.float64(5.116672736017)
    >>> float(sigmax.norm(np.array([600, 800], dtype=np.float16)))
    1000.0
    >>> sigmax.norm([[1e200, 0], [0, 1e200]], 'nuc')
    np.float64(2e+200)
    """
    given = argument(x)
    dimensions = given.array.ndim
    if axis is None:
        if ord is None and dimensions != 2:
            return _flat(given, 2.0, keepdims)
        axis = tuple(range(dimensions))
    elif not isinstance(axis, tuple):
        try:
            axis = (int(axis),)
        except Exception as error:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from error
    if len(axis) == 1:
        return _vectors(given, _vector_order(ord), normalize_axis_index(axis[0], dimensions), keepdims)
    if len(axis) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    row, column = (normalize_axis_index(one, dimensions) for one in axis)
    if row == column:
        raise ValueError("Duplicate axes given.")
    return _matrices(given, ord, row, column, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Norm of each matrix in a stack: ``numpy.linalg.matrix_norm``, and ``norm`` over the last two axes.

    Parameters, results, errors, cost and source are those of `norm`. `x` has the shape (..., m, n), the result (...) or,
    with `keepdims`, (..., 1, 1).

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> sigmax.matrix_norm(np.ones((3, 2, 2)), ord='nuc')
    array([2., 2., 2.])
    """
    return norm(x, axis=(-2, -1), keepdims=keepdims, ord=ord)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """p-norm of vectors: ``numpy.linalg.vector_norm``, ``(sum |x_i|^p)^(1/p)``.

    `axis` may be an int, a tuple of any number of ints, or None for all entries. Otherwise parameters, results, errors,
    cost and source are those of `norm`.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> sigmax.vector_norm(np.ones((2, 3, 3)), axis=(1, 2))
    array([3., 3.])
    """
    given = argument(x)
    p = _vector_order(ord)
    if axis is None:
        return _flat(given, p, keepdims)
    axes = normalize_axis_tuple(axis, given.array.ndim)
    rest = tuple(i for i in range(given.array.ndim) if i not in axes)
    shape = given.array.shape
    size = math.prod(shape[i] for i in axes)
    moved = given.array.transpose(rest + axes).reshape(tuple(shape[i] for i in rest) + (size,))
    result = _vectors(given._replace(array=moved), p, len(rest), False)
    if keepdims:
        return np.reshape(result, tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return result


def _is_frobenius(ord: Any) -> bool:
    return isinstance(ord, str) and ord in ("f", "fro")


def _vector_order(ord: Any) -> float:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    p = 2.0 if ord is None else float(ord)
    if math.isnan(p):
        raise ValueError("Invalid norm order nan for vectors")
    return p


def _flat(given: Argument, p: float, keepdims: bool) -> Any:
    dimensions = given.array.ndim
    result = _vectors(given._replace(array=given.array.ravel(order="K")), p, 0, False)
    return np.reshape(result, (1,) * dimensions) if keepdims else result


def _magnitudes(given: Argument) -> Argument:
    """Complex entries as their absolute values, in double."""
    if given.array.dtype.kind != "c":
        return given
    wide = given.array if given.dtype == np.longdouble else given.array.astype(np.complex128, copy=False)
    return given._replace(array=np.abs(wide))


def _vectors(given: Argument, p: float, axis: int, keepdims: bool) -> Any:
    given = _magnitudes(given)
    moved = np.moveaxis(given.array, axis, -1)
    outer, size = moved.shape[:-1], moved.shape[-1]
    if size == 0 and p == -math.inf and math.prod(outer):
        raise ValueError("zero-size array: an empty vector has no smallest entry")
    if given.array.dtype.char == "g":
        result = _long_double(np.abs(moved), p)
    else:
        result = np.empty(math.prod(outer))
        vector_norms(strided(moved.reshape(result.size, size)), given.bfloat16, p, result)
        result = result.reshape(outer)
    if keepdims:
        result = np.expand_dims(result, axis)
    return rounded(result, given.dtype)


def _long_double(x: Array, p: float) -> Array:
    """The core computes in double; this is the same sum, in units of the entry that dominates, in longdouble."""
    if p == 0:
        return np.asarray((x != 0).sum(axis=-1, dtype=x.dtype))
    unit = np.asarray(x.max(axis=-1, initial=0) if p > 0 else x.min(axis=-1, initial=np.inf))
    if math.isinf(p):
        return unit
    with np.errstate(divide="ignore", invalid="ignore"):
        total = ((x / unit[..., None]) ** x.dtype.type(p)).sum(axis=-1)
        result = unit * total ** (1 / x.dtype.type(p))
    return np.where((unit == 0) | np.isinf(unit), unit, result)


def matrix_order(ord: Any) -> str:
    """The spelling of an order of matrices that the core reads."""
    if ord is None or _is_frobenius(ord):
        return "fro"
    if isinstance(ord, str):
        try:
            return str(parse_norm(ord))
        except ValueError as error:
            raise ValueError(f"Invalid norm order for matrices. {error}") from None
    if ord in _NUMBERS:
        return _NUMBERS[ord]
    raise ValueError(
        f"Invalid norm order for matrices. {ord} may be the norm 'entrywise:{ord}' of the entries, 'schatten:{ord}' of "
        f"the singular values or 'induced:{ord},{ord}': say which"
    )


def _matrices(given: Argument, ord: Any, row: int, column: int, keepdims: bool) -> Any:
    spelling = matrix_order(ord)
    if given.array.dtype.kind == "c" and spelling in _OF_VALUES:
        moved = np.moveaxis(given.array, (row, column), (-2, -1))
        result = _of_complex_values(given._replace(array=moved), spelling)
    else:
        if given.array.dtype.kind == "c" and not is_of_entries(spelling):
            raise TypeError(f"the norm {spelling!r} of complex matrices is not available")
        given = _magnitudes(given)
        moved = np.moveaxis(given.array, (row, column), (-2, -1))
        result = _of_real(given._replace(array=moved), spelling)
    if keepdims:
        result = np.expand_dims(result, (row, column))
    return rounded(result, given.dtype)


def _refuse_smallest_of_nothing(shape: tuple[int, ...], spelling: str) -> None:
    if spelling.startswith("-") and 0 in shape[-2:] and 0 not in shape[:-2]:
        raise ValueError(f"zero-size array: the norm {spelling} of an empty matrix is not defined")


def _of_real(given: Argument, spelling: str) -> Array:
    shape = given.array.shape
    _refuse_smallest_of_nothing(shape, spelling)
    if given.array.dtype.char == "g":
        if spelling != "fro":
            refuse_long_double(given)
        return _long_double(np.abs(given.array).reshape(shape[:-2] + (-1,)), 2.0)
    result = np.empty(math.prod(shape[:-2]))
    if math.prod(shape[-2:]) == 0:
        result[:] = 0
    elif result.size:
        stack = given.array.reshape((-1,) + shape[-2:])
        matrix_norms(strided(stack), given.bfloat16, spelling, result)
    return result.reshape(shape[:-2])


def _of_complex_values(given: Argument, spelling: str) -> Array:
    _refuse_smallest_of_nothing(given.array.shape, spelling)
    values = values_in_double(given)
    if spelling == "nuc":
        return np.asarray(values.sum(axis=-1))
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:-1])
    return np.asarray(values[..., 0 if spelling == "2" else -1])
