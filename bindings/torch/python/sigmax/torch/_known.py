"""Python's knowledge about states, tied to the individual tensors.

A state (u, v) is a pair of buffers. The next call may have other buffers: within torch.func.functional_call, or after a
deep copy, load_state_dict(assign=True) or torch.utils.swap_tensors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

Stamp = tuple[Any, ...]


def stamp(tensor: Tensor) -> Stamp | None:
    """The location of a tensor's values, and the count of writes to them. None for inference-mode tensors, which have
    no such count, and for tensors without a storage.

    The storage's address is not reused while a weak reference to the storage is held. (A weak reference to the tensor
    would also work, but torch.utils.swap_tensors refuses tensors that have one.)
    """
    if tensor.is_inference():
        return None
    try:
        return (tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.shape), tensor._version
    except (NotImplementedError, RuntimeError):
        return None


class KnownTensor:
    """Recognizes a tensor as long as nothing writes to it, without keeping it alive."""

    __slots__ = ("_stamp", "_storage")

    def __init__(self, tensor: Tensor) -> None:
        self._stamp = stamp(tensor)
        self._storage = None if self._stamp is None else StorageWeakRef(tensor.untyped_storage())

    def is_(self, tensor: Tensor) -> bool:
        now = stamp(tensor)
        return now is not None and now == self._stamp

    def renew(self, tensor: Tensor, now: Stamp) -> None:
        """Accepts the tensor's present values: the owner of this object has written to it."""
        if self._stamp is None or self._stamp[0][0] != now[0][0]:
            self._storage = StorageWeakRef(tensor.untyped_storage())
        self._stamp = now

    def dead(self) -> bool:
        return self._storage is None or self._storage.expired()


class KnownStates:
    """A value for each state (u, v), as long as both tensors live and nobody else writes to them.

    Copies know nothing: they belong to a module with other tensors.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[Any, ...], tuple[KnownTensor, KnownTensor, Any]] = {}

    def get(self, u: Tensor, v: Tensor) -> Any:
        """The value, or None if nothing is known."""
        now = stamp(u)
        entry = self._entries.get(now[0]) if now is not None else None
        return entry[2] if entry is not None and entry[0]._stamp == now and entry[1].is_(v) else None

    def put(self, u: Tensor, v: Tensor, value: Any) -> Any:
        """Stores the value for the state's present values. Returns the value known before for these tensors, regardless
        of any writes to them since."""
        now, now_v = stamp(u), stamp(v)
        if now is None or now_v is None:
            return None
        entry = self._entries.get(now[0])
        if entry is None:
            for other, (known, _, _) in list(self._entries.items()):
                if known.dead():
                    self._entries.pop(other, None)
            self._entries[now[0]] = KnownTensor(u), KnownTensor(v), value
            return None
        known_u, known_v, before = entry
        known_u.renew(u, now)
        known_v.renew(v, now_v)
        self._entries[now[0]] = known_u, known_v, value
        return before

    def __deepcopy__(self, memo: dict[int, Any]) -> "KnownStates":
        return KnownStates()

    def __reduce__(self) -> tuple[Any, ...]:
        return KnownStates, ()
