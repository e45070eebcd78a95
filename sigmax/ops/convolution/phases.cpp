#include "sigmax/ops/convolution/phases.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "sigmax/kernels/convert.hpp"

namespace sigmax {
namespace {

// A piece of work for a thread has at least this many multiplications, about 20 microseconds.
constexpr std::int64_t kProductsOfTask = std::int64_t{1} << 20;
// Multiplications that take as long as bringing an entry into place and back.
constexpr std::int64_t kPlacement = 8;
// What the boxes of a channel may take of the second-level cache.
constexpr std::int64_t kBoxBytes = std::int64_t{3} << 17;
// Each has its own sums: of strides that are larger than kernels, most are empty.
constexpr std::int64_t kMostResidues = 64;
// Rows begin at lines of the cache.
constexpr std::int64_t kLine = 16;

PhaseLayout::Axes padded_axes(const Correlation& c) {
  PhaseLayout::Axes axes;
  std::copy(c.axes.begin(), c.axes.end(), axes.end() - static_cast<std::ptrdiff_t>(c.axes.size()));
  return axes;
}

std::int64_t whole_lines(std::int64_t entries) { return (entries + kLine - 1) / kLine * kLine; }

// Rounded down and up, for a positive divisor.
std::int64_t quotient_down(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return -quotient_down(-a, b); }

}  // namespace

// Entries of both boxes on each axis, and the elements of their rows: of x's box, of each of two phases.
struct PhaseLayout::Size {
  std::array<std::int64_t, 3> length{}, front{}, out_length{};
  std::int64_t pitch = 0, out_pitch = 0;

  explicit Size(const Axes& axes) {
    for (std::size_t i = 0; i < 3; ++i) {
      const CorrelationAxis& axis = axes[i];
      length[i] = std::max(axis.window(), axis.pad_low + axis.input);
      front[i] = (axis.reach() - 1) / axis.stride;
      out_length[i] = front[i] + std::max(axis.output, (length[i] - 1) / axis.stride + 1);
    }
    pitch = whole_lines((length[2] + 1) / 2);
    out_pitch = whole_lines(out_length[2]);
  }

  std::int64_t box() const { return 2 * pitch * length[0] * length[1]; }
  std::int64_t out_box() const { return out_pitch * out_length[0] * out_length[1]; }

  /// The element of entry u of x's box.
  std::int64_t place(std::int64_t u0, std::int64_t u1, std::int64_t u2) const {
    return (2 * (u0 * length[1] + u1) + u2 % 2) * pitch + u2 / 2;
  }
  /// The element of entry a of y's box, negative within the zeros in front.
  std::int64_t out_place(std::int64_t a0, std::int64_t a1, std::int64_t a2) const {
    return ((a0 + front[0]) * out_length[1] + a1 + front[1]) * out_pitch + a2 + front[2];
  }
};

PhaseLayout::PhaseLayout(const Axes& axes, PaddingMode mode) {
  const Size s(axes);
  box = s.box();
  out_box = s.out_box();
  length = axes[2].input;
  out_length = axes[2].output;
  for (std::int64_t z = 0; z < axes[0].input; ++z) {
    for (std::int64_t h = 0; h < axes[1].input; ++h) {
      const std::int64_t u0 = z + axes[0].pad_low, u1 = h + axes[1].pad_low, u2 = axes[2].pad_low;
      x.push_back({(z * axes[1].input + h) * length, s.place(u0, u1, u2), s.place(u0, u1, u2 + 1)});
    }
  }
  for (std::int64_t z = 0; z < axes[0].output; ++z) {
    for (std::int64_t h = 0; h < axes[1].output; ++h) {
      rows.push_back({s.place(z * axes[0].stride, h * axes[1].stride, 0), s.out_place(z, h, 0)});
    }
  }
  for (std::int64_t z = 0; z < axes[0].kernel; ++z) {
    for (std::int64_t h = 0; h < axes[1].kernel; ++h) {
      for (std::int64_t a = 0; a < axes[2].kernel; ++a) {
        offsets.push_back(s.place(z * axes[0].dilation, h * axes[1].dilation, a * axes[2].dilation));
      }
    }
  }
  const bool zeros = mode == PaddingMode::Zeros;
  if (!zeros) add_copies(axes, mode, s);
  std::array<std::int64_t, 3> residue{};
  for (residue[0] = 0; residue[0] < axes[0].stride; ++residue[0]) {
    for (residue[1] = 0; residue[1] < axes[1].stride; ++residue[1]) {
      for (residue[2] = 0; residue[2] < axes[2].stride; ++residue[2]) add_grid(axes, s, residue, !zeros);
    }
  }
}

std::int64_t PhaseLayout::elements(const Axes& axes) {
  const Size size(axes);
  return size.box() + size.out_box();
}

void PhaseLayout::add_copies(const Axes& axes, PaddingMode mode, const Size& s) {
  std::array<std::int64_t, 3> u{};
  for (u[0] = 0; u[0] < s.length[0]; ++u[0]) {
    for (u[1] = 0; u[1] < s.length[1]; ++u[1]) {
      for (u[2] = 0; u[2] < s.length[2]; ++u[2]) {
        bool inside = true;
        std::array<std::int64_t, 3> from{};
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t j = u[i] - axes[i].pad_low;
          inside = inside && j >= 0 && j < axes[i].input;
          from[i] = padded_entry(mode, axes[i].input, j) + axes[i].pad_low;
        }
        if (!inside) copies.push_back({s.place(u[0], u[1], u[2]), s.place(from[0], from[1], from[2])});
      }
    }
  }
}

