"""The operator norm of convolutions as a differentiable number, for penalties in training."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from . import _library
from ._convolution import geometry_of, input_sizes_of

RELATIVE_WIDTH = 1e-3
TOLERANCE = 1e-10


def convolution_norm(
    layer: nn.Module,
    input_size: Sequence[int] | int | None = None,
    *,
    relative_width: float = RELATIVE_WIDTH,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """The norm of a convolution layer as a linear map of images, without its bias; differentiable in the weight.

    It is a tensor without dimensions, in the weight's type; float32 for half precisions. Its gradient is exact: the
    singular vectors are computed anew for each weight, and there is no state. A second derivative raises an error. The
    norm is convex in the weight; where its largest singular value is not simple, the gradient is one of several.

    Args:
        layer: a convolution of torch.nn, transposed or not. A weight that is parametrized counts as it is
        input_size: without batch and channels; one number for all axes. ``None``: the supremum over all sizes, without
            borders: padding does not count
        relative_width: of the supremum: no size has a norm that is larger than the result by more than this,
            relatively, proven. 0: a search without a proof, at about half the cost
        tolerance: of the norm at a size: the relative error that the solver may leave

    The computation runs on the CPU; weights on other devices are copied.
    """
    geometry = geometry_of(layer, "weight", input_size, "convolution_norm()")
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return _library.convolution_norm(weight, *geometry, relative_width, tolerance)


def convolution_penalty(
    model: nn.Module,
    target: float | None = None,
    *,
    input_sizes: Mapping[str, Sequence[int] | int] | None = None,
    include: str = "",
    exclude: str | None = None,
    relative_width: float = RELATIVE_WIDTH,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """The sum over the convolutions of a model of ``N``, or of ``max(0, N - target)**2``: a term of a loss.

    N is the operator norm of :func:`convolution_norm`. With a target, layers whose norm is at most the target add
    nothing to the loss or its gradient, and the penalty is differentiable where a norm reaches the target.

    Args:
        model: a convolution, or a module with convolutions in it
        target: at least 0; ``None``: the norms themselves
        input_sizes: the size of each layer's input by the layer's name, as :func:`convolution_input_sizes` finds them;
            ``None``: the suprema over all sizes
        include: a regular expression that may match anywhere in a layer's name, such as ``encoder.0``
        exclude: a regular expression for names to leave out; ``None``: none
        relative_width, tolerance: as for :func:`convolution_norm`
    """
    if target is not None and not (0 <= target < float("inf")):
        raise ValueError(f"Expected target to be finite and at least 0, but got target={target}")
    wanted = re.compile(include)
    unwanted = re.compile(exclude) if exclude is not None else None
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _ConvNd)
        and wanted.search(name) is not None
        and (unwanted is None or unwanted.search(name) is None)
    }
    if not layers:
        raise ValueError(f"no convolution matches include={include!r}, exclude={exclude!r}")
    sizes = _sizes_for(layers, model, input_sizes)
    total: Tensor | None = None
    for name, layer in layers.items():
        norm = convolution_norm(layer, sizes.get(name), relative_width=relative_width, tolerance=tolerance)
        value = norm if target is None else (norm - target).clamp_min(0).square()
        total = value if total is None else total + value.to(total.device)
    assert total is not None
    return total


def _sizes_for(
    layers: Mapping[str, nn.Module], model: nn.Module, input_sizes: Mapping[str, Sequence[int] | int] | None
) -> Mapping[str, Sequence[int] | int]:
    if input_sizes is None:
        return {}
    missing = [name for name in layers if name not in input_sizes]
    if missing:
        raise ValueError(
            f"input_sizes has no entry for '{missing[0]}': give its size, leave it out with exclude=, or leave "
            "input_sizes off for the suprema over all sizes"
        )
    convolutions = {name for name, module in model.named_modules() if isinstance(module, _ConvNd)}
    unknown = [name for name in input_sizes if name not in convolutions]
    if unknown:
        raise ValueError(f"input_sizes names '{unknown[0]}', which is not a convolution of the model")
    return input_sizes


def convolution_input_sizes(model: nn.Module, example_inputs: Any) -> dict[str, tuple[int, ...]]:
    """The size of the input of each convolution, without batch and channels, by the layer's name.

    The model runs once on ``example_inputs``, its input or the tuple of its inputs, in evaluation mode and without
    gradients. A layer that is called with several sizes gets the largest along each axis; one that is not called is left
    out.
    """
    sizes = input_sizes_of(model, example_inputs)
    return {name: sizes[module] for name, module in model.named_modules() if module in sizes}
