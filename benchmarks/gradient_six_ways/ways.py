"""The six ways to pull cotangents (xi, phi, psi) of the largest singular triplet back to A, step for step as published.

Each way takes a Problem and gives (p, q, systems): the gradient is xi u v^T + (p - u u.p) v^T + u (q - v v.q)^T, the
projection included, and `systems` are the matrices of the solved systems, for their condition. The comment above each
way says what it solves in exact arithmetic; docs/gradient-ways.md has the proofs.

Notation: K = [sigma I, -A; -A^T, sigma I], which is singular, K (u; v) = 0; c = (phi; psi), whose part along (u; v) is
not in the range of K unless the cotangent was projected first; a = u.phi and b = v.psi.
"""

import dataclasses

import torch
from torch.linalg import lstsq, solve


@dataclasses.dataclass
class Problem:
    a: torch.Tensor
    u: torch.Tensor
    s: torch.Tensor
    v: torch.Tensor
    xi: torch.Tensor
    phi: torch.Tensor
    psi: torch.Tensor
    driver: str = "gels"  # "gels" takes the matrix to be of full rank, and is all that CUDA has; "gelsy" finds the rank

    def solved(self, matrix, right):
        return lstsq(matrix, right, driver=self.driver)[0]

    def projected(self):
        """The problem with phi freed of its part along u and psi of that along v; the loss's gradient is the same."""
        return dataclasses.replace(self, phi=self.phi - self.u.dot(self.phi) * self.u,
                                   psi=self.psi - self.v.dot(self.psi) * self.v)

    def gradient(self, p, q):
        return (self.xi * torch.outer(self.u, self.v) + torch.outer(p - self.u.dot(p) * self.u, self.v) +
                torch.outer(self.u, q - self.v.dot(q) * self.v))


def eye(like, n):
    return torch.eye(n, dtype=like.dtype)


def adjoint_matrix(x):
    m, n = x.a.shape
    return torch.cat([torch.cat([x.s * eye(x.a, m), -x.a], dim=-1), torch.cat([-x.a.T, x.s * eye(x.a, n)], dim=-1)])


# K (p; q) = c. The residual of the least-squares solution is (a + b) / 2 (u; v), the solutions are
# (p0; q0) + (a - b) / (4 sigma) (u; -v) + t (u; v) with any t, (p0; q0) the right one: exact after the projection.
# Numerically t is 0 from a solver that finds the rank, but about (a + b) / (2 epsilon sigma) from one that does not.
def least_squares(x):
    k = adjoint_matrix(x)
    solution = x.solved(k, torch.cat([x.phi, x.psi]))
    return solution[:x.a.shape[0]], solution[x.a.shape[0]:], [k]


# K (p; q) + lambda (u; 0) + mu (0; v) = c, of least norm. The new columns complete the range: consistent, of full rank,
# exact after the projection. Their length is 1 whatever the unit of A, so the condition depends on the unit.
def augmented(x):
    m, n = x.a.shape
    k = torch.cat([adjoint_matrix(x), torch.cat([x.u, torch.zeros_like(x.v)])[None],
                   torch.cat([torch.zeros_like(x.u), x.v])[None]])
    solution = x.solved(k.T, torch.cat([x.phi, x.psi]))
    return solution[:m], solution[m:m + n], [k]


# P p = sigma phi + A psi and Q q = A^T phi + sigma psi, P = sigma^2 I - A A^T, Q = sigma^2 I - A^T A: K with one side
# eliminated. P u = 0 and Q v = 0: like the first way, exact after the projection, and inconsistent without a projection
# before the solve.
def block_inversion(x):
    m, n = x.a.shape
    left, right = x.s**2 * eye(x.a, m) - x.a @ x.a.T, x.s**2 * eye(x.a, n) - x.a.T @ x.a
    p = x.solved(left, x.s * x.phi) + x.solved(left, x.a.mv(x.psi))
    q = x.solved(right, x.a.T.mv(x.phi)) + x.solved(right, x.s * x.psi)
    return p, q, [left, right]


# P y = A psi is sigma^2 y - A (A^T y + psi) = 0, that is [A, -I] (H y - h) = 0 up to the sign, with H = [A^T; sigma^2 I]
# and h = (-psi; 0). The way solves H y = h instead, which is sufficient and not necessary, and has no solution unless
# psi = 0. Its least-squares solution is -(A A^T + sigma^4 I)^-1 A psi: another number, and of the other sign.
# P x = sigma phi goes through LU, on a matrix that is singular.
def mixed(x):
    m, n = x.a.shape
    h = torch.cat([x.a.T, x.s**2 * eye(x.a, m)])
    j = torch.cat([x.a, x.s**2 * eye(x.a, n)])
    left, right = x.s**2 * eye(x.a, m) - x.a @ x.a.T, x.s**2 * eye(x.a, n) - x.a.T @ x.a
    p = solve(left, x.s * x.phi) + x.solved(h, torch.cat([-x.psi, torch.zeros_like(x.u)]))
    q = x.solved(j, torch.cat([-x.phi, torch.zeros_like(x.v)])) + solve(right, x.s * x.psi)
    return p, q, [left, right, h, j]