// Zeros of the padding stay as they are.
void PhaseLayout::add_grid(const Axes& axes, const Size& s, const std::array<std::int64_t, 3>& residue,
                           bool padding_too) {
  std::array<std::int64_t, 3> first{}, last{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t begin = padding_too ? 0 : axes[i].pad_low;
    const std::int64_t end = padding_too ? s.length[i] : axes[i].pad_low + axes[i].input;
    first[i] = quotient_up(begin - residue[i], axes[i].stride);
    last[i] = quotient_down(end - 1 - residue[i], axes[i].stride) + 1;
  }
  Grid grid;
  grid.length = last[2] - first[2];
  std::array<std::int64_t, 3> p{};
  // From the last tap to the first, so that places in y's box come in order.
  for (p[0] = axes[0].kernel; p[0]-- > 0;) {
    for (p[1] = axes[1].kernel; p[1]-- > 0;) {
      for (p[2] = axes[2].kernel; p[2]-- > 0;) {
        std::array<std::int64_t, 3> q{};
        bool here = true;
        for (std::size_t i = 0; i < 3; ++i) {
          here = here && axes[i].dilation * p[i] % axes[i].stride == residue[i];
          q[i] = axes[i].dilation * p[i] / axes[i].stride;
        }
        if (!here) continue;
        grid.taps.push_back((p[0] * axes[1].kernel + p[1]) * axes[2].kernel + p[2]);
        grid.offsets.push_back(s.out_place(-q[0], -q[1], -q[2]) - s.out_place(0, 0, 0));
      }
    }
  }
  for (std::int64_t z = first[0]; z < last[0]; ++z) {
    for (std::int64_t h = first[1]; h < last[1] && grid.length > 0; ++h) {
      grid.rows.push_back(
          {s.out_place(z, h, first[2]), s.place(z * axes[0].stride + residue[0], h * axes[1].stride + residue[1],
                                                first[2] * axes[2].stride + residue[2])});
    }
  }
  grids.push_back(std::move(grid));
}

template <Real T>
bool PhasedProducts<T>::serves(const Correlation& c) {
  if (c.in_channels != c.groups || c.out_channels != c.groups) return false;
  const CorrelationAxis& along = c.axes.back();
  if (along.stride != 2 || along.output < kernels::shortest_phase<T>()) return false;
  // Before their products are formed.
  constexpr std::int64_t kMost = kBoxBytes / static_cast<std::int64_t>(sizeof(T));
  std::int64_t residues = 1;
  std::int64_t entries = 1;
  for (const CorrelationAxis& axis : c.axes) {
    if (axis.pad_low < 0 || axis.stride > kMostResidues) return false;
    residues *= axis.stride;
    if (axis.window() > kMost || axis.pad_low + axis.input > kMost) return false;
    entries *= std::max(axis.window(), axis.pad_low + axis.input);
    if (entries > kMost || residues > kMostResidues) return false;
  }
  return PhaseLayout::elements(padded_axes(c)) <= kMost;
}

template <Real T>
PhasedProducts<T>::PhasedProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation)
    : channels_(correlation.groups),
      taps_(correlation.taps()),
      inputs_(correlation.input_positions()),
      outputs_(correlation.output_positions()),
      layout_(padded_axes(correlation), correlation.padding_mode) {
  std::vector<double> row(static_cast<std::size_t>(taps_));
  for (std::int64_t channel = 0; channel < channels_; ++channel) {
    kernels::convert(kernel.row_range(channel, 1), 1, row.data(), taps_);
    for (const double w : row) forward_.push_back(static_cast<T>(w));
    for (const PhaseLayout::Grid& grid : layout_.grids) {
      for (const std::int64_t p : grid.taps) backward_.push_back(static_cast<T>(row[static_cast<std::size_t>(p)]));
    }
  }
}

