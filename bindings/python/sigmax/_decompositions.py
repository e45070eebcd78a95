"""Singular value decompositions of stacks, and what follows from them, in NumPy's conventions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import LinAlgError

from ._arrays import Argument, Array, argument, in_double, rounded
from ._core import inverses
from ._core import svd as decompose
from ._norms import norm
from ._values import values_in_double


class SVDResult(NamedTuple):
    """``a = U @ diag(S) @ Vh``."""

    U: Any
    S: Any
    Vh: Any


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular value decomposition of each matrix in a stack: ``numpy.linalg.svd``.

    ``a = U diag(S) Vh`` with orthonormal columns in U and rows in Vh, and ``S[0] >= S[1] >= ... >= 0``.

    Parameters
    ----------
    a : array_like, (..., m, n)
        Types as in `norm`, except longdouble.
    full_matrices : bool
        Whether U is (..., m, m) and Vh (..., n, n), or (..., m, k) and (..., k, n) with k = min(m, n).
    compute_uv : bool
        Whether vectors are wanted. Without them the result is S alone, as from `svdvals`.
    hermitian : bool
        Whether `a` is Hermitian: only the lower triangle is read.

    Returns
    -------
    SVDResult of U, S and Vh, in a's precision, or S. A matrix with NaN or infinite entries gives NaN; the others of a
    stack are not affected.

    Raises
    ------
    numpy.linalg.LinAlgError
        For fewer than two dimensions, and non-square matrices that are said to be Hermitian.
    TypeError
        For arrays of anything but numbers, longdouble, and masked entries.

    Notes
    -----
    In double, by LAPACK's dgesdd or zgesdd on one thread a matrix: the error of each value is about ``2**-53 S[0]``.
    Cost: about 20 m n k flops; the matrices of a stack run side by side. Demmel, Applied Numerical Linear Algebra,
    1997, chapter 5.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> a = np.arange(6.0).reshape(3, 2)
    >>> u, s, vh = sigmax.svd(a, full_matrices=False)
    >>> np.allclose(u * s @ vh, a)
    True
    """
    wrap = getattr(a, "__array_wrap__", None) if isinstance(a, np.matrix) else None
    given = _stack(a)
    if hermitian:
        given = given._replace(array=_from_lower(given.array))
    if not compute_uv:
        return rounded(values_in_double(given), given.dtype)
    u, s, vh = (rounded(part, _dtype_of(part, given)) for part in _decomposed(given, full_matrices))
    return SVDResult(wrap(u), s, wrap(vh)) if wrap else SVDResult(u, s, vh)


def svdvals(x: Any, /) -> Any:
    """Singular values of each matrix in a stack, descending: ``numpy.linalg.svdvals``.

    The roots of the k = min(m, n) largest eigenvalues of ``A* A``; (..., m, n) gives (..., k). Each has an error of
    about ``2**-53`` of the largest.

    Types, errors and entries that are not finite are as in `svd`. Cost: about 8/3 m n k flops. A matrix with one side
    longer by half whose values turn out to be within a factor of 32 of each other goes through ``A* A`` on all threads,
    others are LAPACK's on one thread. Source: Demmel, Applied Numerical Linear Algebra, 1997, chapter 5.

    Examples
    --------
    >>> import sigmax
    >>> sigmax.svdvals([[3.0, 0.0], [0.0, -4.0]])
    array([4., 3.])
    """
    given = _stack(x)
    return rounded(values_in_double(given), given.dtype)


