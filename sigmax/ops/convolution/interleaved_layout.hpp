// Where the entries of a depthwise correlation lie with channels interleaved. Internal to ops/.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sigmax/kernels/interleaved.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// a / b rounded down, and rounded up, for a positive b.
inline std::int64_t quotient_below(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
inline std::int64_t quotient_above(std::int64_t a, std::int64_t b) { return -quotient_below(-a, b); }

/// Where everything of a channel lies, in elements of interleaved memory. Missing axes are filled up in front.
///
/// x lies in a box that holds its padding: entry u of an axis is x[u - pad_low]. y lies in a box with zeros around it.
/// The transpose forms the entries u of x's box that have a residue modulo the stride, each from the same taps:
///
///     box[r + stride q] = sum over the taps p with dilation p = stride q_p + r of w[p] y[q - q_p].
class InterleavedLayout {
 public:
  using Axes = std::array<CorrelationAxis, 3>;

  /// The entries of x's box that have one residue on each axis.
  struct Grid {
    std::vector<std::int64_t> taps;                ///< in the order of the sums
    std::vector<kernels::InterleavedTerms> terms;  ///< what they read of y's box
    std::vector<kernels::InterleavedRow> rows;
    std::int64_t length = 0;  ///< of a row
  };
  struct Copy {
    std::int64_t to = 0;
    std::int64_t from = 0;
  };
  struct Stretch {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };

  /// A position takes `lanes` elements.
  InterleavedLayout(const Axes& axes, PaddingMode mode, std::int64_t lanes);

  std::int64_t box = 0;                          ///< elements of x with its padding
  std::int64_t out_box = 0;                      ///< of y with zeros around it
  std::vector<std::int64_t> place;               ///< of each entry of x
  std::vector<std::int64_t> out_place;           ///< of each entry of y
  std::vector<Copy> copies;                      ///< padding that repeats entries of x
  std::vector<Stretch> zeros;                    ///< padding of x's box that no product writes
  std::vector<Stretch> out_zeros;                ///< of y's box
  std::vector<kernels::InterleavedTerms> terms;  ///< what the taps read of x's box
  std::vector<kernels::InterleavedRow> rows;     ///< of y
  std::int64_t length = 0;                       ///< of a row of y
  std::int64_t step = 0;                         ///< in x's box, between neighbors in a row of y or of a grid
  std::vector<Grid> grids;                       ///< their taps depend on the kernel, the stride and the dilation only

 private:
  struct Size;
  void add_places(const Axes& axes, PaddingMode mode, const Size& size);
  void add_grid(const Axes& axes, const Size& size, const std::array<std::int64_t, 3>& residue, bool padding_too);

  std::int64_t lanes_;
};

}  // namespace sigmax
