"""Spectral normalization of a convolution by its operator norm at one input size."""

from __future__ import annotations

from operator import index
from typing import Any, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from . import _library
from ._parametrization import FIRST_STEPS, SpectralNorm

# The operators' arguments that describe a convolution: input_size, stride, padding (before all axes, then after all),
# dilation, transposed, output_padding, groups, padding_mode.
Geometry = tuple[list[int], list[int], list[int], list[int], bool, list[int], int, str]


def geometry_of(
    module: nn.Module, name: str, input_size: Sequence[int] | int | None, caller: str = "operator=True"
) -> Geometry:
    """The geometry of a convolution layer for inputs of this size, or, with ``None``, without a size. Raises ValueError
    for other modules."""
    if not isinstance(module, _ConvNd) or name != "weight":
        raise ValueError(
            f"{caller} needs the weight of a convolution, got '{name}' of {type(module).__name__}: "
            + ("leave it off, the matrix's norm is the layer's norm" if caller == "operator=True" else "pass the layer")
        )
    axes = len(module.kernel_size)
    try:
        sizes = [input_size] * axes if isinstance(input_size, int) else [index(size) for size in input_size or ()]
    except TypeError:
        raise TypeError(f"input_size must be an integer or integers such as (32, 32), got {input_size!r}") from None
    if len(sizes) != (0 if input_size is None else axes):
        raise ValueError(
            f"Expected input_size to have {axes} entries for {type(module).__name__}, without batch and channels, but "
            f"got input_size={tuple(sizes)}"
        )
    if module.padding == "same":
        totals = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size)]
        low = [total // 2 for total in totals]
        high = [total - before for total, before in zip(totals, low)]
    else:
        low = high = [0] * axes if module.padding == "valid" else [int(p) for p in module.padding]
    return (
        sizes,
        list(module.stride),
        [*low, *high],
        list(module.dilation),
        isinstance(module, _ConvTransposeNd),
        list(module.output_padding),
        module.groups,
        module.padding_mode,
    )


@torch.no_grad()
def input_sizes_of(model: nn.Module, example_inputs: Any) -> dict[nn.Module, tuple[int, ...]]:
    """The spatial size of the input of each convolution that the model calls."""
    sizes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        axes = len(module.kernel_size)  # type: ignore[arg-type]
        found = tuple(inputs[0].shape[-axes:])
        sizes[module] = tuple(map(max, found, sizes.get(module, found)))

    modes = {module: module.training for module in model.modules()}
    handles = [module.register_forward_pre_hook(note) for module in modes if isinstance(module, _ConvNd)]
    try:
        model.eval()
        model(*(example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return sizes


class ConvolutionSpectralNorm(SpectralNorm):
    """``W -> scale * target / sigma W`` with sigma the operator norm of the convolution at one input size.

    The buffers ``_u`` and ``_v`` are an output and an input of the layer, flattened; ``_input_size`` says for which size
    they are, so that a state dict cannot be loaded into a layer of another size.
    """

    _input_size: Tensor

    def __init__(self, weight: Tensor, geometry: Geometry, **options: Any) -> None:
        dim = 1 if geometry[4] else 0
        super().__init__(weight, dim=dim, **options, _state=False)
        self.geometry = geometry
        # Checks the geometry, and says what is wrong with it.
        outputs, inputs = _library.convolution_state_size(weight, *geometry)
        u = weight.new_empty(outputs).normal_(0, 1)
        v = weight.new_empty(inputs).normal_(0, 1)
        self.register_buffer("_u", F.normalize(u, dim=0, eps=self.eps))
        self.register_buffer("_v", F.normalize(v, dim=0, eps=self.eps))
        self.register_buffer("_input_size", torch.tensor(geometry[0], dtype=torch.int64))
        self.iterate(weight, FIRST_STEPS)

    @property
    def input_size(self) -> tuple[int, ...]:
        return tuple(self.geometry[0])

    @torch.no_grad()
    def iterate(self, weight: Tensor, steps: int = 1) -> Tensor:
        return _library.convolution_sigma(
            weight.detach(), self._u, self._v, *self.geometry, steps, self.eps, self.iteration, self.tolerance
        )

    def forward(self, weight: Tensor) -> Tensor:
        steps = self._steps(weight)
        result = _library.normalize_convolution(
            weight, self._u, self._v, *self.geometry, self.scale, *self._step_options(steps)
        )[0]
        if self.once_per_step:
            self._note_step(weight, steps)
        return result

    def sigma(self, weight: Tensor) -> Tensor:
        return _library.convolution_sigma(weight, self._u, self._v, *self.geometry, 0, self.eps, self.iteration, 0.0)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        """Refuses a state of another input size by name: PyTorch would only say that sizes differ."""
        errors: list[str] = arguments[-1]
        found = state_dict.get(prefix + "_input_size")
        state = state_dict.get(prefix + "_v")
        if found is not None and found.tolist() != self.geometry[0]:
            errors.append(
                f"{prefix}_input_size is {tuple(found.tolist())} in the state dict, but the layer is normalized for "
                f"inputs of {self.input_size}"
            )
            return
        if found is None and state is not None:
            errors.append(
                f"{prefix}_v is a state of the reshaped matrix: it was saved without operator=True. Load it into a layer "
                "without it, and normalize that layer anew"
            )
            return
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        rest = super().extra_repr()
        return f"operator=True, input_size={self.input_size}" + (f", {rest}" if rest else "")