/// Calls body(piece) for all channels of all images, with zeros around both boxes, which no product changes.
template <Real T>
template <class Body>
void PhasedProducts<T>::each_piece(std::int64_t images, Context& context, const Body& body) const {
  context.check_cancel();
  const std::int64_t work = (inputs_ + outputs_) * kPlacement + 2 * outputs_ * taps_;
  const std::int64_t each = std::max<std::int64_t>(1, kProductsOfTask / work);
  const std::int64_t count = images * channels_;
  context.parallel_for(static_cast<std::size_t>((count + each - 1) / each), [&](std::size_t p) {
    auto boxes = context.scratch<T>(static_cast<std::size_t>(layout_.box + layout_.out_box));
    std::fill(boxes.begin(), boxes.end(), T(0));
    const std::int64_t first = static_cast<std::int64_t>(p) * each;
    for (std::int64_t unit = first; unit < std::min(first + each, count); ++unit) {
      body(Piece{unit / channels_, unit % channels_, boxes.data(), boxes.data() + layout_.box});
    }
  });
}

template <Real T>
void PhasedProducts<T>::load(const Piece& at, MatrixView<const T> x) const {
  kernels::split_phases<T>(x.data + at.image * x.stride + at.channel * inputs_, layout_.x, layout_.length, at.x);
  pad(at);
}

template <Real T>
void PhasedProducts<T>::load_out(const Piece& at, MatrixView<const T> y) const {
  const T* from = y.data + at.image * y.stride + at.channel * outputs_;
  for (const kernels::SumRow& row : layout_.rows) {
    std::copy_n(from, layout_.out_length, at.y + row.to);
    from += layout_.out_length;
  }
}

template <Real T>
void PhasedProducts<T>::store(const Piece& at, MatrixView<T> x) const {
  kernels::join_phases<T>(at.x, layout_.x, layout_.length, x.data + at.image * x.stride + at.channel * inputs_);
}

template <Real T>
void PhasedProducts<T>::store_out(const Piece& at, MatrixView<T> y) const {
  T* to = y.data + at.image * y.stride + at.channel * outputs_;
  for (const kernels::SumRow& row : layout_.rows) {
    std::copy_n(at.y + row.to, layout_.out_length, to);
    to += layout_.out_length;
  }
}

template <Real T>
void PhasedProducts<T>::pad(const Piece& at) const {
  for (const auto& [to, from] : layout_.copies) at.x[to] = at.x[from];
}

template <Real T>
void PhasedProducts<T>::forward(const Piece& at) const {
  const auto first = static_cast<std::size_t>(at.channel * taps_);
  kernels::row_sums<T>(std::span(forward_).subspan(first, static_cast<std::size_t>(taps_)), layout_.offsets,
                       layout_.rows, layout_.out_length, at.x, at.y);
}

// What lies in the padding is added to the entries that it repeats.
template <Real T>
void PhasedProducts<T>::backward(const Piece& at) const {
  auto first = static_cast<std::size_t>(at.channel * taps_);
  for (const PhaseLayout::Grid& grid : layout_.grids) {
    kernels::row_sums<T>(std::span(backward_).subspan(first, grid.taps.size()), grid.offsets, grid.rows, grid.length,
                         at.y, at.x);
    first += grid.taps.size();
  }
  for (const auto& [to, from] : layout_.copies) at.x[from] += at.x[to];
}

template <Real T>
void PhasedProducts<T>::apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load(piece, x);
    forward(piece);
    store_out(piece, y);
  });
}

template <Real T>
void PhasedProducts<T>::apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load_out(piece, y);
    backward(piece);
    store(piece, x);
  });
}

template <Real T>
void PhasedProducts<T>::apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const {
  each_piece(x.columns, context, [&](const Piece& piece) {
    load(piece, x);
    forward(piece);
    if (y.data != nullptr) store_out(piece, y);
    backward(piece);
    store(piece, z);
  });
}

// The padding holds zeros still, or is filled anew.
template <Real T>
void PhasedProducts<T>::apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  each_piece(y.columns, context, [&](const Piece& piece) {
    load_out(piece, y);
    backward(piece);
    pad(piece);
    forward(piece);
    store_out(piece, z);
  });
}

template class PhasedProducts<float>;
template class PhasedProducts<double>;

}  // namespace sigmax
