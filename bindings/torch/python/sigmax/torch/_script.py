"""TorchScript: ``torch.jit.script`` of a module with normalized weights.

torch's parametrizations refuse to be scripted. ``torch.jit.script`` asks a module for a replacement first
(``__prepare_scriptable__``); the replacements have the same parameters and buffers, under the same names, and compute
the weight in a property, which TorchScript compiles like a method. The two interfaces build their replacements from
this module.
"""

from __future__ import annotations

import linecache
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from ._settle import settle

_made: dict[tuple[Any, ...], type] = {}


class ScriptedNormalizer(nn.Module):
    """SpectralNorm, written with only what TorchScript supports."""

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.training = of.training
        self.register_buffer("_u", of._u)
        self.register_buffer("_v", of._v)
        self.scale = of.scale
        self.dim: int = of.dim
        self.blocks: int = of.blocks
        self.n_power_iterations: int = of.n_power_iterations
        self.eps: float = of.eps
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
    """A ParametrizationList with one entry and one tensor."""

    def __init__(self, of: Any) -> None:
        super().__init__([ScriptedNormalizer(of[0])])
        self.training = of.training
        self.original = of.original

    def forward(self) -> Tensor:
        return self[0](self.original)


def _class_with_properties(base: type, sources: dict[str, str]) -> type:
    """``base`` with a property for each name; its source is registered where TorchScript looks for it."""
    key = (base, *sorted(sources.items()))
    if key not in _made:
        source = "".join(sources.values())
        file = f"<sigmax.torch properties {len(_made)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        scope: dict[str, Any] = {"Tensor": Tensor, "torch": torch, "settle": settle}
        exec(compile(source, file, "exec"), scope)  # the sources above, with identifiers and numbers put in
        # TorchScript evaluates each property that it inspects, and an evaluation steps the state: it is told to skip
        # these.
        members: dict[str, Any] = {"__jit_ignored_attributes__": list(sources)}
        members.update({name: property(scope[name]) for name in sources})
        _made[key] = type(f"Scripted{base.__name__}", (base,), members)
    return _made[key]


def replacement_of(module: nn.Module, base: Any, sources: dict[str, str]) -> nn.Module:
    """A module of that class with the contents of the given module."""
    replacement: nn.Module = base.__new__(_class_with_properties(base, sources))
    replacement.__dict__.update(
        {key: value.copy() if isinstance(value, dict) else value for key, value in module.__dict__.items()}
    )
    return replacement
