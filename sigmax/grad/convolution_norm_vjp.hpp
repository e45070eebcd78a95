// The gradient of a convolution's norm at every input size with respect to its kernel.
//
//     S = max over t of |F(t)|_2,    F(t) = sum_p K_p exp(i p.t)    (bounds/convolution.hpp, docs/convolutions.md)
//
// Let S be attained at t*, by the singular vectors u, v of F(t*). By Danskin's theorem neither t* nor the vectors have
// to be differentiated:
//
//     dS / dK[o, i, p] = Re(conj(u_o) v_i exp(i p.t*)).
//
// With a stride, F is the polyphase symbol: v has an entry for each pair of input channel and phase, and p is the tap's
// place in its phase. With groups, all other groups' entries are 0. A transposed convolution has the S of its adjoint,
// whose kernel is stored in the same order. (Danskin, The theory of max-min, with applications, SIAM J. Appl. Math. 14,
// 1966.)
//
// S is a norm of K: convex, with <gradient, K> = S. Opposite points t and -t have the same gradient. The gradient is
// unique unless other points or groups that attain S have another one, sigma_1(F(t*)) is multiple, |F| is constant
// along a curve through t*, or K = 0. Then it is one of several (a subgradient), and 0 for K = 0.
//
// Padding does not enter: with reflected and replicated borders, or circular ones and a stride, this is S of the
// kernel, not that of the border's factor in convolution_norm().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/norm_gradient.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::grad {

struct ConvolutionNormVjpOptions {
  double scale = 1;  ///< the derivative of the loss with respect to S
  /// No |F(t)| exceeds the value by more than this, relatively: proven by branch and bound, as convolution_norm() does.
  /// 0: no proof, at about half the cost. Then the search alone gives the value: it missed the maximum of 5 out of 360
  /// Gaussian kernels, by up to 2 %.
  double relative_width = 1e-3;
  double most_flops = 4e12;  ///< as ConvolutionNormOptions::most_flops
};

/// The gradient of S, and how well it is known.
struct ConvolutionNormGradient {
  /// value: |F(t*)|, S to rounding where the search found the maximum. gap: the least of (sigma_1 - sigma_2) / sigma_1
  /// at t*; (S - s) / S, s the next local maximum that was found; and the curvature of |F| / S at t*, an axis measured
  /// in units of 2 / (taps - 1). An estimate. The gradient turns by about the relative change of K divided by it.
  norms::NormGradient norm;
  /// S, proven; empty for a relative_width of 0. Any result here is an e-subgradient:
  /// S(B) >= S(A) + <G, B - A> - e, e = S(A) - value.
  std::optional<Enclosure> supremum;
  /// About |G - gradient|_F, from the last step to t* and the residuals of u and v; empty where G is not unique. An
  /// estimate: at most about sqrt(taps) (1e-14 + 2e-16 n) / gap, n the shorter side of F.
  std::optional<double> error;
  std::array<double, 3> point{};  ///< t*, between 0 and 2 pi, of the kernel with stride and dilation reduced
  std::int64_t group = 0;
};

/// grad += scale * dS/dK, `grad` row-major as the kernel's shape. Kernels of any real storage type are read exactly;
/// everything is computed in double and rounded to T once. Values whose relative difference is below 1e-9 count as
/// equal, and a curvature below 1e-4 as 0.
///
/// Cost: the proof, as convolution_norm() at relative_width; climbs to a few local maxima of each group that could
/// attain S, with a few hundred products with F(t)^* F(t). The bits are the same for any number of threads.
///
/// Throws Error as convolution_norm() does, if grad does not fit, for a scale that is not finite, and if more than
/// most_flops operations are needed. Throws Canceled on request.
template <Real T>
ConvolutionNormGradient convolution_norm_vjp(const Tensor& kernel, const ConvolutionLayer& layer,
                                             const ConvolutionNormVjpOptions& options, std::span<T> grad,
                                             Context& context);

/// As above, on all hardware threads.
template <Real T>
ConvolutionNormGradient convolution_norm_vjp(const Tensor& kernel, const ConvolutionLayer& layer,
                                             const ConvolutionNormVjpOptions& options, std::span<T> grad) {
  Context context;
  return convolution_norm_vjp<T>(kernel, layer, options, grad, context);
}

}  // namespace sigmax::grad
