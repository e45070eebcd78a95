"""The figures of an audited weight by double-precision LAPACK, from the definitions in docs and headers."""

import dataclasses
import math

import numpy as np

EPS = np.finfo(np.float64).eps
# Unit roundoff of the storage types.
UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11}


def householder_r(a):
    """R of a = Q R for a tall long double array, one reflection a column."""
    r = a.copy()
    for k in range(r.shape[1]):
        v = r[k:, k].copy()
        length = np.sqrt(v @ v)
        if length == 0:
            continue
        v[0] += length if v[0] >= 0 else -length
        r[k:, k:] -= np.outer(v * (2 / (v @ v)), v @ r[k:, k:])
    return np.triu(r[: r.shape[1]])


def solve_triangular(r, b, transposed):
    n = len(b)
    x = np.zeros(n, r.dtype)
    for i in range(n) if transposed else range(n - 1, -1, -1):
        known = r[:i, i] @ x[:i] if transposed else r[i, i + 1:] @ x[i + 1:]
        x[i] = (b[i] - known) / r[i, i]
    return x


def precise_sigma_min(a):
    """sigma_min where eps sigma_1 / sigma_min, LAPACK's relative error, is too much: QR and inverse iteration in long
    double, from LAPACK's vector, until the quotient stands still."""
    tall = a if a.shape[0] >= a.shape[1] else a.T
    v = np.linalg.svd(tall, full_matrices=False)[2][-1].astype(np.longdouble)
    r = householder_r(tall.astype(np.longdouble))
    if not np.all(np.diag(r)):
        return 0.0
    sigma = np.longdouble(np.inf)
    for _ in range(1000):
        v /= np.sqrt(v @ v)
        w = solve_triangular(r, solve_triangular(r, v, transposed=True), transposed=False)
        previous, sigma = sigma, 1 / np.sqrt(v @ w)
        if abs(sigma - previous) <= np.longdouble(1e-16) * sigma:
            break
        v = w
    return float(sigma)


@dataclasses.dataclass
class Reference:
    """What LAPACK says of `blocks`, [batch, rows, columns]: their block diagonal."""

    singular_values: np.ndarray
    frobenius: float
    norm_1: float
    norm_inf: float
    max_abs: float
    sigma_min: float
    rounding: float  # what rounding to storage can have moved a singular value by: u |W|_F of the largest block
    longer_side: int

    @property
    def sigma_max(self):
        return float(self.singular_values[0])

    @property
    def nuclear(self):
        return math.fsum(self.singular_values)

    @property
    def stable_rank(self):
        return (self.frobenius / self.sigma_max) ** 2

    @property
    def effective_rank(self):
        p = self.singular_values / self.nuclear
        p = p[p > 0]
        return math.exp(-math.fsum(p * np.log(p)))

    @property
    def precision_supports_sigma_min(self):
        return self.sigma_min > self.rounding

    def energy_ranks(self, share, slack=1e-12):
        """The rank that keeps `share`; two where the share is met or missed by less than rounding."""
        energy = np.cumsum(self.singular_values**2)
        return {int(np.searchsorted(energy, s * energy[-1])) + 1 for s in (share - slack, share, share + slack)}

    def numerical_ranks(self, slack=1e-8):
        limit = max(self.rounding, self.longer_side * EPS * self.sigma_max)
        return {int(np.sum(self.singular_values > limit * s)) for s in (1 - slack, 1, 1 + slack)}


def in_blocks(array, layout):
    """[batch, rows, columns] of a tensor whose axes are `layout`, `[out, in / 4, kernel, kernel]` say: rows are outputs,
    and a grouped kernel is divided along its channels of the other side."""
    axes = layout.strip("[]").split(", ")
    groups = max(int(axis.partition("/")[2] or 1) for axis in axes)
    axes = [axis.partition(" ")[0] for axis in axes]
    order = {"stack": 0, "group": 1, "out": 2, "entries": 2, "in": 3, "kernel": 3, "width": 3}
    if groups > 1:
        divided = axes.index("out" if f"in / {groups}" in layout else "in")
        array = array.reshape(array.shape[:divided] + (groups, -1) + array.shape[divided + 1:])
        axes.insert(divided, "group")
    ranks = [order[axis] for axis in axes]
    array = np.transpose(array, sorted(range(len(axes)), key=lambda d: ranks[d]))
    extents = [1, 1, 1]
    for rank, extent in zip(sorted(ranks), array.shape):
        extents[max(rank - 1, 0)] *= extent
    return np.ascontiguousarray(array).reshape(extents)


def reference(blocks):
    """The figures of [batch, rows, columns] in storage precision."""
    unit = UNIT_ROUNDOFF[blocks.dtype.name]
    wide = blocks.astype(np.float64)
    values = np.sort(np.concatenate([np.linalg.svd(block, compute_uv=False) for block in wide]))[::-1]
    sigma_min = float(values[-1])
    frobenius = math.sqrt(math.fsum((wide**2).ravel()))
    rounding = unit * max(math.sqrt(math.fsum((block**2).ravel())) for block in wide)
    if rounding / 8 < sigma_min < 1e-4 * values[0]:
        sigma_min = min(precise_sigma_min(block) for block in wide)
    magnitudes = np.abs(wide)
    return Reference(values, frobenius, float(magnitudes.sum(axis=1).max()), float(magnitudes.sum(axis=2).max()),
                     float(magnitudes.max()), sigma_min, rounding, max(blocks.shape[1:]))
