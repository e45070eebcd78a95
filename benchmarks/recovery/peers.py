"""Completion and robust PCA as the common Python packages write them: dense matrices, a full SVD in each step, and a
stop by the change of an iterate or by the misfit. Each yields its iterate after every step."""

import numpy as np


def shrink(a, threshold):
    return np.sign(a) * np.maximum(np.abs(a) - threshold, 0)


def lowered(a, threshold):
    """The matrix with its singular values lowered, and their sum."""
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    s = np.maximum(s - threshold, 0)
    rank = int(np.count_nonzero(s))
    return (u[:, :rank] * s[:rank]) @ vt[:rank], s.sum()


def soft_impute(m, seen, lam, change=1e-5):
    """X <- SVT(M on the observed entries, X elsewhere), until |X_new - X| <= change |X|."""
    x = np.zeros_like(m)
    while True:
        found, nuclear = lowered(np.where(seen, m, x), lam)
        done = np.linalg.norm(found - x) <= change * max(np.linalg.norm(x), 1e-300)
        x = found
        yield x, nuclear, done
        if done:
            return


def inexact_alm(m, lam, rho=1.5, misfit=1e-7):
    """Lin, Chen and Ma, 2010: mu times 1.5 in each step, until |M - L - S| <= 1e-7 |M|."""
    norm = np.linalg.norm(m, 2)
    y = m / max(norm, np.abs(m).max() / lam)
    mu, most = 1.25 / norm, 1.25e7 / norm
    s = np.zeros_like(m)
    while True:
        l, nuclear = lowered(m - s + y / mu, 1 / mu)
        s = shrink(m - l + y / mu, lam / mu)
        rest = m - l - s
        y = y + mu * rest
        mu = min(mu * rho, most)
        done = np.linalg.norm(rest) <= misfit * np.linalg.norm(m)
        yield l, nuclear, done
        if done:
            return


def alternating_directions(m, lam, misfit=1e-7):
    """The other common form: mu = m n / (4 sum |m_ij|), constant."""
    mu = m.size / (4 * np.abs(m).sum())
    s = np.zeros_like(m)
    y = np.zeros_like(m)
    while True:
        l, nuclear = lowered(m - s + y / mu, 1 / mu)
        s = shrink(m - l + y / mu, lam / mu)
        rest = m - l - s
        y = y + mu * rest
        done = np.linalg.norm(rest) <= misfit * np.linalg.norm(m)
        yield l, nuclear, done
        if done:
            return


def augmented_completion(m, seen, misfit=1e-7):
    """Lin, Chen and Ma, 2010, for exact entries: the error E is zero on the observed places. mu begins at 1 over the
    sum of the columns' norms and is times 1.1 in each step (Chen, Xu, Caramanis and Sanghavi, ICML 2011)."""
    mu, rho = 1 / np.linalg.norm(m, axis=0).sum(), 1.1
    y = np.zeros_like(m)
    error = np.zeros_like(m)
    while True:
        x, nuclear = lowered(m - error + y / mu, 1 / mu)
        error = np.where(seen, 0, m - x + y / mu)
        rest = m - x - error
        y = y + mu * rest
        mu *= rho
        done = np.linalg.norm(rest) <= misfit * np.linalg.norm(m)
        yield x, nuclear, done
        if done:
            return


def singular_value_thresholding(m, seen, misfit=1e-4):
    """Cai, Candes and Shen, 2010, with their tau = 5 sqrt(m n), step 1.2 m n / |Omega| and stop."""
    rows, columns = m.shape
    tau, step = 5 * (rows * columns) ** 0.5, 1.2 / seen.mean()
    norm = np.linalg.norm(m, 2)
    y = np.ceil(tau / (step * norm)) * step * m
    while True:
        x, nuclear = lowered(y, tau)
        rest = np.where(seen, m - x, 0)
        y = y + step * rest
        done = np.linalg.norm(rest) <= misfit * np.linalg.norm(m)
        yield x, nuclear, done
        if done:
            return


def objective_of_completion(m, seen, x):
    """Of the matrix that fits the entries."""
    return float(np.linalg.norm(np.where(seen, m, x), "nuc"))


def objective_of_soft_impute(m, seen, lam, x, nuclear):
    return 0.5 * float(np.sum(np.where(seen, m - x, 0) ** 2)) + lam * nuclear


def objective_of_robust_pca(m, lam, l, nuclear):
    return nuclear + lam * float(np.abs(m - l).sum())
