// Products of a depthwise correlation whose last axis has stride 2, a channel at a time. Internal to ops/.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/phases.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// Where everything of a channel lies. Missing axes are filled up in front.
///
/// x lies in a box that holds its padding, entry u of an axis being x[u - pad_low]; every row of the box is split into
/// its entries at even and at odd places. y lies in a box with zeros around it. With stride 2 on the last axis every
/// tap is then one shift of a row, in both directions:
///
///     y[a]           = sum over the taps p with dilation p = 2 q_p + r_p of w[p] phase(r_p)[a + q_p]
///     phase(r)[q]    = sum over the taps p with r_p = r of w[p] y[q - q_p]        (of A^T y)
struct PhaseLayout {
  using Axes = std::array<CorrelationAxis, 3>;

  /// The entries of x's box that have one residue on each axis.
  struct Grid {
    std::vector<std::int64_t> taps;     ///< in the order of the sums
    std::vector<std::int64_t> offsets;  ///< what they read of y's box
    std::vector<kernels::SumRow> rows;
    std::int64_t length = 0;  ///< of a row
  };
  struct Copy {
    std::int64_t to = 0;
    std::int64_t from = 0;
  };

  PhaseLayout(const Axes& axes, PaddingMode mode);

  /// Elements of both boxes.
  static std::int64_t elements(const Axes& axes);

  std::int64_t box = 0;               ///< elements of x with its padding
  std::int64_t out_box = 0;           ///< of y with zeros around it
  std::int64_t length = 0;            ///< entries of a row of x
  std::int64_t out_length = 0;        ///< of y
  std::vector<kernels::PhaseRow> x;   ///< rows of x in an image and in the box
  std::vector<Copy> copies;           ///< padding that repeats entries of x
  std::vector<std::int64_t> offsets;  ///< what the taps read of x's box
  std::vector<kernels::SumRow> rows;  ///< of y
  std::vector<Grid> grids;

 private:
  struct Size;
  void add_copies(const Axes& axes, PaddingMode mode, const Size& size);
  void add_grid(const Axes& axes, const Size& size, const std::array<std::int64_t, 3>& residue, bool padding_too);
};

/// A channel is brought into its box, both halves of a Gram product follow there, in the first or second level of the
/// cache, with vectors along rows, and the result is taken out again: no channels are brought together, which for one
/// term of four would cost more than the sums.
///
/// Accuracy as in products.hpp. The order of a sum depends on the sizes alone, so the bits depend neither on the images
/// of a block nor on threads.
template <Real T>
class PhasedProducts {
 public:
  /// One channel a group, stride 2 on the last axis, rows of y of a few vectors, and a box that stays in the cache.
  static bool serves(const Correlation& correlation);

  /// `kernel` is [channels, taps], read at construction only. Needs serves(correlation).
  PhasedProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation);

  /// As ConvolutionProducts.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

 private:
  /// What a thread works on: a channel of an image, in boxes of its own.
  struct Piece {
    std::int64_t image;
    std::int64_t channel;
    T* x;
    T* y;
  };

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
  PhaseLayout layout_;
  std::vector<T> forward_;   ///< [channel][tap]
  std::vector<T> backward_;  ///< the same with the taps grid by grid
};

extern template class PhasedProducts<float>;
extern template class PhasedProducts<double>;

}  // namespace sigmax
