"""The loss xi sigma + phi . u + psi . v of the largest singular triplet in torch and in JAX, and its gradient by
automatic differentiation."""

import torch
from ways import Problem


def problem_of(a, xi, phi, psi, full_matrices=True):
    """The NumPy arrays as torch tensors, with the triplet."""
    a, phi, psi = torch.from_numpy(a), torch.from_numpy(phi), torch.from_numpy(psi)
    u, s, vt = torch.linalg.svd(a, full_matrices=full_matrices)
    return Problem(a, u[:, 0], s[0], vt[0], torch.tensor(xi), phi, psi)


def by_torch(x, full_matrices=True):
    a = x.a.clone().requires_grad_()
    u, s, vt = torch.linalg.svd(a, full_matrices=full_matrices)
    (x.xi * s[0] + x.phi.dot(u[:, 0]) + x.psi.dot(vt[0])).backward()
    return a.grad


def jax_and_loss():
    """The module and the loss as a function of (a, xi, phi, psi); None if JAX is not installed."""
    try:
        import jax
    except ImportError:
        return None

    def loss(a, xi, phi, psi):
        u, s, vt = jax.numpy.linalg.svd(a, full_matrices=False)
        return xi * s[0] + u[:, 0].dot(phi) + vt[0].dot(psi)

    return jax, loss
