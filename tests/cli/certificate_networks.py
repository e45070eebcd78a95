"""Shared by the tests of certificates of networks: models, the inequality in double, and what inputs show."""

import base64
import math

import numpy

import checkpoints


def gemm(source, weight, target):
    return ("Gemm", [source, weight], [target], {"transB": 1})


def weights(widths, seed=1):
    """Tensors w0, w1, ... of [out, in], as float values in lists."""
    rng = numpy.random.default_rng(seed)
    return {f"w{k}": ("F32", [m, n], numpy.float32(rng.standard_normal((m, n)) / math.sqrt(n)).ravel().tolist())
            for k, (n, m) in enumerate(zip(widths, widths[1:]))}


def matrices(widths, seed=1):
    return [numpy.array(values).reshape(shape) for _, shape, values in weights(widths, seed).values()]


def chain(widths, op="Relu", seed=1, attributes=()):
    nodes, source = [], "x"
    for k in range(len(widths) - 1):
        last = k == len(widths) - 2
        nodes.append(gemm(source, f"w{k}", "y" if last else f"a{k}"))
        if not last:
            nodes.append((op, [f"a{k}"], [f"h{k}"], dict(attributes)))
        source = f"h{k}"
    return checkpoints.onnx_graph(nodes, weights(widths, seed))


def doubles(encoded):
    return numpy.frombuffer(base64.b64decode(encoded), "<f8")


def encoded(values):
    return base64.b64encode(numpy.asarray(values, "<f8").tobytes()).decode()


def exactly(value):
    return float(value).hex()


# The operator, its slopes, the function and its derivative.
FUNCTIONS = [
    ("Relu", (0, 1), lambda v: numpy.maximum(v, 0), lambda v: (v > 0) * 1.0),
    ("Tanh", (0, 1), numpy.tanh, lambda v: 1 - numpy.tanh(v)**2),
    ("Abs", (-1, 1), abs, numpy.sign),
    ("Sigmoid", (0, 0.25), lambda v: 1 / (1 + numpy.exp(-v)), lambda v: 0.25 / numpy.cosh(v / 2)**2),
    ("LeakyRelu", (0.0078125, 1), lambda v: numpy.where(v > 0, v, 0.01 * v), lambda v: numpy.where(v > 0, 1, 0.01)),
    ("Softsign", (0, 1), lambda v: v / (1 + abs(v)), lambda v: 1 / (1 + abs(v))**2),
]


def smallest_rho(w, layers):
    """P and C from docs/lipschitz.md in double, and the largest eigenvalue of C P^-1 C^T; or nothing."""
    widths = [w[0].shape[1]] + [len(each) for each in w]
    ends = numpy.cumsum([0] + widths[:-1])
    variables = numpy.split(numpy.eye(ends[-1]), ends[1:-1])
    p = variables[0].T @ variables[0]
    for matrix, before, own, (low, high, mu) in zip(w, variables, variables[1:], layers):
        m = (own - low * matrix @ before).T @ numpy.diag(mu) @ (own - high * matrix @ before)
        p += m + m.T
    if numpy.linalg.eigvalsh(p)[0] <= 1e-9:
        return None
    c = w[-1] @ variables[-1]
    return numpy.linalg.eigvalsh(c @ numpy.linalg.solve(p, c.T))[-1]


def largest_quotient(w, function, derivative, rng):
    """The largest norm of the Jacobian of a chain without biases, at many inputs."""
    most = 0
    for scale in numpy.repeat(10.0 ** numpy.arange(-3, 2), 40):
        jacobian, values = w[0], w[0] @ rng.standard_normal(w[0].shape[1]) * scale
        for matrix in w[1:]:
            jacobian = matrix @ (derivative(values)[:, None] * jacobian)
            values = matrix @ function(values)
        most = max(most, numpy.linalg.norm(jacobian, 2))
    return most
