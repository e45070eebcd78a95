// Networks for the matrix inequality, made of their weights.
#pragma once

#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// y = W_l f(W_l-1 f(... f(W_1 x))), each neuron with slopes in [least, most]. Biases do not matter. Throws Error for
/// fewer than two matrices and for shapes that do not fit.
LayeredNetwork chain_of(std::vector<Matrix<double>> weights, double least = 0, double most = 1);

/// As above, of operators, which are formed.
LayeredNetwork chain_of(const std::vector<Operator<double>>& weights, double least, double most, Context& context);

/// As above, on every hardware thread.
inline LayeredNetwork chain_of(const std::vector<Operator<double>>& weights, double least = 0, double most = 1) {
  Context context;
  return chain_of(weights, least, most, context);
}

/// The same network with least < most for every neuron: a difference below 2^-10 of the larger slope is widened to
/// that. Its bounds are bounds of the network given, and for linear neurons larger by about 2^-10 a layer; multipliers
/// are proportional to the inverse square of the difference, and P would be too ill-conditioned to prove.
LayeredNetwork with_distinct_slopes(LayeredNetwork network);

}  // namespace sigmax::lipschitz
