#include "sigmax/ops/convolution/interleaved.hpp"

#include <algorithm>
#include <cstddef>

#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/interleaved.hpp"

namespace sigmax {
namespace {

// A piece of work for a thread has at least this many multiplications, about 5 microseconds.
constexpr std::int64_t kProductsOfPiece = std::int64_t{1} << 18;
// What a band may take of the second-level cache, which also bounds the memory.
constexpr std::int64_t kBandBytes = std::int64_t{3} << 17;
// Rows of a band over the reach of the kernel, at least: neighbors form some of the rows of y twice.
constexpr std::int64_t kReachesOfBand = 2;
// Multiplications that take as long as bringing an entry into place and back.
constexpr std::int64_t kTransposition = 8;
// Of an image that is not taken in bands: 32 MiB for each thread.
constexpr std::int64_t kMostPositions = std::int64_t{1} << 19;
// Each has its own sums: of strides that are larger than kernels, most are empty.
constexpr std::int64_t kMostGrids = 64;

InterleavedLayout::Axes three_axes(const Correlation& c) {
  InterleavedLayout::Axes axes;
  std::copy(c.axes.begin(), c.axes.end(), axes.end() - static_cast<std::ptrdiff_t>(c.axes.size()));
  return axes;
}

template <Real T>
void clear(const std::vector<InterleavedLayout::Stretch>& all, T* data) {
  for (const auto& [first, last] : all) std::fill(data + first, data + last, T(0));
}

}  // namespace

// What a thread works on: a band of a block of channels of an image.
template <Real T>
struct InterleavedProducts<T>::Piece {
  const Band& band;
  const InterleavedLayout& layout;
  std::int64_t image;
  std::int64_t block;
  T* x;
  T* y;
};

template <Real T>
bool InterleavedProducts<T>::serves(const Correlation& c) {
  if (c.in_channels != c.groups || c.out_channels != c.groups) return false;
  if (2 * c.groups < kernels::interleaved_channels<T>()) return false;
  // Bands bound the memory where zeros pad.
  if (c.padding_mode != PaddingMode::Zeros && c.input_positions() + c.output_positions() > kMostPositions) return false;
  std::int64_t grids = 1;
  for (const CorrelationAxis& axis : c.axes) {
    if (axis.pad_low < 0 || axis.stride > kMostGrids) return false;
    grids *= axis.stride;
  }
  return grids <= kMostGrids;
}

template <Real T>
InterleavedProducts<T>::InterleavedProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation)
    : channels_(correlation.groups),
      taps_(correlation.taps()),
      inputs_(correlation.input_positions()),
      outputs_(correlation.output_positions()) {
  add_bands(correlation);
  arrange(kernel);
}

// Row j of x is a term of the rows of y from (j + pad - reach + 1) / stride, rounded up, to (j + pad) / stride, rounded
// down. A band forms all of these for its rows, at least one, and one not behind its first row, so that its box
// begins at or before that row.
template <Real T>
void InterleavedProducts<T>::add_bands(const Correlation& correlation) {
  constexpr std::int64_t kLanes = kernels::interleaved_channels<T>();
  InterleavedLayout::Axes axes = three_axes(correlation);
  const std::size_t cut = axes.size() - correlation.axes.size();
  const CorrelationAxis whole = axes[cut];
  row_ = inputs_ / whole.input;
  out_row_ = outputs_ / whole.output;
  const std::int64_t bytes_of_row = 64 * (row_ + out_row_ / whole.stride + 1);
  std::int64_t rows = std::max(kBandBytes / bytes_of_row, kReachesOfBand * whole.reach());
  if (correlation.padding_mode != PaddingMode::Zeros) rows = whole.input;
  const std::int64_t count = std::max<std::int64_t>(1, whole.input / rows);
  std::int64_t done = 0;  // rows of y that belong to a band
  std::vector<InterleavedLayout::Axes> shapes;
  for (std::int64_t b = 0; b < count; ++b) {
    const std::int64_t first = whole.input * b / count;
    const std::int64_t last = whole.input * (b + 1) / count;
    const std::int64_t front = first + whole.pad_low;
    const std::int64_t highest = whole.output - 1;
    std::int64_t out_read = std::min(quotient_above(front - whole.reach() + 1, whole.stride), front / whole.stride);
    out_read = b == 0 ? 0 : std::clamp<std::int64_t>(out_read, 0, highest);
    std::int64_t out_last = std::min(highest, (last - 1 + whole.pad_low) / whole.stride) + 1;
    out_last = b + 1 == count ? whole.output : std::max(out_last, out_read + 1);
    const std::int64_t origin = whole.stride * out_read - whole.pad_low;
    const std::int64_t read = std::max<std::int64_t>(0, std::min(first, origin));
    const std::int64_t end = origin + whole.stride * (out_last - out_read - 1) + whole.reach();
    axes[cut].pad_low = read - origin;
    axes[cut].input = std::min(whole.input, std::max(last, end)) - read;
    axes[cut].output = out_last - out_read;
    const auto same = std::find(shapes.begin(), shapes.end(), axes);
    const auto layout = static_cast<std::size_t>(same - shapes.begin());
    if (same == shapes.end()) {
      shapes.push_back(axes);
      layouts_.emplace_back(axes, correlation.padding_mode, kLanes);
      box_ = std::max(box_, layouts_.back().box);
      out_box_ = std::max(out_box_, layouts_.back().out_box);
    }
    bands_.push_back({first, last, read, done, out_last, out_read, layout});
    done = out_last;
  }
}

