"""Shared by the gradient benchmarks: matrices with a given spectrum, the loss, its gradient beyond double precision.

The loss is f(A) = xi sigma + phi . u + psi . v with the largest singular triplet (sigma, u, v) of A, so that xi, phi
and psi are the cotangents of the triplet. (u, v) and (-u, -v) are the same singular vectors: a gradient is compared with
that of the sign that fits it better.
"""

import json
import pathlib
import subprocess
import tempfile

import numpy


def with_spectrum(rows, columns, values, random):
    """U diag(values) V^T with random orthonormal U and V, in double."""
    count = len(values)
    u = numpy.linalg.qr(random.standard_normal((rows, count)))[0]
    v = numpy.linalg.qr(random.standard_normal((columns, count)))[0]
    return u * numpy.asarray(values, dtype=numpy.float64) @ v.T


def outlier_and_power_law(n, random):
    """n x n with the spectrum of trained layers: one outlier, then i^-1/2."""
    return with_spectrum(n, n, numpy.r_[1.6, numpy.arange(2, n + 1) ** -0.5 * 2**0.5], random)


def cotangents(rows, columns, dtype, random):
    return (dtype(random.standard_normal()), random.standard_normal(rows).astype(dtype),
            random.standard_normal(columns).astype(dtype))


class Gradient:
    """xi u v^T, and the part p v^T + u q^T that changes its sign with (u, v)."""

    def __init__(self, value_part, vector_part):
        self.value_part = value_part
        self.vector_part = vector_part

    def error(self, found):
        """The relative error of `found` in the Frobenius norm; infinite if `found` is not finite."""
        found = numpy.asarray(found, dtype=numpy.float64)
        if not numpy.isfinite(found).all():
            return numpy.inf
        return min(float(numpy.linalg.norm(found - (self.value_part + sign * self.vector_part)) /
                         numpy.linalg.norm(self.value_part + sign * self.vector_part)) for sign in (1, -1))


def by_full_svd(a, xi, phi, psi):
    """The gradient in double from all singular triplets of `a`: docs/gradients.md, "Through the whole SVD"."""
    a, phi, psi = (numpy.asarray(x, dtype=numpy.float64) for x in (a, phi, psi))
    u, s, vt = numpy.linalg.svd(a, full_matrices=False)
    phi_parts, psi_parts = u.T @ phi, vt @ psi
    square = (s[0] - s[1:]) * (s[0] + s[1:])
    p = u[:, 1:] @ ((s[0] * phi_parts[1:] + s[1:] * psi_parts[1:]) / square) + (phi - u @ phi_parts) / s[0]
    q = vt[1:].T @ ((s[1:] * phi_parts[1:] + s[0] * psi_parts[1:]) / square) + (psi - vt.T @ psi_parts) / s[0]
    return Gradient(float(xi) * numpy.outer(u[:, 0], vt[0]), numpy.outer(p, vt[0]) + numpy.outer(u[:, 0], q))


def to_the_last_digit(a, xi, phi, psi, rounds=12):
    """The gradient with residuals in extended precision: the reference, at small gaps even for gradients in double.

    Newton's method for the triplet and iterative refinement for its adjoint system, both through one factorization in
    double of the bordered matrix [K, C; C^T, 0], C = diag(u, v). The remaining error is 2^-64 sigma_1 / gap if the long
    double has 64 bits.
    """
    import scipy.linalg

    wide = numpy.longdouble
    rows, columns = a.shape
    u64, s64, vt64 = numpy.linalg.svd(numpy.asarray(a, dtype=numpy.float64), full_matrices=False)
    scale = s64[0]
    matrix = numpy.asarray(a, dtype=wide) / wide(scale)
    u, v = u64[:, 0].astype(wide), vt64[0].astype(wide)
    bordered = numpy.zeros((rows + columns + 2,) * 2)
    bordered[:rows, :rows] = numpy.eye(rows)
    bordered[rows:-2, rows:-2] = numpy.eye(columns)
    bordered[:rows, rows:-2] = -matrix.astype(numpy.float64)
    bordered[:rows, -2] = u64[:, 0]
    bordered[rows:-2, -1] = vt64[0]
    bordered = numpy.triu(bordered) + numpy.triu(bordered, 1).T
    factors = scipy.linalg.lu_factor(bordered)

    def correction(top, bottom):
        solved = scipy.linalg.lu_solve(factors, numpy.concatenate([top, bottom, [0, 0]]).astype(numpy.float64))
        return solved[:rows].astype(wide), solved[rows:-2].astype(wide)

    for _ in range(rounds):
        sigma = u @ (matrix @ v)
        du, dv = correction(matrix @ v - sigma * u, u @ matrix - sigma * v)
        u, v = u + du, v + dv
        u, v = u / numpy.sqrt(u @ u), v / numpy.sqrt(v @ v)
    sigma = u @ (matrix @ v)
    phi, psi = numpy.asarray(phi, dtype=wide), numpy.asarray(psi, dtype=wide)
    phi, psi = phi - (u @ phi) * u, psi - (v @ psi) * v
    p, q = numpy.zeros(rows, dtype=wide), numpy.zeros(columns, dtype=wide)
    for _ in range(rounds):
        dp, dq = correction(phi - (sigma * p - matrix @ q), psi - (sigma * q - p @ matrix))
        p, q = p + dp, q + dq
        p, q = p - (u @ p) * u, q - (v @ q) * v
    vectors = (numpy.outer(p, v) + numpy.outer(u, q)) / wide(scale)
    return Gradient(numpy.float64(xi) * numpy.outer(u, v).astype(numpy.float64), vectors.astype(numpy.float64))


def by_finite_differences(a, xi, phi, psi):
    """Central differences of every entry in double, two steps extrapolated: Richardson's, of order four."""
    a = numpy.asarray(a, dtype=numpy.float64)
    u0 = numpy.linalg.svd(a, full_matrices=False)[0][:, 0]
    step = 1e-3 * numpy.linalg.norm(a, 2)
    steps = numpy.array([step, -step, step / 2, -step / 2])
    gradient = numpy.empty_like(a)
    for i in range(a.shape[0]):
        moved = numpy.broadcast_to(a, (a.shape[1], 4, *a.shape)).copy()
        for j in range(a.shape[1]):
            moved[j, :, i, j] += steps
        u, s, vt = numpy.linalg.svd(moved, full_matrices=False)
        u, v = u[..., :, 0], vt[..., 0, :]
        sign = numpy.sign(u @ u0)
        f = float(xi) * s[..., 0] + sign * (u @ numpy.float64(phi) + v @ numpy.float64(psi))
        coarse, fine = (f[:, 0] - f[:, 1]) / (2 * step), (f[:, 2] - f[:, 3]) / step
        gradient[i] = (4 * fine - coarse) / 3
    return gradient


def save_case(path, a, xi, phi, psi, reference):
    """The .npz file that benchmarks/common/gradient_case.hpp reads."""
    numpy.savez(path, a=a, xi=numpy.atleast_1d(xi), phi=phi, psi=psi, value_part=reference.value_part,
                vector_part=reference.vector_part)


def run_native(program, case, threads, *flags):
    """The native program's report on the case in that file."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run([str(program), "--data", str(case), "--json", str(report), "--threads", str(threads), *flags],
                       check=True, stdout=subprocess.DEVNULL)
        return json.loads(report.read_text())
