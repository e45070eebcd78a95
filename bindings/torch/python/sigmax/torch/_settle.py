"""The first steps of a state that has made none, decided only by the tensors.

Code that sees only tensors (a copy of the buffers, a loaded state, a compiled or scripted module) cannot know whether a
state has been stepped, but the tensors tell: the last step left u parallel to W v, or nearly so if the weight was
trained since. With random vectors u is not even nearly parallel. The functions are simple enough for TorchScript.
"""

from __future__ import annotations

import torch
from torch import Tensor

FIRST_STEPS = 15


def _matrix(weight: Tensor, dim: int) -> Tensor:
    matrix = weight.detach().movedim(dim, 0).reshape(weight.size(dim), -1)
    if matrix.dtype == torch.float16 or matrix.dtype == torch.bfloat16:
        return matrix.to(torch.float32)
    return matrix


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    """The product matrix vector, in a type in which it can be squared."""
    product = torch.mv(matrix, vector.to(matrix.dtype))
    return product.to(torch.complex128 if matrix.is_complex() else torch.float64)


def _off(u: Tensor, image: Tensor) -> Tensor:
    """True if u deviates from the direction of W v by more than the rounding of its type."""
    eps = 1.2e-7
    if u.dtype == torch.float16:
        eps = 9.8e-4
    elif u.dtype == torch.bfloat16:
        eps = 7.8e-3
    wide = u.to(image.dtype)
    lengths = torch.linalg.vector_norm(image) * torch.linalg.vector_norm(wide)
    # The angle is the root of twice this; it may be as large as the root of the type's epsilon.
    return lengths - torch.vdot(wide, image).abs() > eps * lengths


def _implausible(matrix: Tensor, u: Tensor, v: Tensor, image: Tensor) -> Tensor:
    """True if steps cannot lead to this u and v: W v is not nearly parallel to u, or W^H u is not nearly parallel to v,
    or sigma is below 0.7 times the root mean square of all singular values. False for W = 0 and if there is a NaN."""
    back = _product(matrix.t().conj(), u)
    wide_u, wide_v = u.to(image.dtype), v.to(image.dtype)
    sigma = torch.vdot(wide_u, image).abs()
    length_u, length_v = torch.linalg.vector_norm(wide_u), torch.linalg.vector_norm(wide_v)
    wide = torch.complex128 if matrix.is_complex() else torch.float64
    frobenius = torch.linalg.vector_norm(matrix, dtype=wide)
    mean = frobenius * length_u * length_v / float(max(1, min(matrix.size(0), matrix.size(1)))) ** 0.5
    return (
        (sigma < 0.9 * torch.linalg.vector_norm(image) * length_u)
        | (sigma < 0.9 * torch.linalg.vector_norm(back) * length_v)
        | (sigma < 0.7 * mean)
    )


def is_cold(weight: Tensor, u: Tensor, v: Tensor, dim: int) -> Tensor:
    """Whether a state has made no step, as far as the tensors tell. Costs at most three reads of W."""
    matrix = _matrix(weight, dim)
    image = _product(matrix, v)
    implausible = _implausible(matrix, u, v, image)
    # With one row u is parallel to W v for any v.
    return implausible if matrix.size(0) == 1 else _off(u, image) & implausible


def settle(weight: Tensor, u: Tensor, v: Tensor, dim: int, steps: int, eps: float) -> bool:
    """Makes the first steps of a state that has made none, in place. Returns False if W = 0, from which nothing can be
    learned.

    Costs one read of W if u is parallel to W v, that is, after a step for W and after this function.
    """
    with torch.no_grad():
        matrix = _matrix(weight, dim)
        image = _product(matrix, v)
        if matrix.size(0) > 1 and not bool(_off(u, image)):
            return bool(torch.linalg.vector_norm(image) > 0)
        if not bool(_implausible(matrix, u, v, image)):
            return bool(torch.linalg.vector_norm(image) > 0)
        sigma = torch.ops.sigmax.sigma(weight.detach(), u, v, dim, 1, steps, eps, 1)
        return bool(sigma.abs() > 0)


@torch.library.custom_op("sigmax::_settle", mutates_args=("u", "v"))
def settle_compiled(weight: Tensor, u: Tensor, v: Tensor, dim: int, steps: int, eps: float) -> None:
    """settle() as one operator for torch.compile, whose graphs have no branches."""
    settle(weight, u, v, dim, steps, eps)


@settle_compiled.register_fake
def _(weight: Tensor, u: Tensor, v: Tensor, dim: int, steps: int, eps: float) -> None:
    return None
