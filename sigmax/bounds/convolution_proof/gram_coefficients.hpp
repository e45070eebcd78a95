// The coefficients of G(t) = F(t)^* F(t): products of the taps of a symbol. Internal to bounds/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/kernels/hermitian.hpp"

namespace sigmax::bounds {

/// Half of the differences q of two taps, in ascending order: the first is 0, and of q and -q one is there.
std::vector<Position> tap_differences(const Symbol& symbol);

/// G_q = sum of K_p^T K_p' over p' - p = q for these differences, in groups of 16 entries as kernels/hermitian.hpp
/// takes them in its sums: for each group G_0 and all G_q + G_q^T, then all G_q - G_q^T. Groups up to
/// used_groups(columns). An entry of G_q is a sum of at most rows * taps products in any order.
std::vector<double> gram_coefficients(const Symbol& symbol, const std::vector<Position>& differences, Context& context);

/// About the flops and the bytes of that, both with a copy in float.
struct GramCost {
  double flops = 0;
  double bytes = 0;
};
GramCost gram_cost(const Symbol& symbol);

/// The groups of the columns below n: padded columns, at the end, are zeros.
constexpr std::int64_t used_groups(std::int64_t n) noexcept { return kernels::hermitian_group(n - 1, n - 1) + 1; }

}  // namespace sigmax::bounds
