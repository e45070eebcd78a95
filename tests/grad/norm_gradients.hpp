// The gradient of a norm, and how far it may be from the formula with known singular vectors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "grad/norm_cases.hpp"
#include "repeatable.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::gradient_cases {

struct Found {
  grad::NormGradient norm;
  std::vector<double> gradient;
};

inline Found gradient_of(const Tensor& matrix, const norms::Norm& which, Context& context, double scale = 1) {
  Found found;
  found.gradient.resize(static_cast<std::size_t>(matrix.size()));
  auto options = repeatable<grad::NormVjpOptions>();
  options.scale = scale;
  found.norm = grad::norm_vjp<double>(matrix, which, options, found.gradient, context);
  return found;
}

// The rotation of the singular vectors of a matrix whose entries are rounded: u |A| over the distance to the values on
// the other side of the weights' jumps. Weights are within [0, 1] and vary by sigma_i / |sigma| otherwise.
inline double allowed(const Known& known, const std::vector<long double>& weights) {
  const double rounding = tolerance::of_matrix(known.rows, known.columns, known.sigma[0], 16);
  double slope = 0;  // of the weights as a function of sigma, and of its odd continuation below 0 (rows != columns)
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0 && known.sigma[i] > 0) {
      slope = std::max(slope, std::fabs(static_cast<double>(weights[i])) / known.sigma[i]);
    }
    for (std::size_t j = i + 1; j < weights.size(); ++j) {
      const double change = std::fabs(static_cast<double>(weights[i] - weights[j]));
      if (change > 0) slope = std::max(slope, change / (known.sigma[i] - known.sigma[j]));
      const double sum = static_cast<double>(weights[i] + weights[j]);
      if (sum > 0 && known.sigma[i] > 0) slope = std::max(slope, sum / (known.sigma[i] + known.sigma[j]));
    }
  }
  return rounding * slope + tolerance::relative(known.rows, known.columns, norm2(weights), 16);
}

}  // namespace sigmax::gradient_cases
