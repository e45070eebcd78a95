"""The entry point: adds the parametrization to a module's parameter, and the special support to the module's class."""

from __future__ import annotations

from typing import Sequence, TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize

from ._convolution import ConvolutionSpectralNorm, geometry_of
from ._parametrization import SpectralNorm, default_dim
from ._special import after_registration, check_scalable

T_module = TypeVar("T_module", bound=nn.Module)


def spectral_norm(
    module: T_module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    target: float = 1.0,
    at_most: bool = False,
    learnable_scale: bool = False,
    solver: str = "power",
    tolerance: float = 0.0,
    blocks: int = 1,
    once_per_step: bool = False,
    scale_output: bool = False,
    operator: bool = False,
    input_size: Sequence[int] | int | None = None,
) -> T_module:
    """Divides a parameter of the module by its largest singular value whenever it is read.

    Without keyword arguments this is ``torch.nn.utils.parametrizations.spectral_norm``: the same buffers, state dict,
    random numbers, errors and, up to rounding in the weight's precision, the same values. PyTorch's
    :func:`torch.nn.utils.parametrize.remove_parametrizations` removes it. Unlike PyTorch's, it has an effect on
    recurrent layers.

    Args:
        module: the module that holds the parameter; returned
        name: the parameter's name
        n_power_iterations: steps per read in training mode; each step is one read of the weight from memory
        eps: a vector is divided by ``max(length, eps)``, as in PyTorch: a weight with sigma below it is not normalized
        dim: the dimension of the outputs; ``None`` means 1 for transposed convolutions, otherwise 0
        target: the norm of the normalized weight
        at_most: multiply by ``min(1, target / sigma)``: weights that are small enough stay unchanged
        learnable_scale: multiply by a learned scalar, which starts at 1: ``parametrizations.<name>.0.scale``
        solver: ``"power"``, or ``"lanczos"``, which at two or more steps is more accurate for the same reads
        tolerance: if positive, ``n_power_iterations`` is a maximum: steps stop at this estimated relative error
        blocks: divide the rows into this many blocks of equal size, each with its own sigma: 4 for the gates of an LSTM
        once_per_step: iterate only when the weight has changed, however often it is read in between
        scale_output: for Linear and convolutions, compute ``(W x) target / sigma + b`` and never write the normalized
            weight; reading ``module.<name>`` still returns it
        operator: for a convolution, normalize the norm of the layer's linear map instead of that of the reshaped kernel:
            stride, padding, dilation and groups count. A step is one convolution and one transposed convolution of one
            image. ``dim``, ``blocks`` and ``scale_output`` do not apply
        input_size: with ``operator``, the spatial size of the layer's inputs, such as ``(32, 32)``. With zero padding,
            the norm at this size bounds the norm at every smaller size

    Example::

        >>> layer = sigmax.torch.spectral_norm(nn.Linear(20, 40))
        >>> torch.linalg.matrix_norm(layer.weight, 2)
        tensor(1.0019, grad_fn=<...>)
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if scale_output:
        check_scalable(module, name, blocks)
    options = {
        "n_power_iterations": n_power_iterations,
        "eps": eps,
        "target": target,
        "at_most": at_most,
        "learnable_scale": learnable_scale,
        "solver": solver,
        "tolerance": tolerance,
        "once_per_step": once_per_step,
    }
    if operator:
        if input_size is None:
            raise ValueError("operator=True needs input_size, the spatial size of the layer's inputs, such as (32, 32)")
        for option, given in (("dim", dim is not None), ("blocks", blocks != 1), ("scale_output", scale_output)):
            if given:
                raise ValueError(f"operator=True normalizes the layer as a whole: leave {option} off")
        normalizer: SpectralNorm = ConvolutionSpectralNorm(weight, geometry_of(module, name, input_size), **options)
    elif input_size is not None:
        raise ValueError("input_size has a meaning only with operator=True")
    else:
        normalizer = SpectralNorm(
            weight, dim=default_dim(module) if dim is None else dim, blocks=blocks, **options  # type: ignore[arg-type]
        )
    parametrize.register_parametrization(module, name, normalizer)
    after_registration(module, name, scale_output)
    return module
