"""TorchScript: ``torch.jit.script`` of a module with normalized weights.

torch's parametrizations refuse to be scripted. ``torch.jit.script`` asks a module for a replacement first
(``__prepare_scriptable__``); the replacement made here has the same parameters and buffers, under the same names, and
computes the weight in a property, which TorchScript compiles like a method.
"""

from __future__ import annotations

import linecache
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from ._settle import FIRST_STEPS, settle

_made: dict[tuple, type] = {}

_PARAMETRIZED = """
def {name}(self) -> Tensor:
    return self.parametrizations.{name}()
"""

_HOOKED = """
def {name}(self) -> Tensor:
    steps = {steps} if self.training else 0
    if not self.training:
        settle(self.{name}_orig, self.{name}_u, self.{name}_v, {dim}, {first}, {eps!r})
    return torch.ops.sigmax.normalize(
        self.{name}_orig, self.{name}_u, self.{name}_v, None, {dim}, 1, steps, {eps!r}, 1
    )[0]
"""


class ScriptedNormalizer(nn.Module):
    """SpectralNorm with nothing but what TorchScript knows."""

    def __init__(self, of: nn.Module, eps: float) -> None:
        super().__init__()
        self.training = of.training
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


def _class_with_properties(base: type, sources: dict[str, str]) -> type:
    """``base`` with a property for each name; its source is where TorchScript looks for it."""
    key = (base, *sorted(sources.items()))
    if key not in _made:
        source = "".join(sources.values())
        file = f"<sigmax.torch properties {len(_made)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        scope: dict[str, Any] = {"Tensor": Tensor, "torch": torch, "settle": settle}
        exec(compile(source, file, "exec"), scope)  # the sources above, with identifiers and numbers put in
        # TorchScript evaluates what it looks at, and an evaluation is a step of the state: it is told not to look.
        members: dict[str, Any] = {"__jit_ignored_attributes__": list(sources)}
        members.update({name: property(scope[name]) for name in sources})
        _made[key] = type(f"Scripted{base.__name__}", (base,), members)
    return _made[key]


def _replacement(module: nn.Module, base: type, sources: dict[str, str]) -> nn.Module:
    """A module of that class with what the module given holds."""
    replacement = base.__new__(_class_with_properties(base, sources))
    replacement.__dict__.update(
        {key: value.copy() if isinstance(value, dict) else value for key, value in module.__dict__.items()}
    )
    return replacement


def prepare_hooked(module: nn.Module) -> nn.Module:
    """The replacement of a module with hooks of :func:`sigmax.torch.nn.utils.spectral_norm`."""
    from ._hook import SpectralNormHook

    sources = {}
    others = {}
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNormHook):
            sources[hook.name] = _HOOKED.format(
                name=hook.name, steps=hook.n_power_iterations, dim=hook.dim, eps=hook.eps,
                first=FIRST_STEPS,
            )
        else:
            others[key] = hook
    replacement = _replacement(module, type(module), sources)
    replacement.__dict__.pop("__prepare_scriptable__")
    for name in sources:
        replacement.__dict__.pop(name, None)
    replacement._forward_pre_hooks = OrderedDict(others)
    replacement._state_dict_hooks = OrderedDict()
    replacement._load_state_dict_pre_hooks = OrderedDict()
    return replacement


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
    sources = {name: _PARAMETRIZED.format(name=name) for name in names}
    replacement = _replacement(module, type(module).__bases__[0], sources)
    lists = nn.Module()
    lists.training = module.training
    for name in names:
        setattr(lists, name, ScriptedList(module.parametrizations[name]))
    replacement._modules["parametrizations"] = lists
    return replacement
