"""Memory for large normalized weights and gradients."""

from __future__ import annotations

from . import _library


def release_memory() -> int:
    """Returns memory kept for the next step to the system; returns the number of bytes.

    Memory of normalized weights and of their gradients, from 128 KiB on, is kept for reuse when they are freed, because
    clearing new pages would take most of a step's time. There is never more than was in use at one time, and the system
    may take it back when memory is short. Once a model is no longer needed, this function also reduces the size of the
    process.
    """
    return _library.release_memory()
