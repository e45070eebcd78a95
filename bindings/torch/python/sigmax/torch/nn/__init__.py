"""What ``torch.nn`` has of spectral normalization."""

from . import utils

__all__ = ["utils"]