template <Real T>
void InterleavedProducts<T>::arrange(const kernels::StoredMatrix& kernel) {
  constexpr std::int64_t kLanes = kernels::interleaved_channels<T>();
  const std::int64_t blocks = (channels_ + kLanes - 1) / kLanes;
  forward_.assign(static_cast<std::size_t>(blocks * taps_ * kLanes), T(0));
  backward_ = forward_;
  std::vector<std::int64_t> by_grid;
  for (const InterleavedLayout::Grid& grid : layouts_.front().grids) {
    by_grid.insert(by_grid.end(), grid.taps.begin(), grid.taps.end());
  }
  std::vector<double> row(static_cast<std::size_t>(taps_));
  for (std::int64_t channel = 0; channel < channels_; ++channel) {
    kernels::convert(kernel.row_range(channel, 1), 1, row.data(), taps_);
    const std::int64_t first = channel / kLanes * taps_ * kLanes + channel % kLanes;
    for (std::int64_t p = 0; p < taps_; ++p) {
      const auto to = static_cast<std::size_t>(first + p * kLanes);
      forward_[to] = static_cast<T>(row[static_cast<std::size_t>(p)]);
      backward_[to] = static_cast<T>(row[static_cast<std::size_t>(by_grid[static_cast<std::size_t>(p)])]);
    }
  }
}

/// Calls body(piece) for all bands of all blocks of channels of all images, with zeros around both boxes.
template <Real T>
template <class Body>
void InterleavedProducts<T>::each_piece(std::int64_t images, Context& context, const Body& body) const {
  context.check_cancel();
  constexpr std::int64_t kLanes = kernels::interleaved_channels<T>();
  const std::int64_t blocks = (channels_ + kLanes - 1) / kLanes;
  const auto bands = static_cast<std::int64_t>(bands_.size());
  const std::int64_t work = (inputs_ + outputs_) / bands * kLanes * (taps_ + kTransposition);
  const std::int64_t each = std::max<std::int64_t>(1, kProductsOfPiece / std::max<std::int64_t>(1, work));
  const std::int64_t count = images * blocks * bands;
  context.parallel_for(static_cast<std::size_t>((count + each - 1) / each), [&](std::size_t p) {
    auto boxes = context.scratch<T>(static_cast<std::size_t>(scratch()));
    const std::int64_t first = static_cast<std::int64_t>(p) * each;
    for (std::int64_t unit = first; unit < std::min(first + each, count); ++unit) {
      const Band& band = bands_[static_cast<std::size_t>(unit % bands)];
      const InterleavedLayout& layout = layouts_[band.layout];
      T* const y = boxes.data() + box_;
      if (unit == first || bands > 1) {
        clear(layout.zeros, boxes.data());
        clear(layout.out_zeros, y);
      }
      body(Piece{band, layout, unit / bands / blocks, unit / bands % blocks, boxes.data(), y});
    }
  });
}

namespace {

/// The channels of a block.
template <Real T>
std::int64_t channels_of(std::int64_t block, std::int64_t channels) {
  return std::min(kernels::interleaved_channels<T>(), channels - block * kernels::interleaved_channels<T>());
}

}  // namespace

template <Real T>
void InterleavedProducts<T>::load(const Piece& at, MatrixView<const T> x) const {
  const T* const from = x.data + at.image * x.stride + at.block * kernels::interleaved_channels<T>() * inputs_;
  kernels::interleave<T>(from + at.band.read * row_, inputs_, channels_of<T>(at.block, channels_), at.layout.place,
                         at.x);
  pad(at);
}