def cond(x: Any, p: Any = None) -> Any:
    """Condition number of each matrix in a stack: ``numpy.linalg.cond``, ``|A| |A^-1|``.

    Parameters
    ----------
    x : array_like, (..., m, n)
        Types as in `norm`, except longdouble. Square unless p is None, 2 or -2.
    p : optional
        The norm, as for matrices in `norm`. None and 2: ``sigma_1 / sigma_k``, k = min(m, n); -2: its reciprocal.

    Returns
    -------
    A scalar or an array, in x's precision. Infinite for a singular matrix, also within a stack and for every p; NaN
    for one with a NaN.

    Raises
    ------
    numpy.linalg.LinAlgError
        For fewer than two dimensions, empty matrices, and matrices that are not square where the inverse is needed.
    ValueError, TypeError
        As `norm`.

    Notes
    -----
    p = 2 and -2 cost the singular values, others an inverse by LU factorization, 2 n^3 flops. For a matrix that is
    singular except for rounding, the number is large, about 1e16, and says no more than that. Higham, Accuracy and
    Stability of Numerical Algorithms, 2nd ed. 2002, chapter 15.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> round(float(sigmax.cond([[1.0, 2.0], [-3.0, 4.0]], 1)), 12)
    4.2
    >>> sigmax.cond(np.stack([np.eye(2), np.zeros((2, 2))]), 1)
    array([ 1., inf])
    """
    given = _stack(x)
    if given.array.size == 0 and math.prod(given.array.shape[-2:]) == 0:
        raise LinAlgError("cond is not defined on empty arrays")
    if p is None or (not isinstance(p, str) and p in (2, -2)):
        values = values_in_double(given)
        largest, smallest = values[..., 0], values[..., -1]
        with np.errstate(all="ignore"):
            ratio = smallest / largest if p == -2 else largest / smallest
    else:
        _require_square(given.array)
        entries = in_double(given)
        with np.errstate(all="ignore"):
            ratio = np.asarray(norm(entries, p, (-2, -1))) * norm(_inverse(entries), p, (-2, -1))
    ratio = np.where(np.isnan(ratio) & ~_with_nan(given), np.inf, ratio)
    return rounded(ratio, given.dtype)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Number of singular values above a tolerance: ``numpy.linalg.matrix_rank``.

    Parameters
    ----------
    A : array_like, (..., m, n) or fewer dimensions
        Types as in `norm`, except longdouble. The rank of a vector or number is 0 if it is 0, and 1 otherwise.
    tol : array_like of (...), optional
        The tolerance; by default ``rtol * sigma_1``.
    hermitian : bool
        As in `svd`.
    rtol : array_like of (...), optional
        By default ``max(m, n)`` times the eps of A's type.

    Raises
    ------
    ValueError
        If both tolerances are given.
    numpy.linalg.LinAlgError
        For NaN or infinite entries: such a matrix has no rank.

    Notes
    -----
    Cost and source as `svdvals`.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> sigmax.matrix_rank(np.stack([np.eye(3), np.ones((3, 3))]))
    array([3, 1])
    """
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    given = argument(A)
    if given.array.ndim < 2:
        return int(bool(np.any((in_double(given) if given.bfloat16 else given.array) != 0)))
    if hermitian:
        _require_square(given.array)
        given = given._replace(array=_from_lower(given.array))
    values = values_in_double(given)
    if np.isnan(values).any():
        raise LinAlgError("a matrix with NaN or infinite entries has no rank")
    if tol is None:
        share = max(given.array.shape[-2:]) * given.eps if rtol is None else np.asarray(rtol)[..., np.newaxis]
        tol = values.max(axis=-1, keepdims=True, initial=0) * share
    else:
        tol = np.asarray(tol)[..., np.newaxis]
    return np.count_nonzero(values > tol, axis=-1)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...) -> Any:
    """Pseudo-inverse of each matrix in a stack: ``numpy.linalg.pinv``, ``V diag(1/S) U*`` over the large values.

    Parameters
    ----------
    a : array_like, (..., m, n)
        Types as in `norm`, except longdouble.
    rcond : array_like of (...), optional
        Values up to ``rcond * sigma_1`` count as 0; by default 1e-15, as in NumPy, whatever the type.
    hermitian : bool
        As in `svd`.
    rtol : array_like of (...), optional
        The same as `rcond`; None for ``max(m, n)`` times the eps of a's type.

    Returns
    -------
    (..., n, m) in a's type. NaN for a matrix with NaN or infinite entries.

    Raises
    ------
    ValueError
        If both tolerances are given.
    numpy.linalg.LinAlgError
        As `svd`.

    Notes
    -----
    Cost: as `svd`, and 2 m n k flops. Penrose, A generalized inverse for matrices, 1955.

    Examples
    --------
    >>> import sigmax
    >>> sigmax.pinv([[2.0, 0.0], [0.0, 0.0]])
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    if rcond is not None and rtol is not ...:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    wrap = getattr(a, "__array_wrap__", None) if isinstance(a, np.matrix) else None
    given = _stack(a)
    if hermitian:
        given = given._replace(array=_from_lower(given.array))
    if rcond is None:
        rcond = 1e-15 if rtol is ... else max(given.array.shape[-2:]) * given.eps if rtol is None else rtol
    u, s, vh = _decomposed(given, full_matrices=False)
    cutoff = np.asarray(rcond)[..., np.newaxis] * s.max(axis=-1, keepdims=True, initial=0)
    with np.errstate(divide="ignore", over="ignore"):
        inverted = np.where(s > cutoff, 1 / s, np.where(np.isnan(s), np.nan, 0.0))
    result = np.swapaxes(vh, -1, -2).conj() @ (inverted[..., np.newaxis] * np.swapaxes(u, -1, -2).conj())
    result = rounded(result, _dtype_of(result, given))
    return wrap(result) if wrap else result


