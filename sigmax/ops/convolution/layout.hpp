// How images lie in memory while they are convolved: padded, split by strides, so that every product of a correlation
// is a sum of weighted shifted copies. Internal to ops/.
//
// On one axis, output a and tap p read entry u = stride a + dilation p of the padded image. With dilation p =
// stride q_p + r_p, 0 <= r_p < stride, this is entry a + q_p of the grid of residue r_p, which holds every stride-th
// entry from r_p on. Residues that no tap has are not stored. On several axes the grids are numbered by their residues
// on all axes. In a grid rows lie one after another, `pitch` apart, so that a tap is one shift of the whole grid:
//
//     y[o, a] = sum over i and p of K[o, i, p] grid(r_p)[i, flat(a) + flat(q_p)],      flat(a) = sum a_axis pitch_axis
//     grid(r)[i, flat(q)] of A^T y = sum over o and p with r_p = r of K[o, i, p] y[o, flat(q) - flat(q_p)]
//
// where y lies in a grid with the same pitches and zeros around it. Between the rows these sums are formed too and have
// no meaning. With zero padding, the zeros after a row are those before the next one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/shifted.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// Everything about a correlation's memory that does not depend on the kernel's values. Missing axes are filled up in
/// front to three of one entry.
class ConvolutionLayout {
 public:
  /// Where a tap reads.
  struct Tap {
    std::int64_t grid = 0;   ///< the number of its residues
    std::int64_t shift = 0;  ///< flat(q_p)
  };

  /// Images are computed `images` at a time, so that their grids lie one after another in each channel; 0: as many as
  /// fill a few vectors. Runs are chosen for vectors of `lanes` elements. Throws Error if an axis exceeds 2^31 entries
  /// or the grids 2^62.
  ConvolutionLayout(const Correlation& correlation, std::int64_t lanes, std::int64_t images = 0);

  const Correlation& correlation() const noexcept { return correlation_; }
  std::int64_t grids() const noexcept { return grids_; }
  const std::vector<Tap>& taps() const noexcept { return taps_; }  ///< in the order of the kernel's entries

  /// The most images that are computed at a time.
  std::int64_t images() const noexcept { return images_; }
  /// Elements from one channel of a grid to the next, from one grid to the next, and of all grids of all images.
  std::int64_t plane() const noexcept { return plane_; }
  std::int64_t grid_stride() const noexcept { return plane_ * correlation_.in_channels; }
  std::int64_t padded_size() const noexcept { return grid_stride() * grids_; }
  /// Elements from one channel of y's grid to the next, and of all channels. The first `front` of each image are zeros.
  std::int64_t out_plane() const noexcept { return out_plane_; }
  std::int64_t front() const noexcept { return front_; }
  std::int64_t out_size() const noexcept { return out_plane_ * correlation_.out_channels; }
  /// From the first to the last output in y's grid.
  std::int64_t out_length() const noexcept { return out_length_; }

  /// Runs over flat(a) for all outputs of `count` images, and over flat(q) for all entries of a grid that hold an entry
  /// of x: whole images, or slices, or rows, whichever needs the fewest vectors. Between padded images and y's grid.
  std::vector<kernels::ShiftedRun> output_runs(std::int64_t count) const;
  std::vector<kernels::ShiftedRun> input_runs(std::int64_t grid, std::int64_t count) const;

  /// All grids of a channel of an image, padding included, from that channel of x.
  template <class From, class To>
  void pad(const From* x, std::int64_t image, std::int64_t channel, To* padded) const;
  /// The adjoint of pad(): x = the sum of the grids' entries over the positions that hold it.
  template <class T>
  void fold(const T* padded, std::int64_t image, std::int64_t channel, T* x) const;
  /// A channel of y in its grid, with zeros around it, times a factor.
  template <class From, class To>
  void place(const From* y, To factor, std::int64_t image, std::int64_t channel, To* out) const;
  /// Zeros before, between and behind the rows of a channel of y's grid.
  template <class T>
  void clear_gaps(std::int64_t image, std::int64_t channel, T* out) const;
  /// A channel of y from its grid.
  template <class T>
  void collect(const T* out, std::int64_t image, std::int64_t channel, T* y) const;

 private:
  /// An axis for one residue: entry q of the grid is entry from[q] of x, or a zero where that is kPaddedZero. In
  /// [first, last) it is an entry of x itself, in steps of the stride; outside, padding.
  struct Line {
    std::vector<std::int64_t> from;
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t begin = 0;  ///< the first entry that is not a zero
    std::int64_t end = 0;    ///< behind the last one
  };
  struct Axis {
    CorrelationAxis size;
    std::int64_t length = 1;                ///< entries of a grid
    std::int64_t pitch = 1;                 ///< flat distance of neighbors
    std::vector<Line> lines;                ///< one for each residue that occurs
    std::vector<std::int64_t> residue_of;   ///< of a tap, as an index of `lines`
    std::vector<std::int64_t> quotient_of;  ///< of a tap
    std::int64_t longest_quotient = 0;
    std::int64_t shared = 0;  ///< zeros at the end that are those at the beginning of the next
  };

  static Axis axis_of(const CorrelationAxis& size, PaddingMode mode);
  static std::vector<kernels::ShiftedRun> runs(const std::array<std::int64_t, 3>& begin,
                                               const std::array<std::int64_t, 3>& length,
                                               const std::array<std::int64_t, 3>& pitch, std::int64_t lanes);
  const Line& line(std::int64_t grid, std::size_t axis) const;

  Correlation correlation_;
  std::array<Axis, 3> axes_;
  std::vector<Tap> taps_;
  std::int64_t grids_ = 1;
  std::int64_t images_ = 1;
  bool without_gaps_ = false;   ///< the images of a channel are one run
  bool plain_ = false;          ///< x is its own grid
  std::int64_t image_ = 0;      ///< elements from one image to the next in a channel of a grid
  std::int64_t out_image_ = 0;  ///< in a channel of y's grid
  std::int64_t plane_ = 0;
  std::int64_t front_ = 0;
  std::int64_t out_plane_ = 0;
  std::int64_t out_length_ = 0;
  std::vector<kernels::ShiftedRun> output_runs_;
  std::vector<std::vector<kernels::ShiftedRun>> input_runs_;
};

}  // namespace sigmax
