"""The older interface: a forward pre-hook, like ``torch.nn.utils.spectral_norm``."""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.utils.spectral_norm import SpectralNorm as _TorchHook

from . import _library
from ._known import KnownStates
from ._parametrization import default_dim
from ._script import replacement_of
from ._settle import FIRST_STEPS, is_cold, settle, settle_compiled

T_module = TypeVar("T_module", bound=nn.Module)


class SpectralNormHook:
    """Before each forward pass, ``<name> = <name>_orig / sigma``; in training after a step of ``<name>_u, <name>_v``.

    The first evaluation of a state that has not yet made a step first makes 15 steps and stores the result; PyTorch
    divides by a product of random vectors there.
    """

    _version = 1

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but "
                f"got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        # Per state: True if it has made a step, False if not. If unknown, as for copied and loaded buffers, the tensors
        # decide.
        self.known = KnownStates()

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).reshape(weight.size(self.dim), -1)

    def compute_weight(self, module: nn.Module, do_power_iteration: bool) -> Tensor:
        weight = getattr(module, self.name + "_orig")
        u = getattr(module, self.name + "_u")
        v = getattr(module, self.name + "_v")
        if not do_power_iteration:
            u, v = self._settled(weight, u, v)
        steps = self.n_power_iterations if do_power_iteration else 0
        result, sigma = _library.normalize(weight, u, v, None, self.dim, 1, steps, self.eps, _library.V_FIRST)
        if do_power_iteration and not torch.compiler.is_compiling() and not _library.in_transform():
            self._stepped(u, v, sigma)
        return result

    def _stepped(self, u: Tensor, v: Tensor, sigma: Tensor) -> None:
        """Records that a state has made a step. A step for W = 0 does not change the state, so the first time this is
        checked."""
        if self.known.put(u, v, True) is True:
            return
        if type(sigma) is Tensor and sigma.device.type == "cpu" and torch._C._get_tracing_state() is None:
            if sigma.item() == 0:
                self.known.put(u, v, None)

    @torch.no_grad()
    def _settled(self, weight: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The state; if it has made no steps, its first steps are made and stored."""
        if torch.compiler.is_compiling():
            settle_compiled(weight.detach(), u, v, self.dim, FIRST_STEPS, self.eps)
            return u, v
        if _library.in_transform():
            return self._settled_in_transform(weight, u, v)
        known = self.known.get(u, v)
        if not known and not weight.is_meta:
            with _library.untraced():
                if known is None:
                    learnt = settle(weight, u, v, self.dim, FIRST_STEPS, self.eps)
                else:
                    learnt = self._first_steps(weight, u, v).abs().item() > 0
            if learnt:
                self.known.put(u, v, True)
        return u, v

    def _settled_in_transform(self, weight: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The state within a functional transform, where an `if` cannot decide for many states at once, and where
        nothing is recorded, because the tensors are the caller's."""
        known = self.known.get(_library.unwrapped(u), _library.unwrapped(v))
        if known:
            return u, v
        cold = is_cold(weight, u, v, self.dim)
        if known is not None:
            cold = torch.ones_like(cold)
        if not _library.unwrapped(cold).any():
            return u, v
        # One state for many weights has become one state per weight.
        many = torch.zeros_like(cold, dtype=u.dtype)
        first = u + many, v + many
        self._first_steps(weight, *first)
        u_first, v_first = torch.where(cold, first[0], u), torch.where(cold, first[1], v)
        if _library.batched_levels(u_first) <= _library.batched_levels(u) & _library.batched_levels(v):
            _library.store(u_first, u)
            _library.store(v_first, v)
        return u_first, v_first

    def _first_steps(self, weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return _library.sigma(weight, u, v, self.dim, 1, FIRST_STEPS, self.eps, _library.V_FIRST)

    def remove(self, module: nn.Module) -> None:
        with torch.no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        if isinstance(module, NormalizedOutProjection):
            module.__class__ = NonDynamicallyQuantizableLinear  # type: ignore[assignment]
            module.__dict__.pop("_normalized", None)
        else:
            delattr(module, self.name)
        for suffix in ("_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, nn.Parameter(weight.detach()))
        if not any(isinstance(h, SpectralNormHook) and h is not self for h in module._forward_pre_hooks.values()):
            module.__dict__.pop("__prepare_scriptable__", None)

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        if isinstance(module, NormalizedOutProjection):
            return
        if not torch.compiler.is_compiling() and _library.in_transform():
            self._restore_afterwards(module)
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    def _restore_afterwards(self, module: nn.Module) -> None:
        """A transform's tensors are useless outside it, so the weight of the last pass before the transform is
        restored."""
        kept = module.__dict__.get(self.name)

        def restore(module: nn.Module, inputs: Any, output: Any) -> None:
            handle.remove()
            if kept is None:
                module.__dict__.pop(self.name, None)
            else:
                setattr(module, self.name, kept)

        handle = module.register_forward_hook(restore, always_call=True)

    def solve_v(self, weight: Tensor, u: Tensor, sigma: Tensor) -> Tensor:
        """The v with W v parallel to u, as far as one exists, and u^T W v = sigma, for state dicts without v."""
        matrix = self.reshape_weight_to_matrix(weight)
        v = torch.linalg.pinv(matrix.t() @ matrix) @ (matrix.t() @ u)
        return v * (sigma / torch.dot(u, torch.mv(matrix, v)))

    @staticmethod
    def apply(module: nn.Module, name: str, n_power_iterations: int, dim: int, eps: float) -> "SpectralNormHook":
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, (SpectralNormHook, _TorchHook)) and hook.name == name:
                raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
        hook = SpectralNormHook(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if isinstance(weight, nn.parameter.UninitializedParameter):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. "
                "Make sure to run the dummy forward before applying spectral normalization"
            )
        with torch.no_grad():
            rows, columns = hook.reshape_weight_to_matrix(weight).size()
            u = F.normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
            v = F.normalize(weight.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
        delattr(module, name)
        module.register_parameter(name + "_orig", weight)
        if type(module) is NonDynamicallyQuantizableLinear and name == "weight":
            module.__class__ = NormalizedOutProjection
        else:
            setattr(module, name, weight.data)  # initializers and the like read it before the first forward pass
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        hook.known.put(u, v, False)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(SpectralNormStateDictHook(hook))
        module._register_load_state_dict_pre_hook(SpectralNormLoadStateDictPreHook(hook))
        module.__dict__["__prepare_scriptable__"] = functools.partial(prepare_hooked, module)
        return hook


_HOOKED = """
def {name}(self) -> Tensor:
    steps = {steps} if self.training else 0
    if not self.training:
        settle(self.{name}_orig, self.{name}_u, self.{name}_v, {dim}, {first}, {eps!r})
    return torch.ops.sigmax.normalize(
        self.{name}_orig, self.{name}_u, self.{name}_v, None, {dim}, 1, steps, {eps!r}, 1
    )[0]
"""


def prepare_hooked(module: nn.Module) -> nn.Module:
    """The replacement that torch.jit.script uses for a module with hooks."""
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
    replacement = replacement_of(module, type(module), sources)
    replacement.__dict__.pop("__prepare_scriptable__")
    for name in sources:
        replacement.__dict__.pop(name, None)
    replacement._forward_pre_hooks = OrderedDict(others)
    replacement._state_dict_hooks = OrderedDict()
    replacement._load_state_dict_pre_hooks = OrderedDict()
    return replacement


class NormalizedOutProjection(NonDynamicallyQuantizableLinear):
    """MultiheadAttention's ``out_proj``: its weight is read, but its forward is never called, so no hook runs."""

    @property
    def weight(self) -> Tensor:
        hook = next(h for h in self._forward_pre_hooks.values() if isinstance(h, SpectralNormHook))
        return hook.compute_weight(self, do_power_iteration=self.training)

    @weight.setter
    def weight(self, value: Tensor) -> None:
        with torch.no_grad():
            self._parameters["weight_orig"].copy_(value)  # type: ignore[union-attr]


class SpectralNormLoadStateDictPreHook:
    """State dicts from before version 1 hold the normalized weight instead of v: sigma and v are computed from it."""

    def __init__(self, fn: SpectralNormHook) -> None:
        self.fn = fn

    def __call__(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        hook = self.fn
        key = prefix + hook.name
        version = local_metadata.get("spectral_norm", {}).get(hook.name + ".version", None)
        if version is not None and version >= 1:
            return
        if version is None and key not in state_dict and all(key + s in state_dict for s in ("_orig", "_u", "_v")):
            return  # a state dict of the latest version, made by hand without metadata
        missing = [key + suffix for suffix in ("_orig", "", "_u") if key + suffix not in state_dict]
        if missing:
            if strict:
                missing_keys.extend(missing)
            return
        with torch.no_grad():
            original = state_dict[key + "_orig"]
            normalized = state_dict.pop(key)
            state_dict[key + "_v"] = hook.solve_v(original, state_dict[key + "_u"], (original / normalized).mean())


class SpectralNormStateDictHook:
    """Writes the version into a state dict's metadata."""

    def __init__(self, fn: SpectralNormHook) -> None:
        self.fn = fn

    def __call__(
        self, module: nn.Module, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any]
    ) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        key = self.fn.name + ".version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


def spectral_norm(
    module: T_module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> T_module:
    """Divides a parameter by its largest singular value before each forward pass: ``torch.nn.utils.spectral_norm``.

    Buffers ``<name>_u`` and ``<name>_v``, state dict, metadata, errors and values are the same. Prefer
    :func:`sigmax.torch.spectral_norm` in new code.
    """
    SpectralNormHook.apply(module, name, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    return module


def remove_spectral_norm(module: T_module, name: str = "weight") -> T_module:
    """Removes the normalization; the normalized weight becomes the parameter."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNormHook) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for hooks, kind in (
        (module._state_dict_hooks, SpectralNormStateDictHook),
        (module._load_state_dict_pre_hooks, SpectralNormLoadStateDictPreHook),
    ):
        for key, found in hooks.items():
            # torch keeps some hooks in its own wrapper.
            found = getattr(found, "hook", found)
            if isinstance(found, kind) and found.fn.name == name:
                del hooks[key]
                break
    return module
