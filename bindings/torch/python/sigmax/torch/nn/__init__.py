"""The spectral normalization that ``torch.nn`` has."""

from . import utils

__all__ = ["utils"]
