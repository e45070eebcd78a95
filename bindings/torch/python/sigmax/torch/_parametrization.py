"""The parametrization, like ``torch.nn.utils.parametrizations.spectral_norm`` but with one read of the weight."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import _library
from ._known import KnownStates, KnownTensor

# The number of steps at registration, as in PyTorch.
FIRST_STEPS = 15

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def default_dim(module: nn.Module) -> int:
    """The dimension of the outputs: 1 for transposed convolutions, otherwise 0."""
    return 1 if isinstance(module, _TRANSPOSED) else 0


class SpectralNorm(nn.Module):
    """``W -> scale * target / sigma(W) * W`` with sigma from a state (u, v) that follows the weight.

    The buffers ``_u`` and ``_v`` are those of PyTorch. Without the keyword arguments the values are PyTorch's, too,
    except for four cases that PyTorch silently gets wrong: a zero weight stays zero (PyTorch: NaN from then on), a
    state that is not of unit length is treated as if it were, a negative sigma is treated as positive, and the
    gradients of two forward passes do not disturb each other, even in evaluation. Weights of one dimension are divided
    by their length.
    """

    _u: Tensor
    _v: Tensor
    scale: nn.Parameter | None
    scale_output: bool

    def __init__(
        self,
        weight: Tensor,
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
        *,
        target: float = 1.0,
        at_most: bool = False,
        learnable_scale: bool = False,
        solver: str = "power",
        tolerance: float = 0.0,
        blocks: int = 1,
        once_per_step: bool = False,
        _state: bool = True,
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but "
                f"got n_power_iterations={n_power_iterations}"
            )
        if solver not in _library.SOLVERS:
            raise ValueError(f"Expected solver to be one of {sorted(_library.SOLVERS)}, but got solver={solver!r}")
        if not target > 0:
            raise ValueError(f"Expected target to be positive, but got target={target}")
        if tolerance < 0:
            raise ValueError(f"Expected tolerance not to be negative, but got tolerance={tolerance}")
        rows = weight.shape[dim] if ndim else 1
        if blocks <= 0 or rows % blocks:
            raise ValueError(f"Expected blocks to divide the {rows} rows of the weight, but got blocks={blocks}")
        self.dim = dim if dim >= 0 else dim + ndim
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        self.target = float(target)
        self.at_most = at_most
        self.solver = solver
        self.iteration = _library.SOLVERS[solver]
        self.tolerance = float(tolerance)
        self.blocks = blocks
        self.once_per_step = once_per_step
        # The weight of each state's last step. A call may use weights or states other than the module's own, and with
        # torch.func each step has new tensors, all of version 0.
        self._seen = KnownStates()
        self.scale = nn.Parameter(weight.new_ones(())) if learnable_scale else None
        if ndim > 1 and _state:
            u = weight.new_empty(rows).normal_(0, 1)
            v = weight.new_empty(blocks * (weight.numel() // max(rows, 1))).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u.view(blocks, -1), dim=1, eps=eps).flatten())
            self.register_buffer("_v", F.normalize(v.view(blocks, -1), dim=1, eps=eps).flatten())
            self.iterate(weight, FIRST_STEPS)

    @torch.no_grad()
    def iterate(self, weight: Tensor, steps: int = 1) -> Tensor:
        """Makes ``steps`` steps of the state, in place; returns sigma."""
        return _library.sigma(
            weight.detach(), self._u, self._v, self.dim, self.blocks, steps, self.eps, self.iteration, self.tolerance
        )

    def _steps(self, weight: Tensor) -> int:
        """The number of steps to make when a weight is read; with ``once_per_step``, call _note_step() after them."""
        if not self.training:
            return 0
        if self.once_per_step and not torch.compiler.is_compiling():
            weight, u, v = self._own(weight)
            seen = self._seen.get(u, v)
            if seen is not None and seen.is_(weight):
                return 0
        return self.n_power_iterations

    def _step_options(self, steps: int) -> _library.StepOptions:
        """The operators' arguments for ``steps`` steps and the division."""
        return steps, self.eps, self.iteration, self.tolerance, self.target, self.at_most

    def _own(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weight and the state that the caller of a functional transform passed."""
        u, v = self._buffers["_u"], self._buffers["_v"]
        assert u is not None and v is not None
        if not _library.in_transform():
            return weight, u, v
        return _library.unwrapped(weight), _library.unwrapped(u), _library.unwrapped(v)

    def _note_step(self, weight: Tensor, steps: int) -> None:
        """Records that the state, after its steps, has seen the weight."""
        if steps > 0 and not torch.compiler.is_compiling():
            weight, u, v = self._own(weight)
            self._seen.put(u, v, KnownTensor(weight))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return self._normalize_vector(weight)
        # self._u would be a lookup in Python, which noticeably slows small layers.
        state = self._buffers
        steps = self._steps(weight)
        result = _library.normalize(
            weight, state["_u"], state["_v"], self.scale, self.dim, self.blocks, *self._step_options(steps)
        )[0]
        if self.once_per_step:
            self._note_step(weight, steps)
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "ready"}

    def _normalize_vector(self, weight: Tensor) -> Tensor:
        if self.at_most:
            result = weight * (self.target / torch.linalg.vector_norm(weight).clamp_min(self.target))
        else:
            result = F.normalize(weight, dim=0, eps=self.eps)
            if self.target != 1.0:
                result = result * self.target
        return result if self.scale is None else result * self.scale

    def sigma(self, weight: Tensor) -> Tensor:
        """sigma of a weight from the present state; differentiable."""
        return _library.sigma(weight, self._u, self._v, self.dim, self.blocks, 0, self.eps, self.iteration, 0.0)

    def right_inverse(self, value: Tensor) -> Tensor:
        """A value assigned to the parameter becomes the weight before normalization, unchanged."""
        return value

    def extra_repr(self) -> str:
        said = []
        if self.target != 1.0:
            said.append(f"target={self.target}")
        for name in ("at_most", "once_per_step"):
            if getattr(self, name):
                said.append(f"{name}=True")
        if self.scale is not None:
            said.append("learnable_scale=True")
        if self.solver != "power":
            said.append(f"solver={self.solver!r}")
        if self.tolerance:
            said.append(f"tolerance={self.tolerance}")
        if self.blocks != 1:
            said.append(f"blocks={self.blocks}")
        return ", ".join(said)
