"""Enclosures of the norm of a weight."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from . import _library
from ._convolution import ConvolutionSpectralNorm
from ._hook import SpectralNormHook
from ._parametrization import SpectralNorm, default_dim


class Enclosure(NamedTuple):
    """``lower <= sigma_max <= upper``; ``certainty`` is the certainty of the upper end."""

    lower: float
    upper: float
    certainty: str


@torch.no_grad()
def certify(
    weight: Tensor | nn.Module, name: str = "weight", dim: int | None = None, *, relative_width: float | None = None
) -> Enclosure:
    """An enclosure of the largest singular value of a weight, rounding errors included.

    For a module it certifies the weight that the next forward pass in evaluation mode uses: the normalized one. ``dim``
    is the dimension of the outputs, as in :func:`spectral_norm`. A convolution's weight is read as the reshaped matrix,
    as in spectral normalization; the norm of the convolution itself can be larger. If the module is normalized with
    ``operator=True``, the enclosure is that of the operator norm at its input size. For it, ``relative_width`` is the
    width asked for, ``(upper - lower) / upper``: a smaller one takes more work, and may not be reached. ``None``: 1e-6
    with circular padding, and otherwise 0.02. Any other norm is enclosed as closely as rounding allows.
    """
    if relative_width is not None and not 0 < relative_width < 1:
        raise ValueError(f"Expected relative_width to be above 0 and below 1, but got relative_width={relative_width}")
    if isinstance(weight, nn.Module):
        if dim is None:
            dim = default_dim(weight)
        hooked = next(
            (h for h in weight._forward_pre_hooks.values() if isinstance(h, SpectralNormHook) and h.name == name), None
        )
        if hooked is not None:  # the attribute is the weight of the last forward pass
            return Enclosure(*_library.certify(hooked.compute_weight(weight, False), dim))
        listed = getattr(weight, "parametrizations", {})
        modes = [(one, one.training) for one in (listed[name] if name in listed else []) if isinstance(one, SpectralNorm)]
        try:
            for one, _ in modes:
                one.training = False
            tensor = getattr(weight, name)
        finally:
            for one, mode in modes:
                one.training = mode
        operators = [one for one, _ in modes if isinstance(one, ConvolutionSpectralNorm)]
        if operators:
            return Enclosure(*_library.certify_convolution(tensor, *operators[-1].geometry, relative_width or 0.0))
        weight = tensor
    return Enclosure(*_library.certify(weight, 0 if dim is None else dim))
