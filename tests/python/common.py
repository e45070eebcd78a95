"""References for the tests: singular values by mpmath, in 40 digits, and matrices of many kinds."""

import mpmath
import numpy as np

EPS = np.finfo(np.float64).eps


def exact_values(a):
    """All singular values, descending, of a small real or complex matrix, rounded once."""
    with mpmath.workdps(40):
        matrix = mpmath.matrix(a.tolist())
        if matrix.rows < matrix.cols:
            matrix = matrix.H
        values = (mpmath.svd_c if np.iscomplexobj(a) else mpmath.svd_r)(matrix, compute_uv=False)
        return np.array([float(value) for value in values])


def values_error(rows, columns):
    """What a decomposition that ends in LAPACK may be wrong by, relative to sigma_1: a modest multiple of the sides, and
    what it drops from small matrices (tolerance::of_bidiagonal in tests/tolerance.hpp)."""
    return (8 * (rows + columns) + 49.3 * 24**0.5) * EPS


def matrices(rng, count=40, largest=9, cplx=False):
    """Matrices of many shapes, scales, ranks and spectra."""
    for i in range(count):
        rows, columns = (int(side) for side in rng.integers(1, largest + 1, 2))
        a = rng.standard_normal((rows, columns))
        if cplx:
            a = a + 1j * rng.standard_normal((rows, columns))
        kind = i % 5
        if kind == 1:  # graded over 10 orders of magnitude
            a = a * np.logspace(0, -10, columns)
        elif kind == 2:  # rank one
            a = a[:, :1] @ a[:1, :]
        elif kind == 3:  # equal values
            k = min(rows, columns)
            a = np.eye(rows, columns) * (1 + 1j if cplx else 1)
            a[k - 1, k - 1] *= 0.5
        elif kind == 4:
            a = a * 10.0 ** rng.integers(-290, 290)
        yield a
