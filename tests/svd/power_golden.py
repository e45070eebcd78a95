"""Prints the golden numbers of power_test.cpp: the results of torch (2.13 when they were taken) for one weight.

    python tests/svd/power_golden.py
"""

import torch

WEIGHT = [[-1.25, -0.5, -1.0], [0.5, -0.25, 0.5], [-0.5, 0.0, -0.75], [1.25, 0.25, 0.75]]
U = [1.0, 2.0, -1.0, 0.5]
V = [0.5, -1.0, 2.0]


def layer(dtype):
    linear = torch.nn.Linear(3, 4, bias=False, dtype=dtype)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(WEIGHT))
    return linear


def u_first(dtype, steps, u, v):
    linear = torch.nn.utils.parametrizations.spectral_norm(layer(dtype), n_power_iterations=steps)
    norm = linear.parametrizations.weight[0]
    with torch.no_grad():
        norm._u.copy_(u)
        norm._v.copy_(v)
    weight = linear.weight.detach()
    return linear.parametrizations.weight.original[0, 0] / weight[0, 0], norm._u, norm._v


def v_first(dtype, steps, u, v):
    linear = torch.nn.utils.spectral_norm(layer(dtype), n_power_iterations=steps)
    with torch.no_grad():
        linear.weight_u.copy_(u)
        linear.weight_v.copy_(v)
    linear(torch.zeros(1, 3, dtype=dtype))
    return linear.weight_orig[0, 0] / linear.weight[0, 0], linear.weight_u, linear.weight_v


def words(x):
    return "{" + ", ".join(f"{value:.17g}" for value in x.tolist()) + "}"


for dtype in (torch.float64, torch.float32):
    u = torch.nn.functional.normalize(torch.tensor(U, dtype=dtype), dim=0)
    v = torch.nn.functional.normalize(torch.tensor(V, dtype=dtype), dim=0)
    for order in (u_first, v_first):
        for steps in (1, 3):
            sigma, left, right = order(dtype, steps, u, v)
            print(f"{{Order::{order.__name__}, {steps}, {sigma.item():.17g}, {words(left)}, {words(right)}}},  // {dtype}")
