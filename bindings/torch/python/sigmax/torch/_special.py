"""Special support that a parametrization alone does not give: recurrent layers, scaled outputs, TorchScript."""

from __future__ import annotations

import weakref
from typing import Any, Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import parametrize

from . import _library
from ._parametrization import SpectralNorm
from ._script import ScriptedList, replacement_of


def only_normalizer(module: Any, name: str) -> SpectralNorm | None:
    """The parametrization of a parameter if it has only one and that is a SpectralNorm, otherwise None."""
    if not parametrize.is_parametrized(module, name):
        return None
    listed = module.parametrizations[name]
    return listed[0] if len(listed) == 1 and isinstance(listed[0], SpectralNorm) else None


def after_registration(module: Any, name: str, scale_output: bool) -> None:
    """Adapts the class that torch has made for this module."""
    cls: Any = type(module)
    _quick_access(cls, name)
    if isinstance(module, nn.RNNBase):
        _flat_weights_by_name(module)
    if scale_output:
        module.parametrizations[name][0].scale_output = True
        cls.forward = _scaled_forward
    cls.__prepare_scriptable__ = prepare_parametrized


class Ready:
    """A normalized weight that the model computed at the beginning of its forward pass, and the tensors it was computed
    from.

    A part of the model may be called with other tensors, by torch.func.functional_call, or with gradients although the
    model is called without.
    """

    __slots__ = ("_scale", "_u", "_version", "_weight", "normalized")

    def __init__(self, normalized: Tensor, weight: Tensor, normalizer: nn.Module) -> None:
        self.normalized = normalized
        self._weight = weight
        self._version = None if weight.is_inference() else weight._version
        self._u = normalizer._buffers.get("_u")
        self._scale = normalizer._parameters.get("scale")

    def is_of(self, weight: Tensor | None, normalizer: nn.Module) -> bool:
        scale = normalizer._parameters.get("scale")
        if weight is not self._weight or normalizer._buffers.get("_u") is not self._u or scale is not self._scale:
            return False
        if self._version is not None and weight._version != self._version:
            return False
        if self.normalized.requires_grad or not torch.is_grad_enabled():
            return True
        return not (weight.requires_grad or (scale is not None and scale.requires_grad))


# torch's getter goes through the __call__ of two modules, which takes most of a small layer's time; this one calls the
# single parametrization directly.
def _quick_access(cls: type, name: str) -> None:
    found = cls.__dict__[name]
    if getattr(found.fget, "sigmax_quick", False):
        return
    in_full: Callable[[nn.Module], Tensor] = found.fget

    def get(self: Any) -> Tensor:
        if torch.compiler.is_compiling():
            return in_full(self)
        listed = self._modules["parametrizations"]._modules[name]
        only = listed._modules["0"]
        if (
            len(listed._modules) != 1
            or type(only) is not SpectralNorm
            or parametrize._cache_enabled
            or only._forward_hooks
            or only._forward_pre_hooks
            or only._backward_hooks
            or only._backward_pre_hooks
            or listed._forward_hooks
            or listed._forward_pre_hooks
        ):
            return in_full(self)
        ready = only.__dict__.get("ready")
        # A checkpoint runs its part of the model again, after the computed weights are released, and expects the same
        # operators.
        weight = listed._parameters.get("original")
        if ready is not None and not _library.saved_by_hooks() and ready.is_of(weight, only):
            return ready.normalized
        return only.forward(listed.original if weight is None else weight)

    get.sigmax_quick = True  # type: ignore[attr-defined]
    setattr(cls, name, property(get, found.fset))


