"""TorchScript: ``torch.jit.script`` of a module with normalized weights.

torch's parametrizations refuse to be scripted. ``torch.jit.script`` asks a module for a replacement first
(``__prepare_scriptable__``); the replacement made here has the same parameters and buffers, under the same names, and
computes the weight in a property, which TorchScript compiles like a method.
"""

from __future__ import annotations

import linecache
from typing import Any

import torch
from torch import Tensor, nn

from . import _library

_made: dict[tuple, type] = {}

_PROPERTY = """
def {name}(self) -> Tensor:
    return self.parametrizations.{name}()
"""


class ScriptedNormalizer(nn.Module):
    """SpectralNorm with nothing but what TorchScript knows."""

    def __init__(self, of: nn.Module, eps: float) -> None:
        super().__init__()
        self.training = of.training
        self._u = of._u
        self._v = of._v
        self.register_buffer("_u", of._u)
        self.register_buffer("_v", of._v)
        self.scale = of.scale
        self.dim: int = of.dim
        self.blocks: int = of.blocks
        self.n_power_iterations: int = of.n_power_iterations
        self.eps: float = eps
        self.iteration: int = of.iteration
        self.tolerance: float = of.tolerance
        self.target: float = of.target
        self.at_most: bool = of.at_most

    def forward(self, weight: Tensor) -> Tensor:
        steps = self.n_power_iterations if self.training else 0
        return torch.ops.sigmax.normalize(
            weight, self._u, self._v, self.scale, self.dim, self.blocks, steps, self.eps, self.iteration,
            self.tolerance, self.target, self.at_most,
        )[0]  # fmt: skip


class ScriptedList(nn.ModuleList):
    """ParametrizationList with one entry and one tensor."""

    def __init__(self, of: nn.Module) -> None:
        super().__init__([ScriptedNormalizer(of[0], of[0].eps)])
        self.training = of.training
        self.original = of.original

    def forward(self) -> Tensor:
        return self[0](self.original)


def _class_with_properties(base: type, names: tuple[str, ...]) -> type:
    """``base`` with a property for each name; its source is where TorchScript looks for it."""
    key = (base, names)
    if key not in _made:
        source = "".join(_PROPERTY.format(name=name) for name in names)
        file = f"<sigmax.torch properties {len(_made)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        scope: dict[str, Any] = {"Tensor": Tensor}
        exec(compile(source, file, "exec"), scope)  # the source above, with identifiers put in
        _made[key] = type(f"Scripted{base.__name__}", (base,), {name: property(scope[name]) for name in names})
    return _made[key]


def prepare_parametrized(module: nn.Module) -> nn.Module:
    """The replacement of a parametrized module."""
    from ._parametrization import SpectralNorm

    names = tuple(module.parametrizations)
    for name in names:
        listed = module.parametrizations[name]
        if not name.isidentifier() or len(listed) != 1 or type(listed[0]) is not SpectralNorm or not hasattr(listed[0], "_u"):
            raise RuntimeError(
                f"'{name}' of {type(module).__name__} cannot be scripted: only a parameter whose one parametrization is "
                "spectral_norm can; trace the module, or remove the other parametrizations"
            )
    base = type(module).__bases__[0]
    replacement = nn.Module.__new__(_class_with_properties(base, names))
    replacement.__dict__.update(
        {key: value.copy() if isinstance(value, dict) else value for key, value in module.__dict__.items()}
    )
    lists = nn.Module()
    lists.training = module.training
    for name in names:
        setattr(lists, name, ScriptedList(module.parametrizations[name]))
    replacement._modules["parametrizations"] = lists
    return replacement
