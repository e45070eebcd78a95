"""sigmax: singular values, norms and condition numbers of matrices, with proof.

The functions take NumPy arrays and whatever NumPy makes an array of, in ``numpy.linalg``'s conventions: ``norm``,
``matrix_norm``, ``vector_norm``, ``cond``, ``matrix_rank``, ``svd``, ``svdvals``, ``pinv``. ``enclose`` returns a norm
as an interval that is proven. ``svds`` is ``scipy.sparse.linalg.svds``. ``sigmax.torch`` provides spectral
normalization for PyTorch; nothing else needs torch.

Names are loaded on first use, so that ``import sigmax.torch`` works where only that part is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._config import __version__, get_num_threads, set_num_threads, show_config
    from ._enclosure import Enclosure, enclose
    from ._decompositions import SVDResult, cond, matrix_rank, pinv, svd, svdvals
    from ._norms import matrix_norm, norm, vector_norm
    from ._svds import svds

_HOMES = {
    "Enclosure": "_enclosure",
    "SVDResult": "_decompositions",
    "__version__": "_config",
    "cond": "_decompositions",
    "enclose": "_enclosure",
    "get_num_threads": "_config",
    "matrix_norm": "_norms",
    "matrix_rank": "_decompositions",
    "norm": "_norms",
    "pinv": "_decompositions",
    "set_num_threads": "_config",
    "show_config": "_config",
    "svd": "_decompositions",
    "svds": "_svds",
    "svdvals": "_decompositions",
    "vector_norm": "_norms",
}

__all__ = [
    "Enclosure",
    "SVDResult",
    "__version__",
    "cond",
    "enclose",
    "get_num_threads",
    "matrix_norm",
    "matrix_rank",
    "norm",
    "pinv",
    "set_num_threads",
    "show_config",
    "svd",
    "svds",
    "svdvals",
    "vector_norm",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sigmax' has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module("." + _HOMES[name], __name__), name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(__name__):
            raise
        raise ImportError(
            f"sigmax.{name} needs the module sigmax._core, which is not here: build the CMake target "
            "sigmax_python and put build/<preset>/python on PYTHONPATH"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
