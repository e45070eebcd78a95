"""Memory of large normalized weights and gradients."""

from __future__ import annotations

from . import _library


def release_memory() -> int:
    """Gives memory that is kept for the next step back to the system; returns how many bytes it was.

    The memory of normalized weights and of their gradients, from 128 KiB on, is kept when they die and used again: clearing
    new pages would be most of a step's time. There is never more than was in use at one time, and the system may take it
    when it is short. After a model is done with, this takes it out of the process's size too.
    """
    return _library.release_memory()
