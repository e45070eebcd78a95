"""Norms as intervals, and how they are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import argument, strided
from ._core import enclose as enclose_norm
from ._norms import matrix_order

_WORDS = {
    "proven": "proven, rounding included",
    "probabilistic": "true except with a probability of {:.1g}",
    "lower_only": "the lower end is proven; no upper end is known",
    "computed": "computed; nothing is known about its error",
}


@dataclass(frozen=True)
class Enclosure:
    """``lower <= quantity <= upper``, and how that is known.

    Attributes
    ----------
    lower, upper : float
        The ends; `upper` is infinite where none is known.
    kind : str
        'proven': both ends are theorems about the stored entries, every rounding error of their evaluation included.
        'probabilistic': true except with `failure_probability`, over sigmax's own random start. 'lower_only': no upper
        end. 'computed': no end.
    quantity : str
        What lies between the ends.
    failure_probability : float
        0 unless the kind is 'probabilistic'.
    method : str
        What the ends rest on.
    """

    lower: float
    upper: float
    kind: str
    quantity: str
    failure_probability: float = 0.0
    method: str = ""

    def __contains__(self, value: Any) -> bool:
        return bool(self.lower <= value <= self.upper)

    @property
    def width(self) -> float:
        """``upper - lower``."""
        return self.upper - self.lower

    @property
    def relative_width(self) -> float:
        """``(upper - lower) / upper``; 0 for [0, 0], infinite without an upper end."""
        if math.isinf(self.upper):
            return math.inf
        return self.width / self.upper if self.upper > 0 else 0.0

    def __repr__(self) -> str:
        above = "" if math.isinf(self.upper) else f" <= {self.upper!r}"
        words = _WORDS[self.kind].format(self.failure_probability)
        return f"Enclosure({self.lower!r} <= {self.quantity}{above}: {words})"


def enclose(A: Any, ord: Any = 2, *, relative_width: float = 0.0) -> Enclosure:
    """A norm of a matrix as an interval that contains it, by default of the largest singular value.

    Parameters
    ----------
    A : array_like, (m, n)
        float16, bfloat16, float32 or float64, read where it lies; integers that float64 holds exactly. The ends are
        about exactly these numbers.
    ord : optional
        The norm, as for matrices in `norm`.
    relative_width : float
        The ``(upper - lower) / upper`` that is enough: a wider interval takes less time. 0: as narrow as possible.

    Returns
    -------
    Enclosure

    Raises
    ------
    ValueError
        For an array that is not a matrix, is empty or has NaN or infinite entries, and for norms that do not exist.
    TypeError
        For complex, longdouble and other types, and integers that float64 does not hold.

    Notes
    -----
    Norms of entries: two reads, with every rounding error bounded. The norm 2: a vector from Lanczos gives the lower
    end, a Cholesky factorization of ``t I - A* A`` the upper one; m n k + k^3/3 flops for k = min(m, n) up to 4096.
    Beyond, the upper end is probabilistic: Kuczynski and Wozniakowski, SIAM J. Matrix Anal. Appl. 13, 1992. docs/proofs.md
    has the theorems.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmax
    >>> e = sigmax.enclose(np.array([[1.0, 2.0], [-3.0, 4.0]]))
    >>> e.kind, e.relative_width < 1e-12, (15 + 125**0.5) ** 0.5 in e
    ('proven', True, True)
    """
    spelling = matrix_order(ord)
    original = np.asarray(A)
    given = argument(A)
    if given.array.dtype.kind == "c" or given.array.dtype.char == "g":
        raise TypeError(f"enclosures are of real matrices in float16, bfloat16, float32 or float64, not {original.dtype}")
    if original.dtype.kind in "iu" and original.dtype.itemsize == 8 and original.size:
        if max(abs(int(original.min())), abs(int(original.max()))) > 2**53:
            raise TypeError("an integer beyond 2**53 is not a float64: convert the array yourself, knowing that it rounds")
    if given.array.ndim != 2:
        raise ValueError(f"an enclosure is of one matrix: got {given.array.ndim} dimensions, expected 2")
    lower, upper, kind, probability, quantity, method = enclose_norm(
        strided(given.array), given.bfloat16, spelling, relative_width
    )
    return Enclosure(lower, math.inf if upper is None else upper, kind, quantity, probability, method)
