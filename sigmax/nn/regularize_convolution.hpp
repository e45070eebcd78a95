// Regularizers of convolutions by their own operator norm instead of that of the reshaped kernel: value and gradient.
// docs/regularizers.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/convolution_norm_vjp.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::nn {

namespace penalty {
/// N, the norm.
struct OperatorNorm {};
/// max(0, N - target)^2: nothing below the target, and differentiable at it.
struct ExcessNorm {
  double target = 1;  ///< finite, >= 0
};
}  // namespace penalty

using ConvolutionPenalty = std::variant<penalty::OperatorNorm, penalty::ExcessNorm>;

/// A layer's kernel with the gradient that the penalty is added to.
template <Real T>
struct ConvolutionWeight {
  Tensor kernel;  ///< of the shape that layer.kernel_shape() states, of any real storage type; read in place
  ConvolutionLayer layer;
  /// N is the norm of the layer on inputs of this size, padding included; empty: S, the supremum over all sizes without
  /// borders (grad/convolution_norm_vjp.hpp).
  std::optional<std::vector<std::int64_t>> input_size{};
  std::span<T> grad{};  ///< row-major as the kernel's shape; empty: only the value
};

struct ConvolutionRegularizeOptions {
  double scale = 1;  ///< the derivative of the loss with respect to the penalty
  /// For S, as ConvolutionNormVjpOptions: 0 searches only, at about half the cost.
  double relative_width = 1e-3;
  double most_flops = 4e12;
  /// For the norm at an input size, as NormVjpOptions.
  double tolerance = 1e-10;
  std::int64_t max_products = 10000;
  std::optional<RandomState> random{};
};

struct ConvolutionPenaltyValue {
  double value = 0;  ///< of the penalty; beyond the range of double: infinite
  /// N, and the kind of its gradient. Where N <= target, the penalty's gradient is 0 and unique whatever this says.
  norms::NormGradient norm;
};

/// f(N), and grad += scale * f'(N) dN/dK. Both penalties are convex functions of K, and kind says whether the gradient
/// is unique or one of several. Everything is computed in double and rounded to T once.
///
/// Cost: S as convolution_norm_vjp(); at an input size two solves with convolution<double>() and one pull_back. The
/// bits are the same for any number of threads. Throws Error as those do, if grad does not fit, for a target that is
/// negative or not finite, for a scale that is not finite.
template <Real T>
ConvolutionPenaltyValue regularize_convolution(const ConvolutionWeight<T>& weight, const ConvolutionPenalty& penalty,
                                               const ConvolutionRegularizeOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
ConvolutionPenaltyValue regularize_convolution(const ConvolutionWeight<T>& weight, const ConvolutionPenalty& penalty,
                                               const ConvolutionRegularizeOptions& options = {}) {
  Context context;
  return regularize_convolution(weight, penalty, options, context);
}

struct ConvolutionPenalties {
  double value = 0;                             ///< the sum
  std::vector<ConvolutionPenaltyValue> layers;  ///< in the order of the weights
};

/// The sum over layers, one after another, each on all threads of the context. Every layer is checked before the first
/// gradient changes.
template <Real T>
ConvolutionPenalties regularize_convolutions(std::span<const ConvolutionWeight<T>> weights,
                                             const ConvolutionPenalty& penalty,
                                             const ConvolutionRegularizeOptions& options, Context& context);

/// As above, on all hardware threads.
template <Real T>
ConvolutionPenalties regularize_convolutions(std::span<const ConvolutionWeight<T>> weights,
                                             const ConvolutionPenalty& penalty,
                                             const ConvolutionRegularizeOptions& options = {}) {
  Context context;
  return regularize_convolutions<T>(weights, penalty, options, context);
}

}  // namespace sigmax::nn
