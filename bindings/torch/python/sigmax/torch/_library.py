"""Loads the operator library and names its operators."""

import contextlib
import pathlib
from typing import Iterator

import torch

_HERE = pathlib.Path(__file__).absolute().parent


def _load() -> None:
    """Loads libsigmax_torch, which is next to this file, once per process."""
    for name in ("libsigmax_torch.so", "libsigmax_torch.dylib", "sigmax_torch.dll"):
        if (_HERE / name).exists():
            torch.ops.load_library(str(_HERE / name))
            return
    raise ImportError(
        f"sigmax.torch: no libsigmax_torch in {_HERE}; build it with CMake (-DSIGMAX_BUILD_TORCH=ON) "
        "and put build/<preset>/python on PYTHONPATH, or pip install the repository"
    )


_load()

normalize = torch.ops.sigmax.normalize.default
normalize_all = torch.ops.sigmax.normalize_all.default
sigma = torch.ops.sigmax.sigma.default
scaled_linear = torch.ops.sigmax.scaled_linear.default
scaled_convolution = torch.ops.sigmax.scaled_convolution.default
normalize_convolution = torch.ops.sigmax.normalize_convolution.default
convolution_sigma = torch.ops.sigmax.convolution_sigma.default
convolution_norm = torch.ops.sigmax.convolution_norm.default
convolution_state_size = torch.ops.sigmax.convolution_state_size.default
certify_convolution = torch.ops.sigmax.certify_convolution.default
certify = torch.ops.sigmax.certify.default
store = torch.ops.sigmax._store.default
release_memory = torch.ops.sigmax.release_memory.default

# The operators' names for the order of a step.
U_FIRST, V_FIRST, LANCZOS = 0, 1, 2
SOLVERS = {"power": U_FIRST, "lanczos": LANCZOS}

# steps, eps, iteration, tolerance, target, at_most: the last arguments of normalize, normalize_all, scaled_linear and
# scaled_convolution. A plain tuple, because anything else noticeably slows small layers.
StepOptions = tuple[int, float, int, float, float, bool]


def in_transform() -> bool:
    """True within a functional transform: torch.func.grad, jvp, vmap and functions built on them."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def unwrapped(tensor: torch.Tensor) -> torch.Tensor:
    """Within functional transforms, the tensor that their caller passed: each call makes new wrappers around it."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


def batched_levels(tensor: torch.Tensor) -> set[int]:
    """The vmap levels at which each example has a separate tensor."""
    levels = set()
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        if torch._C._functorch.is_batchedtensor(tensor):
            levels.add(torch._C._functorch.maybe_get_level(tensor))
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return levels


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """torch.jit.trace does not record what runs inside this context."""
    tracing = torch._C._get_tracing_state()
    torch._C._set_tracing_state(None)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch._C._set_tracing_state(tracing)  # type: ignore[attr-defined]


_top_hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", lambda ignore_tracing: None)


def saved_by_hooks() -> bool:
    """True if hooks intercept the tensors saved for the backward pass, as within torch.utils.checkpoint."""
    return _top_hooks(False) is not None
