#include "sigmax/ops/convolution/interleaved.hpp"

#include <algorithm>
#include <cstddef>

#include "sigmax/kernels/convert.hpp"

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

/// A term that reads at `offset`, after those before it.
void add_term(std::vector<kernels::InterleavedTerms>& terms, std::int64_t offset, std::int64_t step) {
  if (terms.empty() || terms.back().count == 3 || offset != terms.back().offset + terms.back().count * step) {
    terms.push_back({offset, 0});
  }
  ++terms.back().count;
}

/// What the entries of `places`, in order and `lanes` elements each, leave of [0, size).
std::vector<InterleavedLayout::Stretch> outside(const std::vector<std::int64_t>& places, std::int64_t size,
                                                std::int64_t lanes) {
  std::vector<InterleavedLayout::Stretch> all;
  std::int64_t next = 0;
  for (const std::int64_t at : places) {
    if (at > next) all.push_back({next, at});
    next = at + lanes;
  }
  if (size > next) all.push_back({next, size});
  return all;
}

template <Real T>
void clear(const std::vector<InterleavedLayout::Stretch>& all, T* data) {
  for (const auto& [first, last] : all) std::fill(data + first, data + last, T(0));
}

// Rounded down and up, for a positive divisor.
std::int64_t quotient_below(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
std::int64_t quotient_above(std::int64_t a, std::int64_t b) { return -quotient_below(-a, b); }

}  // namespace

// Entries of both boxes on each axis, and the elements from one to the next.
struct InterleavedLayout::Size {
  std::array<std::int64_t, 3> length{}, pitch{}, front{}, out_length{}, out_pitch{};
};

InterleavedLayout::InterleavedLayout(const Axes& axes, PaddingMode mode, std::int64_t lanes) : lanes_(lanes) {
  Size s;
  box = out_box = lanes;
  for (std::size_t i = 3; i-- > 0;) {
    const CorrelationAxis& axis = axes[i];
    s.length[i] = std::max(axis.window(), axis.pad_low + axis.input);
    s.front[i] = (axis.reach() - 1) / axis.stride;
    s.out_length[i] = s.front[i] + std::max(axis.output, (s.length[i] - 1) / axis.stride + 1);
    s.pitch[i] = box;
    s.out_pitch[i] = out_box;
    box *= s.length[i];
    out_box *= s.out_length[i];
  }
  length = axes[2].output;
  step = axes[2].stride * lanes;
  for (std::int64_t z = 0; z < axes[0].output; ++z) {
    for (std::int64_t h = 0; h < axes[1].output; ++h) {
      const std::int64_t to =
          (z + s.front[0]) * s.out_pitch[0] + (h + s.front[1]) * s.out_pitch[1] + s.front[2] * lanes;
      rows.push_back({z * axes[0].stride * s.pitch[0] + h * axes[1].stride * s.pitch[1], to});
      for (std::int64_t a = 0; a < axes[2].output; ++a) out_place.push_back(to + a * lanes);
    }
  }
  for (std::int64_t z = 0; z < axes[0].kernel; ++z) {
    for (std::int64_t h = 0; h < axes[1].kernel; ++h) {
      for (std::int64_t a = 0; a < axes[2].kernel; ++a) {
        const std::int64_t at = z * axes[0].dilation * s.pitch[0] + h * axes[1].dilation * s.pitch[1];
        add_term(terms, at + a * axes[2].dilation * lanes, step);
      }
    }
  }
  add_places(axes, mode, s);
  out_zeros = outside(out_place, out_box, lanes);
  if (mode == PaddingMode::Zeros) zeros = outside(place, box, lanes);
  std::array<std::int64_t, 3> residue{};
  for (residue[0] = 0; residue[0] < axes[0].stride; ++residue[0]) {
    for (residue[1] = 0; residue[1] < axes[1].stride; ++residue[1]) {
      for (residue[2] = 0; residue[2] < axes[2].stride; ++residue[2]) {
        add_grid(axes, s, residue, mode != PaddingMode::Zeros);
      }
    }
  }
}

void InterleavedLayout::add_places(const Axes& axes, PaddingMode mode, const Size& s) {
  // The box in order: entries of x come in their own order.
  std::array<std::int64_t, 3> u{};
  for (u[0] = 0; u[0] < s.length[0]; ++u[0]) {
    for (u[1] = 0; u[1] < s.length[1]; ++u[1]) {
      for (u[2] = 0; u[2] < s.length[2]; ++u[2]) {
        bool inside = true, zero = false;
        std::int64_t at = 0, from = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t j = u[i] - axes[i].pad_low;
          const std::int64_t entry = padded_entry(mode, axes[i].input, j);
          inside = inside && j >= 0 && j < axes[i].input;
          zero = zero || entry < 0;
          at += u[i] * s.pitch[i];
          from += (entry + axes[i].pad_low) * s.pitch[i];
        }
        if (inside) {
          place.push_back(at);
        } else if (!zero) {
          copies.push_back({at, from});
        }
      }
    }
  }
}

// Zeros of the padding stay as they are.
void InterleavedLayout::add_grid(const Axes& axes, const Size& s, const std::array<std::int64_t, 3>& residue,
                                 bool padding_too) {
  std::array<std::int64_t, 3> first{}, last{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t begin = padding_too ? 0 : axes[i].pad_low;
    const std::int64_t end = padding_too ? s.length[i] : axes[i].pad_low + axes[i].input;
    first[i] = quotient_above(begin - residue[i], axes[i].stride);
    last[i] = quotient_below(end - 1 - residue[i], axes[i].stride) + 1;
  }
  Grid grid;
  grid.length = last[2] - first[2];
  std::array<std::int64_t, 3> p{};
  // From the last tap to the first, so that places in y's box come in order.
  for (p[0] = axes[0].kernel; p[0]-- > 0;) {
    for (p[1] = axes[1].kernel; p[1]-- > 0;) {
      for (p[2] = axes[2].kernel; p[2]-- > 0;) {
        std::int64_t offset = 0;
        bool here = true;
        for (std::size_t i = 0; i < 3; ++i) {
          here = here && axes[i].dilation * p[i] % axes[i].stride == residue[i];
          offset -= axes[i].dilation * p[i] / axes[i].stride * s.out_pitch[i];
        }
        if (!here) continue;
        grid.taps.push_back((p[0] * axes[1].kernel + p[1]) * axes[2].kernel + p[2]);
        add_term(grid.terms, offset, lanes_);
      }
    }
  }
  for (std::int64_t z = first[0]; z < last[0]; ++z) {
    for (std::int64_t h = first[1]; h < last[1] && grid.length > 0; ++h) {
      const std::array<std::int64_t, 3> q{z, h, first[2]};
      kernels::InterleavedRow row;
      for (std::size_t i = 0; i < 3; ++i) {
        row.from += (q[i] + s.front[i]) * s.out_pitch[i];
        row.to += (q[i] * axes[i].stride + residue[i]) * s.pitch[i];
      }
      grid.rows.push_back(row);
    }
  }
  grids.push_back(std::move(grid));
}

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