# torch's recurrent layers compute with a list that they filled on construction. Here the list is rebuilt whenever it is
# read.
def _flat_weights_by_name(module: nn.RNNBase) -> None:
    cls: Any = type(module)
    if "_flat_weights" in cls.__dict__:
        return

    def originals(self: Any) -> list[Tensor | None]:
        """The parameters themselves: the list holds them again once the last parametrization is removed."""
        lists = self._modules["parametrizations"]._modules
        return [lists[n].original if n in lists else self._parameters.get(n) for n in self._flat_weights_names]

    def get(self: Any) -> list[Tensor | None]:
        lists = self._modules["parametrizations"]._modules
        return [getattr(self, n) if n in lists else self._parameters.get(n) for n in self._flat_weights_names]

    def set_(self: Any, value: list[Tensor | None]) -> None:
        kept = originals(self)
        self.__dict__["_flat_weights"] = kept
        self.__dict__["_flat_weight_refs"] = [weakref.ref(w) if w is not None else None for w in kept]

    cls._flat_weights = property(get, set_)
    cls._init_flat_weights = lambda self: set_(self, [])
    cls._update_flat_weights = lambda self: None  # it reads each weight to see if it is new; all are
    cls.flatten_parameters = lambda self: None  # a call's weights are new tensors: nothing to flatten
    set_(module, [])


def check_scalable(module: nn.Module, name: str, blocks: int) -> None:
    if not isinstance(module, (nn.Linear, _ConvNd)) or name != "weight":
        raise ValueError(
            "scale_output needs the weight of a Linear or a convolution, "
            f"got '{name}' of {type(module).__name__}: leave it off"
        )
    if blocks != 1:
        raise ValueError(f"scale_output needs one sigma for the whole weight, got blocks={blocks}")


def _scaled_forward(self: Any, input: Tensor, *arguments: Any, **named: Any) -> Tensor:
    normalizer = only_normalizer(self, "weight")
    if normalizer is None or not getattr(normalizer, "scale_output", False) or parametrize.is_parametrized(self, "bias"):
        base: Any = type(self).__bases__[0]
        return base.forward(self, input, *arguments, **named)
    weight = self.parametrizations.weight.original
    steps = normalizer._steps(weight)
    how = (normalizer.scale, normalizer.dim, *normalizer._step_options(steps))
    state = (normalizer._u, normalizer._v)
    # Stored first: with the test inside the `if`, type checkers would narrow `self` to torch's class, which declares a
    # tuple where there is a list.
    is_linear, is_transposed = isinstance(self, nn.Linear), isinstance(self, _ConvTransposeNd)
    if is_linear:
        result = _library.scaled_linear(input, weight, self.bias, *state, *how)
        if normalizer.once_per_step:
            normalizer._note_step(weight, steps)
        return result
    padding = self.padding
    output_padding = self.output_padding
    if is_transposed:
        sizes = arguments[0] if arguments else named.get("output_size")
        output_padding = self._output_padding(
            input, sizes, self.stride, self.padding, self.kernel_size, len(self.kernel_size), self.dilation
        )
    elif self.padding_mode != "zeros" or isinstance(padding, str):
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        input = F.pad(input, self._reversed_padding_repeated_twice, mode=mode)
        padding = (0,) * len(self.kernel_size)
    result = _library.scaled_convolution(
        input, weight, self.bias, *state, self.stride, padding, self.dilation, self.transposed, output_padding,
        self.groups, *how,
    )  # fmt: skip
    if normalizer.once_per_step:
        normalizer._note_step(weight, steps)
    return result


_PARAMETRIZED = """
def {name}(self) -> Tensor:
    return self.parametrizations.{name}()
"""


def prepare_parametrized(module: Any) -> nn.Module:
    """The replacement that torch.jit.script uses for a parametrized module."""
    names = tuple(module.parametrizations)
    for name in names:
        listed = module.parametrizations[name]
        if not name.isidentifier() or len(listed) != 1 or type(listed[0]) is not SpectralNorm or not hasattr(listed[0], "_u"):
            raise RuntimeError(
                f"'{name}' of {type(module).__name__} cannot be scripted: only a parameter whose one parametrization is "
                "spectral_norm can; trace the module, or remove the other parametrizations"
            )
    sources = {name: _PARAMETRIZED.format(name=name) for name in names}
    replacement = replacement_of(module, type(module).__bases__[0], sources)
    lists = nn.Module()
    lists.training = module.training
    for name in names:
        setattr(lists, name, ScriptedList(module.parametrizations[name]))
    replacement._modules["parametrizations"] = lists
    return replacement
