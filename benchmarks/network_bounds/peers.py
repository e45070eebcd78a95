#!/usr/bin/env python3
"""What others compute for a chain of matrices with ReLUs between them: upper bounds of its Lipschitz constant.

    peers.py NAME weights.npz SECONDS       # prints {"bound": ..., "seconds": ...} or {"problem": ...}

run.py calls it, in a process of its own for each computation: SIGALRM ends the process after so many seconds, and no
package has threads of another. Imports are not timed. Nothing here is proven: values come as the solvers leave them.
"""

import json
import signal
import sys
import time

import numpy


def product(weights):
    """The product of the norms, by NumPy's SVD."""
    return float(numpy.prod([numpy.linalg.norm(weight, 2) for weight in weights]))


def lip_lt(weights):
    """LipLT (Fazlyab, Entesari, Roy, Chellappa 2023): each ReLU is v / 2 and a rest with the constant 1/2."""
    bounds = []
    for i, weight in enumerate(weights):
        path, total = weight, 0.0
        for j in range(i - 1, -1, -1):
            total += numpy.linalg.norm(path, 2) / 2 * bounds[j]
            path = path @ weights[j] / 2
        bounds.append(total + numpy.linalg.norm(path, 2))
    return float(bounds[-1])


def eclipse_fast(weights):
    """ECLipsE-Fast (Xu, Sivaranjani 2024): with K = W X^-1 W^T, lambda = 1 / lambda_max(K), X = 2 lambda - lambda^2 K."""
    inverse = None
    for weight in weights[:-1]:
        k = weight @ weight.T if inverse is None else weight @ inverse @ weight.T
        scale = 1 / numpy.linalg.eigvalsh(k)[-1]
        inverse = numpy.linalg.inv(2 * scale * numpy.eye(len(k)) - scale**2 * k)
    last = weights[-1]
    k = last @ last.T if inverse is None else last @ inverse @ last.T
    return float(numpy.sqrt(numpy.linalg.eigvalsh(k)[-1]))


def of_package(method):
    import torch
    from eclipse_nn.LipConstEstimator import LipConstEstimator

    def bound(weights):
        value = LipConstEstimator(weights=[torch.from_numpy(weight) for weight in weights]).estimate(method)
        return float(value)

    return bound


def lip_sdp(solver):
    """LipSDP-Neuron (Fazlyab and others 2019) as an SDP: the least rho with [rho I + P(lambda), C^T; C, I] >= 0."""
    import cvxpy

    def bound(weights):
        sizes = [weights[0].shape[1]] + [len(weight) for weight in weights[:-1]]
        rho = cvxpy.Variable()
        multipliers = [cvxpy.Variable(n, nonneg=True) for n in sizes[1:]]
        blocks = [[numpy.zeros((n, m)) for m in sizes] for n in sizes]
        blocks[0][0] = rho * numpy.eye(sizes[0])
        for i, (weight, multiplier) in enumerate(zip(weights, multipliers)):
            cross = -cvxpy.diag(multiplier) @ weight
            blocks[i + 1][i + 1] = 2 * cvxpy.diag(multiplier)
            blocks[i + 1][i], blocks[i][i + 1] = cross, cross.T
        last = weights[-1]
        blocks[-1][-1] = blocks[-1][-1] - last.T @ last
        matrix = cvxpy.bmat(blocks)
        problem = cvxpy.Problem(cvxpy.Minimize(rho), [(matrix + matrix.T) / 2 >> 0])
        problem.solve(solver=solver)
        if problem.status not in ("optimal", "optimal_inaccurate"):
            raise RuntimeError(problem.status)
        return float(numpy.sqrt(rho.value))

    return bound


# Name: how the function is made (its imports), and the most neurons that it is tried with.
PEERS = {
    "product, NumPy": (lambda: product, 10**9),
    "LipLT, NumPy": (lambda: lip_lt, 10**9),
    "ECLipsE-Fast, NumPy": (lambda: eclipse_fast, 10**9),
    "ECLipsE-Fast, eclipse-nn": (lambda: of_package("ECLipsE_Fast"), 10**9),
    "ECLipsE, eclipse-nn": (lambda: of_package("ECLipsE"), 120),
    "LipSDP-Neuron, Clarabel": (lambda: lip_sdp("CLARABEL"), 130),
    "LipSDP-Neuron, SCS": (lambda: lip_sdp("SCS"), 130),
}


def main():
    name, path, limit = sys.argv[1:]
    with numpy.load(path) as file:
        weights = [file[f"arr_{i}"] for i in range(len(file.files))]
    try:
        bound = PEERS[name][0]()
        bound([numpy.eye(2)] * 2)  # what a first call alone does
    except ImportError as missing:
        print(json.dumps({"missing": missing.name}))
        return
    signal.alarm(int(limit))
    start = time.perf_counter()
    try:
        value = bound(weights)
    except Exception as problem:  # whatever a package throws is its answer
        print(json.dumps({"problem": f"{type(problem).__name__}: {problem}"[:200]}))
        return
    print(json.dumps({"bound": value, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