template <Real T>
void InterleavedProducts<T>::load_out(const Piece& at, MatrixView<const T> y) const {
  const T* const from = y.data + at.image * y.stride + at.block * kernels::interleaved_channels<T>() * outputs_;
  kernels::interleave<T>(from + at.band.out_read * out_row_, outputs_, channels_of<T>(at.block, channels_),
                         at.layout.out_place, at.y);
}

// The band's own rows only.
template <Real T>
void InterleavedProducts<T>::store(const Piece& at, MatrixView<T> x) const {
  T* const to = x.data + at.image * x.stride + at.block * kernels::interleaved_channels<T>() * inputs_;
  const auto first = static_cast<std::size_t>((at.band.first - at.band.read) * row_);
  const auto count = static_cast<std::size_t>((at.band.last - at.band.first) * row_);
  kernels::deinterleave<T>(at.x, std::span(at.layout.place).subspan(first, count), to + at.band.first * row_, inputs_,
                           channels_of<T>(at.block, channels_));
}

template <Real T>
void InterleavedProducts<T>::store_out(const Piece& at, MatrixView<T> y) const {
  T* const to = y.data + at.image * y.stride + at.block * kernels::interleaved_channels<T>() * outputs_;
  const auto first = static_cast<std::size_t>((at.band.out_first - at.band.out_read) * out_row_);
  const auto count = static_cast<std::size_t>((at.band.out_last - at.band.out_first) * out_row_);
  kernels::deinterleave<T>(at.y, std::span(at.layout.out_place).subspan(first, count),
                           to + at.band.out_first * out_row_, outputs_, channels_of<T>(at.block, channels_));
}

template <Real T>
void InterleavedProducts<T>::pad(const Piece& at) const {
  for (const auto& [to, from] : at.layout.copies) {
    std::copy_n(at.x + from, kernels::interleaved_channels<T>(), at.x + to);
  }
}

template <Real T>
void InterleavedProducts<T>::forward(const Piece& at) const {
  constexpr std::int64_t kLanes = kernels::interleaved_channels<T>();
  const InterleavedLayout& layout = at.layout;
  kernels::interleaved_sums<T>(forward_.data() + at.block * taps_ * kLanes, layout.terms, layout.rows, layout.length,
                               layout.step, kLanes, at.x, at.y);
}

// What lies in the padding is added to the entries that it repeats.
template <Real T>
void InterleavedProducts<T>::backward(const Piece& at) const {
  constexpr std::int64_t kLanes = kernels::interleaved_channels<T>();
  const InterleavedLayout& layout = at.layout;
  const T* w = backward_.data() + at.block * taps_ * kLanes;
  for (const InterleavedLayout::Grid& grid : layout.grids) {
    kernels::interleaved_sums<T>(w, grid.terms, grid.rows, grid.length, kLanes, layout.step, at.y, at.x);
    w += static_cast<std::int64_t>(grid.taps.size()) * kLanes;
  }
  for (const auto& [to, from] : layout.copies) {
    T sums[kLanes];  // lets the compiler use vectors
    for (std::int64_t l = 0; l < kLanes; ++l) sums[l] = at.x[from + l] + at.x[to + l];
    std::copy_n(sums, kLanes, at.x + from);
  }
}

template <Real T>
void InterleavedProducts<T>::apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load(piece, x);
    forward(piece);
    store_out(piece, y);
  });
}

template <Real T>
void InterleavedProducts<T>::apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load_out(piece, y);
    backward(piece);
    store(piece, x);
  });
}

template <Real T>
void InterleavedProducts<T>::apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z,
                                        Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load(piece, x);
    forward(piece);
    if (y.data != nullptr) store_out(piece, y);
    backward(piece);
    store(piece, z);
  });
}

// The rows of A^T y that a band's rows of A A^T y read are not all of that band.
template <Real T>
void InterleavedProducts<T>::apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  if (bands_.size() > 1) {
    auto image = context.scratch<T>(static_cast<std::size_t>(channels_ * inputs_ * y.columns));
    const MatrixView<T> x(image.data(), channels_ * inputs_, y.columns);
    apply_adjoint(y, x, context);
    return apply(x, z, context);
  }
  each_piece(y.columns, context, [&](const Piece& piece) {
    load_out(piece, y);
    backward(piece);
    pad(piece);
    forward(piece);
    store_out(piece, z);
  });
}

template class InterleavedProducts<float>;
template class InterleavedProducts<double>;

}  // namespace sigmax
