"""A whole model: the choice of its weights, and their normalization in one call per forward pass."""

from __future__ import annotations

import re
from typing import Any, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from . import _library, _special
from ._certify import Enclosure, certify
from ._convolution import input_sizes_of
from ._parametrization import SpectralNorm
from ._spectral_norm import spectral_norm


class NormalizedModel:
    """The normalized weights of a model, as :func:`apply` returns them.

    Before each forward pass of the model all weights are computed in one parallel call; after it they are released. A
    weight that is read outside a forward pass is computed on that read.
    """

    def __init__(self, model: nn.Module, places: list[tuple[str, Any, str]]) -> None:
        self._places = places
        self._handles = [
            model.register_forward_pre_hook(self._before),
            model.register_forward_hook(self._after, always_call=True),
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[str, nn.Module, str]]:
        """(full name, module, name within the module) of each weight."""
        return iter(self._places)

    @property
    def names(self) -> list[str]:
        return [full for full, _, _ in self._places]

    def _lists(self) -> list[tuple[Any, Any]]:
        """(list of parametrizations, SpectralNorm) of each weight that still has only our normalization."""
        found = []
        for _, module, name in self._places:
            modules = module._modules.get("parametrizations")
            listed = modules._modules.get(name) if modules is not None else None
            if listed is not None and len(listed._modules) == 1 and type(listed._modules["0"]) is SpectralNorm:
                found.append((listed, listed._modules["0"]))
        return found

    def normalize(self) -> list[Tensor]:
        """All normalized weights, in the order of ``names``: one call, differentiable. In training it makes one step of
        each state, unless ``once_per_step`` is set and no weight has changed since the last step."""
        return self._normalize(self._lists())

    @staticmethod
    def _normalize(lists: list[tuple[Any, Any]]) -> list[Tensor]:
        results: list[Tensor | None] = [None] * len(lists)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for index, (listed, one) in enumerate(lists):
            weight = listed._parameters["original"]
            if weight.ndim < 2:
                results[index] = one.forward(weight)
                continue
            key = (*one._step_options(one._steps(weight)), one._parameters.get("scale") is not None)
            groups.setdefault(key, []).append(index)
        for key, indices in groups.items():
            ones = [lists[index][1] for index in indices]
            normalized = _library.normalize_all(
                [lists[index][0]._parameters["original"] for index in indices],
                [one._buffers["_u"] for one in ones],
                [one._buffers["_v"] for one in ones],
                [one._parameters["scale"] for one in ones] if key[-1] else [],
                [one.dim for one in ones],
                [one.blocks for one in ones],
                *key[:-1],
            )[0]
            for index, weight in zip(indices, normalized):
                results[index] = weight
                if lists[index][1].once_per_step:
                    lists[index][1]._note_step(lists[index][0]._parameters["original"], key[0])
        return results  # type: ignore[return-value]

    def _before(self, model: nn.Module, inputs: Any) -> None:
        # torch.compile needs to see each weight where it is read; a replica of DataParallel has separate weights; a
        # traced weight must be computed inside the trace.
        if (
            torch.compiler.is_compiling()
            or getattr(model, "_is_replica", False)
            or torch._C._get_tracing_state() is not None
        ):
            return
        lists = [(listed, one) for listed, one in self._lists() if not getattr(one, "scale_output", False)]
        for (listed, one), weight in zip(lists, self._normalize(lists)):
            one.__dict__["ready"] = _special.Ready(weight, listed._parameters["original"], one)

    def _after(self, model: nn.Module, inputs: Any, output: Any) -> None:
        for _, one in self._lists():
            one.__dict__.pop("ready", None)

    @torch.no_grad()
    def sigma(self) -> dict[str, float]:
        """sigma of each weight before normalization, from the present states."""
        result = {}
        for full, module, name in self._places:
            listed = module.parametrizations[name]
            if listed.original.ndim > 1:
                result[full] = listed[0].sigma(listed.original).max().item()
        return result

    def certify(self, *, relative_width: float | None = None) -> dict[str, Enclosure]:
        """An enclosure of the norm of each normalized weight, with the options of :func:`certify`."""
        return {
            full: certify(module, name, dim=module.parametrizations[name][0].dim, relative_width=relative_width)
            for full, module, name in self._places
        }

    def remove(self) -> None:
        """Removes the normalization; the normalized weights become the parameters."""
        for handle in self._handles:
            handle.remove()
        for _, module, name in self._places:
            listed = module.parametrizations[name]
            listed.eval()  # no further step
            listed[0].__dict__.pop("ready", None)
            parametrize.remove_parametrizations(module, name)


