"""Converts state dicts of the hook to state dicts of the parametrization, and back."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Mapping

_NEW = "parametrizations."


def hook_to_parametrization(state_dict: Mapping[str, Any]) -> "OrderedDict[str, Any]":
    """``<name>_orig, _u, _v`` become ``parametrizations.<name>.original, .0._u, .0._v``; the rest is unchanged.

    The state is kept unchanged: the two interfaces update u and v in different orders, but each can continue from the
    other's state. State dicts without ``_v``, from before version 1, must be loaded by the hook first.
    """
    result: OrderedDict[str, Any] = OrderedDict()
    for key, value in state_dict.items():
        prefix, _, last = key.rpartition(".")
        prefix = prefix + "." if prefix else ""
        for suffix, place in (("_orig", "original"), ("_u", "0._u"), ("_v", "0._v")):
            name = last.removesuffix(suffix)
            if last.endswith(suffix) and all(prefix + name + other in state_dict for other in ("_orig", "_u", "_v")):
                result[f"{prefix}{_NEW}{name}.{place}"] = value
                break
        else:
            result[key] = value
    return result


def parametrization_to_hook(state_dict: Mapping[str, Any]) -> "OrderedDict[str, Any]":
    """The inverse conversion, with the metadata that the hook expects. Changes only weights with a single
    parametrization."""
    result: OrderedDict[str, Any] = OrderedDict()
    versions: dict[str, dict[str, int]] = {}
    for key, value in state_dict.items():
        start = key.find(_NEW)
        if start < 0 or (start > 0 and key[start - 1] != "."):
            result[key] = value
            continue
        prefix, (name, _, place) = key[:start], key[start + len(_NEW) :].partition(".")
        base = f"{prefix}{_NEW}{name}."
        suffix = {"original": "_orig", "0._u": "_u", "0._v": "_v"}.get(place)
        if suffix is None or not all(base + other in state_dict for other in ("original", "0._u", "0._v")):
            result[key] = value
            continue
        result[prefix + name + suffix] = value
        versions.setdefault(prefix.removesuffix("."), {})[name + ".version"] = 1
    metadata = OrderedDict(getattr(state_dict, "_metadata", {}))
    for path, names in versions.items():
        entry = dict(metadata.get(path, {"version": 1}))
        entry["spectral_norm"] = {**entry.get("spectral_norm", {}), **names}
        metadata[path] = entry
    result._metadata = metadata  # type: ignore[attr-defined]
    return result