def _stack(x: Any) -> Argument:
    given = argument(x)
    if given.array.ndim < 2:
        raise LinAlgError(f"{given.array.ndim}-dimensional array given. Array must be at least two-dimensional")
    return given


def _require_square(array: Array) -> None:
    if array.shape[-1] != array.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")


def _from_lower(array: Array) -> Array:
    """The Hermitian matrix of the lower triangle."""
    _require_square(array)
    strict = np.tril(array, -1)
    diagonal = np.tril(array) - strict if array.dtype.kind == "c" else None
    if diagonal is None:
        # No arithmetic: bfloat16 comes as integers.
        return np.where(np.tri(array.shape[-1], dtype=bool), array, np.swapaxes(array, -1, -2))
    return strict + np.swapaxes(strict, -1, -2).conj() + diagonal.real


def _dtype_of(part: Array, given: Argument) -> Any:
    if part.dtype.kind != "c":
        return given.dtype
    return np.result_type(given.dtype, np.complex64)


def _decomposed(given: Argument, full_matrices: bool) -> tuple[Array, Array, Array]:
    """U, S and Vh in double, by LAPACK."""
    shape = given.array.shape
    rows, columns = shape[-2:]
    k = min(rows, columns)
    work = in_double(given, copy=True).reshape((math.prod(shape[:-2]), rows, columns))
    count = len(work)
    sigma = np.empty((count, k))
    u = np.empty((count, rows, rows if full_matrices else k), dtype=work.dtype)
    vh = np.empty((count, columns if full_matrices else k, columns), dtype=work.dtype)
    if count:
        decompose(work, 2 if full_matrices else 1, sigma, u, vh)
    outer = shape[:-2]
    return u.reshape(outer + u.shape[1:]), sigma.reshape(outer + (k,)), vh.reshape(outer + vh.shape[1:])


def _inverse(entries: Array) -> Array:
    """Of each matrix in double; infinite for a singular one. A complex matrix X + iY is the real [[X, -Y], [Y, X]]."""
    order = entries.shape[-1]
    real = entries
    if entries.dtype.kind == "c":
        real = np.concatenate(
            (np.concatenate((entries.real, -entries.imag), axis=-1), np.concatenate((entries.imag, entries.real), axis=-1)),
            axis=-2,
        )
    stack = np.ascontiguousarray(real).reshape((-1,) + real.shape[-2:])
    result = np.empty_like(stack)
    inverses(stack, result)
    result = result.reshape(real.shape)
    if entries.dtype.kind == "c":
        return result[..., :order, :order] + 1j * result[..., order:, :order]
    return result


def _with_nan(given: Argument) -> Array:
    array = in_double(given) if given.bfloat16 else given.array
    return np.asarray(np.isnan(array).any(axis=(-2, -1)))
