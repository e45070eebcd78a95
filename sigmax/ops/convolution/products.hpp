// The products of a correlation with blocks of images, without its matrix. Internal to the library.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/shifted.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/convolution/interleaved.hpp"
#include "sigmax/ops/convolution/layout.hpp"

namespace sigmax {

/// A correlation with its kernel, converted to T and arranged for both directions: two copies of the weights in T.
///
/// Products are sums of weighted shifted copies of the padded image (layout.hpp; interleaved.hpp where it serves),
/// formed in T in an order that depends on the sizes alone: |computed - exact| <= gamma_n C|x| entrywise, where C is
/// the same correlation with |K| instead of K, and n = terms() for y = A x and adjoint_terms() for A^T y. T = float
/// rounds f64 entries of the kernel first: one more. The Gram products have the sum of both. Zeros of the padding are
/// multiplied too, so that an entry of the kernel that is not finite makes whole channels NaN; one of x affects only
/// what it is a term of.
template <Real T>
class ConvolutionProducts {
 public:
  /// `kernel` is [out_channels, terms()], read at construction only.
  ConvolutionProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation);

  const Correlation& correlation() const noexcept { return layout_.correlation(); }

  /// y = A x, x = A^T y, z = A^T A x (and y = A x if y has data), z = A A^T y, for blocks of at least one column.
  /// Cost: 2 rows terms() flops for each half and column. Images are computed a few at a time, which takes their padded
  /// copies as scratch memory.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

 private:
  class Images;
  template <class Body>
  void each_chunk(std::int64_t images, Context& context, const Body& body) const;
  void forward(Images& images, Context& context) const;
  void backward(Images& images, Context& context) const;

  ConvolutionLayout layout_;
  std::optional<InterleavedProducts<T>> interleaved_;        ///< instead of what follows, where it serves
  std::vector<std::int64_t> forward_offsets_;                ///< of a group's input channels and all taps
  std::vector<std::vector<std::int64_t>> backward_offsets_;  ///< of each grid: a group's output channels and its taps
  std::vector<kernels::ShiftedWeights<T>> forward_;          ///< of each group
  std::vector<kernels::ShiftedWeights<T>> backward_;         ///< of each grid and group
};

extern template class ConvolutionProducts<float>;
extern template class ConvolutionProducts<double>;

/// gradient[o, i, p] += sum_k w_k sum_a u_k[o, a] x_k padded[i, stride a + dilation p - pad_low], the derivative of
/// sum_k w_k u_k^T A x_k with respect to the kernel, summed in double and rounded to T once. Cost: 2 rows terms() flops
/// for each term, and a double for each entry of the kernel.
template <Real T>
void add_kernel_gradient(const Correlation& correlation, MatrixView<const T> u, MatrixView<const T> x,
                         std::span<const double> weights, std::span<T> gradient, Context& context);

}  // namespace sigmax