# All four terms like the second of `mixed`, the solution multiplied by A^T first and divided by it afterwards:
# p = -(A A^T + sigma^4 I)^-1 (sigma phi' + A psi), phi' the part of phi in the range of A.
def backward_substitution(x):
    m, n = x.a.shape
    h = torch.cat([x.a.T, x.s**2 * eye(x.a, m)])
    j = torch.cat([x.a, x.s**2 * eye(x.a, n)])
    with_phi = torch.cat([torch.stack([-x.s * x.phi, -x.phi], dim=-1), torch.zeros(n, 2, dtype=x.a.dtype)])
    with_psi = torch.cat([torch.stack([-x.psi, -x.s * x.psi], dim=-1), torch.zeros(m, 2, dtype=x.a.dtype)])
    mu, w = x.solved(j, with_phi).T
    y, nu = x.solved(h, with_psi).T
    p = x.solved(x.a.T, mu) + y
    q = w + x.solved(x.a, nu)
    return p, q, [h, j, x.a]


# As above in the other order: the division by A comes first. In exact arithmetic the result is that of
# `backward_substitution`.
def forward_substitution(x):
    m, n = x.a.shape
    mu, nu = x.solved(x.a, x.s * x.phi), x.solved(x.a.T, x.s * x.psi)
    h = torch.cat([x.a.T, x.s**2 * eye(x.a, m)])
    j = torch.cat([x.a, x.s**2 * eye(x.a, n)])
    left = x.solved(h, torch.cat([torch.stack([-mu, -x.psi], dim=-1), torch.zeros(m, 2, dtype=x.a.dtype)]))
    right = x.solved(j, torch.cat([torch.stack([-x.phi, -nu], dim=-1), torch.zeros(n, 2, dtype=x.a.dtype)]))
    return left.sum(dim=-1), right.sum(dim=-1), [h, j, x.a]


WAYS = {
    "K by least squares": least_squares,
    "augmented K": augmented,
    "block inversion": block_inversion,
    "mixed": mixed,
    "backward substitution": backward_substitution,
    "forward substitution": forward_substitution,
}


# The last three ways without their invalid step: K = L D L^T by blocks. This solves for the shorter side, with
# sigma^2 u u^T added because P is singular, which changes nothing for a projected right-hand side and makes Cholesky's
# factorization possible; the other side follows by substitution.
def block_elimination(x):
    m, n = x.a.shape
    x = x.projected()
    if m <= n:
        left = x.s**2 * (eye(x.a, m) + torch.outer(x.u, x.u)) - x.a @ x.a.T
        p = torch.cholesky_solve((x.s * x.phi + x.a.mv(x.psi))[:, None], torch.linalg.cholesky(left))[:, 0]
        p = p - x.u.dot(p) * x.u
        return p, (x.psi + x.a.T.mv(p)) / x.s, [left]
    right = x.s**2 * (eye(x.a, n) + torch.outer(x.v, x.v)) - x.a.T @ x.a
    q = torch.cholesky_solve((x.s * x.psi + x.a.T.mv(x.phi))[:, None], torch.linalg.cholesky(right))[:, 0]
    q = q - x.v.dot(q) * x.v
    return (x.phi + x.a.mv(q)) / x.s, q, [right]


def predicted(name, x):
    """The closed form of the last three ways: their result in exact arithmetic, from the singular triplets."""
    u, s, vt = torch.linalg.svd(x.a, full_matrices=False)
    phi, psi = u.T @ x.phi, vt @ x.psi
    wrong = -1 / (s**2 + x.s**4)
    right = torch.zeros_like(s)
    right[1:] = 1 / ((x.s - s[1:]) * (x.s + s[1:]))
    if name == "mixed":
        outside_phi, outside_psi = x.phi - u @ phi, x.psi - vt.T @ psi
        p = u @ (right * x.s * phi + wrong * s * psi) + outside_phi / x.s
        q = vt.T @ (right * x.s * psi + wrong * s * phi) + outside_psi / x.s
    else:
        inside = s > s[0] * max(x.a.shape) * torch.finfo(s.dtype).eps  # lstsq has it so
        p = u @ (wrong * (x.s * phi * inside + s * psi))
        q = vt.T @ (wrong * (x.s * psi * inside + s * phi))
    return x.gradient(p, q)
