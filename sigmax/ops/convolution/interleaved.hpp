// Products of a depthwise correlation with channels interleaved, so that vectors lie along channels. Internal to ops/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/convolution/interleaved_layout.hpp"

namespace sigmax {

/// With one channel in and out of each group, an entry has as many terms as the kernel has taps. L channels of an image
/// are brought side by side, position by position; then both halves of a Gram product follow with full vectors,
/// whatever the width of the image, the stride and the padding, and the result is taken apart again. Tall images are
/// taken in bands of rows that stay in the second-level cache.
///
/// Accuracy as in products.hpp. The order of a sum depends on the sizes alone, so the bits depend neither on the images
/// of a block nor on threads.
template <Real T>
class InterleavedProducts {
 public:
  /// One channel a group, and enough channels for vectors along them.
  static bool serves(const Correlation& correlation);

  /// `kernel` is [channels, taps], read at construction only. Needs serves(correlation).
  InterleavedProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation);

  /// Elements of scratch memory that a thread takes, whatever the number of images.
  std::int64_t scratch() const noexcept { return box_ + out_box_; }

  /// As ConvolutionProducts.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

 private:
  /// A row is an entry of the first axis. Rows [first, last) of x belong to the band, which reads rows from `read` on.
  /// It forms rows of y from `out_read` on, all that these rows of x are a term of; its own are [out_first, out_last).
  struct Band {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t read = 0;
    std::int64_t out_first = 0;
    std::int64_t out_last = 0;
    std::int64_t out_read = 0;
    std::size_t layout = 0;  ///< bands of one shape share it
  };
  struct Piece;

  void add_bands(const Correlation& correlation);
  void arrange(const kernels::StoredMatrix& kernel);
  template <class Body>
  void each_piece(std::int64_t images, Context& context, const Body& body) const;
  void load(const Piece& piece, MatrixView<const T> x) const;
  void load_out(const Piece& piece, MatrixView<const T> y) const;
  void store(const Piece& piece, MatrixView<T> x) const;
  void store_out(const Piece& piece, MatrixView<T> y) const;
  void pad(const Piece& piece) const;
  void forward(const Piece& piece) const;
  void backward(const Piece& piece) const;

  std::int64_t channels_;
  std::int64_t taps_;
  std::int64_t inputs_;   ///< entries of a channel of x
  std::int64_t outputs_;  ///< of y
  std::int64_t row_ = 0;  ///< entries of a row of x
  std::int64_t out_row_ = 0;
  std::int64_t box_ = 0;  ///< elements of the largest band
  std::int64_t out_box_ = 0;
  std::vector<InterleavedLayout> layouts_;
  std::vector<Band> bands_;
  std::vector<T> forward_;   ///< [block of L channels][tap][channel]
  std::vector<T> backward_;  ///< the same with the taps grid by grid
};

extern template class InterleavedProducts<float>;
extern template class InterleavedProducts<double>;

}  // namespace sigmax
