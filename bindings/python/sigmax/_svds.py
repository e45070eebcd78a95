"""Some singular triplets, with SciPy's signature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._arrays import argument, refuse_long_double, strided
from ._core import by_products, sparse, stored
from ._core import svds as solve
from ._enclosure import Enclosure

# As many products as a Krylov method may take without being asked.
_MOST_PRODUCTS = 10_000


def svds(
    A: Any,
    k: int = 6,
    ncv: Any = None,
    tol: float = 0,
    which: str = "LM",
    v0: Any = None,
    maxiter: int | None = None,
    return_singular_vectors: bool | str = True,
    solver: str = "arpack",
    rng: Any = None,
    options: Any = None,
    *,
    certify: bool = False,
) -> Any:
    """k singular triplets: ``scipy.sparse.linalg.svds``, by sigmax's own Lanczos methods.

    ``A v_i = s_i u_i`` and ``A* u_i = s_i v_i``, of the k largest or smallest singular values.

    Parameters
    ----------
    A : array_like, scipy.sparse matrix or array, or any object with `shape`, `matvec` and `rmatvec`
        (m, n), real. `matmat` and `rmatmat` are used where they exist.
    k : int
        From 1 to min(m, n): SciPy's limit min(m, n) - 1 is not needed.
    ncv, solver, options :
        SciPy's choices of a method. They are accepted, and change nothing.
    tol : float
        Relative accuracy of the values. 0: 1e-14.
    which : {'LM', 'SM'}
        The largest or the smallest values.
    v0 : array_like, (min(m, n),)
        A vector to start from, of the shorter side.
    maxiter : int, optional
        Products of A with a vector, at most; by default 10000.
    return_singular_vectors : {True, False, 'u', 'vh'}
        What is returned: True all three, False the values alone, 'u' or 'vh' with None for the other vectors.
    rng : int or numpy.random.Generator, optional
        The source of the random start: the same seed gives the same result. None: drawn by the system, on which the
        probabilistic ends of a sparse matrix rest.
    certify : bool
        Whether an Enclosure of each value is wanted: a further result, in the order of the values.

    Returns
    -------
    u (m, k), s (k,), vh (k, n), ascending as from SciPy's ARPACK, in A's precision; or as `return_singular_vectors`
    says.

    Raises
    ------
    ValueError
        For k, tol, which, v0, maxiter out of range, an empty matrix, and entries or products that are not finite.
    TypeError
        For complex matrices.
    RuntimeError
        If `maxiter` products do not suffice.

    Notes
    -----
    Computed in double. 5 to 60 reads of A for the largest values of a dense matrix; a check with random vectors finds
    values that a start has missed, with a failure probability of 1e-9. The smallest values of a dense matrix cost a QR
    factorization. Thick-restart Lanczos: Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> sigmax.svds(np.diag([1.0, 2.0, 3.0]), k=2, return_singular_vectors=False)
    array([2., 3.])
    """
    matrix, shape, dtype, alive = _solvable(A)
    if 0 in shape:
        raise ValueError("`A` must not be empty.")
    if int(k) != k or not 0 < k <= min(shape):
        raise ValueError("`k` must be an integer satisfying `0 < k <= min(A.shape)`.")
    if not tol >= 0 or not math.isfinite(tol):
        raise ValueError("`tol` must be a non-negative floating point value.")
    if str(which).upper() not in ("LM", "SM"):
        raise ValueError("`which` must be in {'LM', 'SM'}.")
    if maxiter is not None and (int(maxiter) != maxiter or maxiter <= 0):
        raise ValueError("`maxiter` must be a positive integer.")
    if return_singular_vectors not in (True, False, "u", "vh"):
        raise ValueError("`return_singular_vectors` must be in {True, False, 'u', 'vh'}.")
    k = int(k)
    sigma, u, v = np.empty(k), np.empty((k, shape[0])), np.empty((k, shape[1]))
    words, ends = solve(
        matrix, k, str(which).upper() == "SM", tol or 1e-14, maxiter or _MOST_PRODUCTS, _seed(rng),
        _start(v0, A, shape), certify, sigma, u, v,
    )
    del alive
    if words:
        raise RuntimeError(f"svds: {maxiter or _MOST_PRODUCTS} products of A with a vector do not suffice: {words}")
    s, u, vh = sigma[::-1].astype(dtype), u[::-1].T.astype(dtype), v[::-1].astype(dtype)
    enclosures = [_enclosure(known, i, which, k) for i, known in enumerate(ends)][::-1]
    if return_singular_vectors is False:
        return (s, enclosures) if certify else s
    result = (None if return_singular_vectors == "vh" else u, s, None if return_singular_vectors == "u" else vh)
    return (*result, enclosures) if certify else result


def _enclosure(known: Any, i: int, which: str, k: int) -> Enclosure:
    lower, upper, proven, probability = known
    kind = "proven" if proven else "lower_only" if upper is None else "probabilistic"
    index = f"singular value {i + 1}" if str(which).upper() == "LM" else f"singular value {k - i} from below"
    return Enclosure(lower, math.inf if upper is None else upper, kind, index, probability)


def _seed(rng: Any) -> int | None:
    if rng is None or isinstance(rng, (int, np.integer)):
        return None if rng is None else int(rng)
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**31))
    return int(np.random.default_rng(rng).integers(2**63))


def _start(v0: Any, A: Any, shape: tuple[int, int]) -> Any:
    if v0 is None:
        return np.empty(0)
    v0 = np.atleast_1d(v0)
    if v0.dtype.kind != "f":
        raise ValueError("`v0` must be of floating data type.")
    if v0.shape != (min(shape),):
        raise ValueError(f"`v0` must have shape {(min(shape),)}.")
    v0 = v0.astype(np.float64)
    if shape[0] < shape[1]:
        # The solver starts from right singular vectors.
        v0 = np.asarray(A.rmatvec(v0) if hasattr(A, "rmatvec") else (A if hasattr(A, "tocoo") else np.asarray(A)).T @ v0, dtype=np.float64)
    return np.ascontiguousarray(v0)


def _solvable(A: Any) -> tuple[Any, tuple[int, int], Any, Any]:
    """The operator, its shape, the type of results, and what must stay alive while the operator is used."""
    if hasattr(A, "tocoo"):
        return _sparse(A)
    if hasattr(A, "matvec") and hasattr(A, "rmatvec"):
        return _by_products(A)
    given = argument(A)
    if given.array.ndim != 2:
        raise ValueError(f"`A` must have 2 dimensions, got {given.array.ndim}")
    _refuse_complex(given.array.dtype)
    refuse_long_double(given)
    array = strided(given.array)
    rows, columns = array.shape
    return stored(array, given.bfloat16), (rows, columns), given.dtype, array


def _refuse_complex(dtype: Any) -> None:
    if np.dtype(dtype).kind == "c":
        raise TypeError("svds of complex matrices is not available; svd() takes them, all triplets at a time")


def _sparse(A: Any) -> tuple[Any, tuple[int, int], Any, Any]:
    _refuse_complex(A.dtype)
    coordinates = A.tocsr(copy=True)
    coordinates.sum_duplicates()
    coordinates = coordinates.tocoo()
    rows, columns = coordinates.shape
    row = np.ascontiguousarray(coordinates.row, dtype=np.int64)
    column = np.ascontiguousarray(coordinates.col, dtype=np.int64)
    values = np.ascontiguousarray(coordinates.data, dtype=np.float64)
    dtype = A.dtype if A.dtype.kind == "f" and A.dtype.itemsize <= 8 else np.dtype(np.float64)
    return sparse(rows, columns, row, column, values), (rows, columns), dtype, None


def _by_products(A: Any) -> tuple[Any, tuple[int, int], Any, Any]:
    dtype = np.dtype(getattr(A, "dtype", None) or np.float64)
    _refuse_complex(dtype)
    rows, columns = (int(side) for side in A.shape)

    def block(vector: str, matrix: str) -> Any:
        many = getattr(A, matrix, None)
        one = getattr(A, vector)

        def product(x: Any) -> Any:
            x = np.array(x)  # the solver's own memory is gone after the call
            result = many(x.T) if many is not None else np.stack([np.ravel(one(row)) for row in x], axis=1)
            return np.ascontiguousarray(np.asarray(result).T, dtype=np.float64)

        return product

    operator = by_products(rows, columns, block("matvec", "matmat"), block("rmatvec", "rmatmat"))
    return operator, (rows, columns), dtype if dtype.kind == "f" else np.dtype(np.float64), A
