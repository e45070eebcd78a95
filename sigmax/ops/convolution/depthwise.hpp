// Products of a depthwise correlation, a channel of an image at a time. Internal to ops/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/plane.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// With one channel in and out of each group, an entry has as many terms as the kernel has taps, and copies of the
/// images cost as much as the sums. So each channel of an image is padded in the first-level cache, both halves of a
/// Gram product follow at once, and results are written where they belong.
///
/// Accuracy as in products.hpp. The order of a sum depends on the sizes alone: the taps in order for y = A x, in
/// reverse order for A^T y. So the bits depend neither on the images of a block nor on threads.
template <Real T>
class DepthwiseProducts {
 public:
  /// One channel a group, one or two axes, stride 1 and zero padding of less than the kernel's reach that leaves no
  /// entry of x unread. Any dilation.
  static bool serves(const Correlation& correlation);

  /// `kernel` is [channels, taps], read at construction only. Needs serves(correlation).
  DepthwiseProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation);

  /// As ConvolutionProducts.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

 private:
  /// A channel with the zeros around it, and the sums that read it.
  struct Side {
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::int64_t pitch = 0;   ///< from one row of the padded channel to the next
    std::int64_t corner = 0;  ///< of the channel in the padded one
    std::int64_t padded = 0;  ///< elements
    kernels::PlaneShape sums;
    std::vector<T> weights;  ///< in the order in which the sums read, of each channel

    std::int64_t size() const noexcept { return height * width; }
  };

  template <class Body>
  void each_channel(std::int64_t images, Context& context, const Body& body) const;
  static void lay_out(Side& from, const Side& to, const std::vector<std::int64_t>& before, const Correlation& c);
  void place(const Side& side, const T* channel, T* grid) const;
  void sum(const Side& side, std::int64_t channel, const T* grid, T* to, std::int64_t pitch) const;
  void once(const Side& from, const Side& to, MatrixView<const T> x, MatrixView<T> y, Context& context) const;
  void twice(const Side& from, const Side& through, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z,
             Context& context) const;

  std::int64_t channels_;
  std::int64_t taps_;
  Side in_;   ///< x, read by y = A x
  Side out_;  ///< y, read by x = A^T y
};

extern template class DepthwiseProducts<float>;
extern template class DepthwiseProducts<double>;

}  // namespace sigmax
