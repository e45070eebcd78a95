"""Spectral normalization for PyTorch.

``sigmax.torch.spectral_norm`` replaces ``torch.nn.utils.parametrizations.spectral_norm``, and
``sigmax.torch.nn.utils.spectral_norm`` replaces ``torch.nn.utils.spectral_norm``. ``apply`` normalizes a whole model;
``certify`` encloses a norm with proof. ``convolution_norm`` and ``convolution_penalty`` are norms of convolution layers
as terms of a loss. The operators are ``torch.ops.sigmax.*``.
"""

from . import _library, nn
from ._certify import Enclosure, certify
from ._convert import hook_to_parametrization, parametrization_to_hook
from ._memory import release_memory
from ._model import NormalizedModel, apply
from ._parametrization import SpectralNorm
from ._penalty import convolution_input_sizes, convolution_norm, convolution_penalty
from ._spectral_norm import spectral_norm

__all__ = [
    "Enclosure",
    "NormalizedModel",
    "SpectralNorm",
    "apply",
    "certify",
    "convolution_input_sizes",
    "convolution_norm",
    "convolution_penalty",
    "hook_to_parametrization",
    "nn",
    "parametrization_to_hook",
    "release_memory",
    "spectral_norm",
]
