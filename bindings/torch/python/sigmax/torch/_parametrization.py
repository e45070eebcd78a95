"""The parametrization: what ``torch.nn.utils.parametrizations.spectral_norm`` is, from one read of the weight."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from . import _library, _special
from ._known import KnownStates, KnownTensor

T_module = TypeVar("T_module", bound=nn.Module)

# The steps at registration, as in PyTorch.
_FIRST_STEPS = 15

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def default_dim(module: nn.Module) -> int:
    """The dimension of the outputs: 1 for transposed convolutions, otherwise 0."""
    return 1 if isinstance(module, _TRANSPOSED) else 0


class SpectralNorm(nn.Module):
    """``W -> scale * target / sigma(W) * W`` with sigma from a state (u, v) that follows the weight.

    The buffers are PyTorch's, ``_u`` and ``_v``, and so are the numbers without the keyword arguments, but for four
    cases that PyTorch gets silently wrong: a zero weight stays zero (PyTorch: NaN, for good), a state that is not of
    unit length counts as one that is, a negative sigma as a positive one, and the gradients of two forward passes do not
    disturb each other in evaluation either. Weights of one dimension are divided by their length.
    """

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
        # The weight of each state's last step. A call may have other weights or other states than the module's own, and
        # with torch.func each step has new tensors, all of version 0.
        self._seen = KnownStates()
        self.scale = nn.Parameter(weight.new_ones(())) if learnable_scale else None
        if ndim > 1:
            u = weight.new_empty(rows).normal_(0, 1)
            v = weight.new_empty(blocks * (weight.numel() // max(rows, 1))).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u.view(blocks, -1), dim=1, eps=eps).flatten())
            self.register_buffer("_v", F.normalize(v.view(blocks, -1), dim=1, eps=eps).flatten())
            self.iterate(weight, _FIRST_STEPS)

    @torch.no_grad()
    def iterate(self, weight: Tensor, steps: int = 1) -> Tensor:
        """``steps`` steps of the state, in place; returns sigma."""
        return _library.sigma(
            weight.detach(), self._u, self._v, self.dim, self.blocks, steps, self.eps, self.iteration, self.tolerance
        )

    def _steps(self, weight: Tensor) -> int:
        """The steps that a read of a weight makes; _note_step() goes behind them with ``once_per_step``."""
        if not self.training:
            return 0
        if self.once_per_step and not torch.compiler.is_compiling():
            weight, u, v = self._own(weight)
            seen = self._seen.get(u, v)
            if seen is not None and seen.is_(weight):
                return 0
        return self.n_power_iterations

    def _own(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weight and the state that the caller of a functional transform gave."""
        u, v = self._buffers["_u"], self._buffers["_v"]
        if not _library.in_transform():
            return weight, u, v
        return _library.unwrapped(weight), _library.unwrapped(u), _library.unwrapped(v)

    def _note_step(self, weight: Tensor, steps: int) -> None:
        """The state, as the steps have left it, has seen the weight."""
        if steps > 0 and not torch.compiler.is_compiling():
            weight, u, v = self._own(weight)
            self._seen.put(u, v, KnownTensor(weight))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return self._normalize_vector(weight)
        # self._u would be looked for in Python, which small layers notice.
        state = self._buffers
        steps = self._steps(weight)
        result = _library.normalize(
            weight, state["_u"], state["_v"], self.scale, self.dim, self.blocks, steps, self.eps, self.iteration,
            self.tolerance, self.target, self.at_most,
        )[0]  # fmt: skip
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
        """sigma of a weight by the state as it is; differentiable."""
        return _library.sigma(weight, self._u, self._v, self.dim, self.blocks, 0, self.eps, self.iteration, 0.0)

    def right_inverse(self, value: Tensor) -> Tensor:
        """What is assigned to the parameter becomes the weight before normalization, unchanged."""
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


def spectral_norm(
    module: T_module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    target: float = 1.0,
    at_most: bool = False,
    learnable_scale: bool = False,
    solver: str = "power",
    tolerance: float = 0.0,
    blocks: int = 1,
    once_per_step: bool = False,
    scale_output: bool = False,
) -> T_module:
    """Divides a parameter of the module by its largest singular value whenever it is read.

    Without keyword arguments this is ``torch.nn.utils.parametrizations.spectral_norm``: the same buffers, state dict,
    random numbers, errors and, to the rounding of the weight's precision, the same values. Its own
    :func:`torch.nn.utils.parametrize.remove_parametrizations` takes it off. On recurrent layers it has an effect, which
    PyTorch's has not.

    Args:
        module: what holds the parameter; returned
        name: of the parameter
        n_power_iterations: steps a read in training mode; each is one read of the weight from memory
        eps: a vector is divided by ``max(length, eps)``
        dim: the dimension of the outputs; ``None`` is 1 for transposed convolutions, otherwise 0
        target: the norm that the normalized weight has
        at_most: multiply by ``min(1, target / sigma)``: leave alone what is small enough
        learnable_scale: multiply by a learned scalar, which starts at 1: ``parametrizations.<name>.0.scale``
        solver: ``"power"``, or ``"lanczos"``, which at two or more steps is closer to the truth for the same reads
        tolerance: positive: ``n_power_iterations`` are the most, and a read stops at this estimated relative error
        blocks: cut the rows into so many blocks of equal size, each with its own sigma: 4 for the gates of an LSTM
        once_per_step: iterate only when the weight has changed, however often it is read in between
        scale_output: for Linear and convolutions, compute ``(W x) target / sigma + b`` and never write the normalized
            weight; reading ``module.<name>`` still gives it

    Example::

        >>> layer = sigmax.torch.spectral_norm(nn.Linear(20, 40))
        >>> torch.linalg.matrix_norm(layer.weight, 2)
        tensor(1.0019, grad_fn=<...>)
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if scale_output:
        _special.check_scalable(module, name, blocks)
    if dim is None:
        dim = default_dim(module)
    normalizer = SpectralNorm(
        weight,
        n_power_iterations,
        dim,
        eps,
        target=target,
        at_most=at_most,
        learnable_scale=learnable_scale,
        solver=solver,
        tolerance=tolerance,
        blocks=blocks,
        once_per_step=once_per_step,
    )
    parametrize.register_parametrization(module, name, normalizer)
    _special.after_registration(module, name, scale_output)
    return module