def _taken(model: nn.Module, wanted: re.Pattern[str], unwanted: re.Pattern[str] | None) -> list[str]:
    """The matching full names of parameters that already have a parametrization or a hook."""
    found = []
    for path, module in model.named_modules():
        names = list(module._modules["parametrizations"]._modules) if "parametrizations" in module._modules else []
        names += [name.removesuffix("_orig") for name in module._parameters if name.endswith("_orig")]
        for name in names:
            full = f"{path}.{name}" if path else name
            if wanted.search(full) is not None and (unwanted is None or unwanted.search(full) is None):
                found.append(full)
    return found


def apply(
    model: nn.Module,
    include: str = r"(^|\.)(weight|weight_[ih]h_l\d+(_reverse)?|weight_[ih]h|in_proj_weight|[qkv]_proj_weight)$",
    exclude: str | None = None,
    *,
    once_per_step: bool = True,
    operator: bool = False,
    example_inputs: Any = None,
    **options: Any,
) -> NormalizedModel:
    """Normalizes the weights of two or more dimensions whose full names match, in one call per pass.

    Weights that already have a parametrization, or the hook of :func:`sigmax.torch.nn.utils.spectral_norm`, are left
    unchanged.

    Args:
        model: its weights are parametrized in place
        include: a regular expression that may match anywhere in the full name, such as ``encoder.0.weight``
        exclude: a regular expression for names to leave out; ``None``: none
        once_per_step: one step of a state for each change of its weight, by the optimizer, say, however many forward
            passes there are in between
        operator: normalize each convolution by its operator norm at the size of its input, as in
            :func:`spectral_norm`; other layers as without it
        example_inputs: with ``operator``, the model's input, or the tuple of its inputs. The model runs once on it, in
            evaluation mode and without gradients, to learn the size of each convolution's input. A layer that is called
            with several sizes gets the largest along each axis
        options: those of :func:`spectral_norm`
    """
    wanted = re.compile(include)
    unwanted = re.compile(exclude) if exclude is not None else None
    places = []
    for path, module in model.named_modules():
        if isinstance(module, (SpectralNorm, parametrize.ParametrizationList)):
            continue
        for name, parameter in list(module.named_parameters(recurse=False)):
            full = f"{path}.{name}" if path else name
            if wanted.search(full) is None or (unwanted is not None and unwanted.search(full) is not None):
                continue
            if isinstance(parameter, nn.parameter.UninitializedParameter):
                raise ValueError(f"'{full}' is not initialized yet: run a forward pass before applying spectral_norm")
            if parameter.ndim >= 2:
                places.append((full, module, name))
    if not places:
        taken = _taken(model, wanted, unwanted)
        if taken:
            names = ", ".join(f"'{full}'" for full in taken[:3]) + (f" and {len(taken) - 3} more" if len(taken) > 3 else "")
            raise ValueError(
                f"every weight that matches is parametrized already: {names}. apply() normalizes a weight once: use what "
                "the first call returned, or take the parametrization off first (remove() of that, or "
                "torch.nn.utils.parametrize.remove_parametrizations)"
            )
        raise ValueError(f"no weight of two or more dimensions matches include={include!r}, exclude={exclude!r}")
    if operator and example_inputs is None:
        raise ValueError("operator=True needs example_inputs, from which the size of each convolution's input is learned")
    sizes = input_sizes_of(model, example_inputs) if operator else {}
    for full, module, name in places:
        own = dict(options)
        if operator and isinstance(module, _ConvNd) and name == "weight":
            if module not in sizes:
                raise ValueError(
                    f"the model does not call '{full.removesuffix('.weight')}' on example_inputs, so that the size of its "
                    "input is unknown: leave it out with exclude=, or give other inputs"
                )
            own.update(operator=True, input_size=sizes[module])
        spectral_norm(module, name, once_per_step=once_per_step, **own)
    return NormalizedModel(model, places)
