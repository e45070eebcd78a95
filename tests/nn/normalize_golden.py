"""Prints normalize_golden.hpp: the results of torch (2.13 when the numbers were taken) for two weights.

    python tests/nn/normalize_golden.py | clang-format-14 > tests/nn/normalize_golden.hpp

For each layer, order, number of steps and type: sigma = u^T W v, the state after the forward, one row of W / sigma and
the gradient of sum(C * W / sigma) with respect to W, C = 1, 2, 3, ... in the order of the weight's memory.
"""

import torch

LINEAR = [[-1.25, -0.5, -1.0], [0.5, -0.25, 0.5], [-0.5, 0.0, -0.75], [1.25, 0.25, 0.75]]
# [in, out, kernel] of a transposed convolution: dimension 1 is the matrix's rows.
TRANSPOSED = [[[0.5, -1.0], [0.25, 0.75], [-1.5, 0.125]], [[1.0, 0.5], [-0.25, 2.0], [0.75, -0.5]]]


def layer(kind, dtype):
    values = torch.tensor(LINEAR if kind == "linear" else TRANSPOSED, dtype=dtype)
    if kind == "linear":
        module = torch.nn.Linear(3, 4, bias=False, dtype=dtype)
        x = torch.zeros(1, 3, dtype=dtype)
    else:
        module = torch.nn.ConvTranspose1d(2, 3, 2, bias=False, dtype=dtype)
        x = torch.zeros(1, 2, 2, dtype=dtype)
    with torch.no_grad():
        module.weight.copy_(values)
    return module, x


def start(n, dtype):
    x = torch.tensor([1.0 / (1 + i) * (-1) ** i for i in range(n)], dtype=torch.float64)
    return (x / x.norm()).to(dtype)


def forward(kind, order, steps, dtype):
    module, x = layer(kind, dtype)
    if order == "u_first":
        torch.nn.utils.parametrizations.spectral_norm(module, n_power_iterations=steps)
        norm = module.parametrizations.weight[0]
        u, v, original = norm._u, norm._v, module.parametrizations.weight.original
    else:
        torch.nn.utils.spectral_norm(module, n_power_iterations=steps)
        u, v, original = module.weight_u, module.weight_v, module.weight_orig
    with torch.no_grad():
        u.copy_(start(u.numel(), dtype))
        v.copy_(start(v.numel(), dtype))
    if order == "u_first":
        weight = module.weight
    else:
        module(x)
        weight = module.weight
    c = torch.arange(1, original.numel() + 1, dtype=dtype).reshape(original.shape)
    (gradient,) = torch.autograd.grad((c * weight).sum(), original)
    matrix = original.detach().transpose(0, 1).flatten(1) if kind == "transposed" else original.detach()
    return torch.dot(u, matrix @ v), u, v, weight.detach(), gradient


def words(x):
    return "{" + ", ".join(f"{value:.17g}" for value in x.flatten().tolist()) + "}"


HEADER = """// What torch 2.13 makes of two weights, from a state set beforehand. Written by normalize_golden.py.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/nn/normalize.hpp"

namespace sigmax::nn {

struct Golden {
  bool single;      ///< float32, or float64
  bool transposed;  ///< ConvTranspose1d(2, 3, 2), or Linear(3, 4)
  Iteration iteration;
  std::int64_t steps;
  double sigma;
  std::vector<double> u, v, normalized, gradient;
};
"""


def main():
    print(HEADER)
    for name, values in (("kLinear", LINEAR), ("kTransposed", TRANSPOSED)):
        print(f"inline const std::vector<double> {name} = {words(torch.tensor(values))};")
    print("inline const std::vector<Golden> kGolden = {")
    for dtype in (torch.float64, torch.float32):
        for kind in ("linear", "transposed"):
            for order in ("u_first", "v_first"):
                for steps in (1, 3):
                    sigma, *vectors = forward(kind, order, steps, dtype)
                    flags = [str(flag).lower() for flag in (dtype == torch.float32, kind == "transposed")]
                    row = [*flags, f"Iteration::{order}", steps, f"{sigma.item():.17g}", *map(words, vectors)]
                    print("{" + ", ".join(map(str, row)) + "},")
    print("};\n\n}  // namespace sigmax::nn")


main()
