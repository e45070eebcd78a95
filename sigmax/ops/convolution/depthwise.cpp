#include "sigmax/ops/convolution/depthwise.hpp"

#include <algorithm>

#include "sigmax/kernels/convert.hpp"

namespace sigmax {
namespace {

// A piece of work for a thread has at least this many multiplications, about 5 microseconds.
constexpr std::int64_t kProductsAtOnce = std::int64_t{1} << 18;
// Rows of padded channels are an odd number of these many elements apart, so that they do not share the sets of a
// cache.
constexpr std::int64_t kLine = 16;

std::int64_t pitch_of(std::int64_t width) { return ((width + kLine - 1) / kLine | 1) * kLine; }

/// The axis, counted from the last one: 0 is along rows, 1 down.
CorrelationAxis sizes_of(const Correlation& c, std::size_t from_last) {
  return from_last < c.axes.size() ? c.axes[c.axes.size() - 1 - from_last] : CorrelationAxis{};
}

}  // namespace

template <Real T>
bool DepthwiseProducts<T>::serves(const Correlation& c) {
  if (c.axes.size() > 2 || c.padding_mode != PaddingMode::Zeros) return false;
  if (c.in_channels != c.groups || c.out_channels != c.groups) return false;
  return std::all_of(c.axes.begin(), c.axes.end(), [](const CorrelationAxis& axis) {
    return axis.stride == 1 && axis.pad_low >= 0 && axis.pad_low < axis.reach() &&
           axis.pad_low + axis.input <= axis.window() && axis.output <= axis.pad_low + axis.input;
  });
}

// The channel of `from` with `before` zeros in front of it on each axis, row-wise and downwards, and as many behind as
// the sums for `to` read.
template <Real T>
void DepthwiseProducts<T>::lay_out(Side& from, const Side& to, const std::vector<std::int64_t>& before,
                                   const Correlation& c) {
  const CorrelationAxis across = sizes_of(c, 0);
  const CorrelationAxis down = sizes_of(c, 1);
  from.pitch = pitch_of(to.width + across.reach() - 1);
  from.corner = before[1] * from.pitch + before[0];
  from.padded = (to.height + down.reach() - 1) * from.pitch + kernels::plane_slack<T>();
  from.sums = {to.height, to.width, down.kernel, across.kernel, down.dilation, across.dilation};
}

template <Real T>
DepthwiseProducts<T>::DepthwiseProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation)
    : channels_(correlation.groups), taps_(correlation.taps()) {
  const CorrelationAxis across = sizes_of(correlation, 0);
  const CorrelationAxis down = sizes_of(correlation, 1);
  in_.height = down.input;
  in_.width = across.input;
  out_.height = down.output;
  out_.width = across.output;
  lay_out(in_, out_, {across.pad_low, down.pad_low}, correlation);
  lay_out(out_, in_, {across.reach() - 1 - across.pad_low, down.reach() - 1 - down.pad_low}, correlation);
  std::vector<double> row(static_cast<std::size_t>(taps_));
  for (std::int64_t channel = 0; channel < channels_; ++channel) {
    kernels::convert(kernel.row_range(channel, 1), 1, row.data(), taps_);
    for (const double w : row) in_.weights.push_back(static_cast<T>(w));
    out_.weights.insert(out_.weights.end(), in_.weights.rbegin(), in_.weights.rbegin() + taps_);
  }
}

/// Calls body(image, channel, padded x, padded y) for all channels of all images, with zeros around the channels.
template <Real T>
template <class Body>
void DepthwiseProducts<T>::each_channel(std::int64_t images, Context& context, const Body& body) const {
  context.check_cancel();
  const std::int64_t count = images * channels_;
  const std::int64_t work = (in_.size() + out_.size()) * taps_;
  const std::int64_t each = std::max<std::int64_t>(1, kProductsAtOnce / std::max<std::int64_t>(1, work));
  context.parallel_for(static_cast<std::size_t>((count + each - 1) / each), [&](std::size_t piece) {
    auto grids = context.scratch<T>(static_cast<std::size_t>(in_.padded + out_.padded));
    std::fill_n(grids.data(), in_.padded + out_.padded, T(0));
    const std::int64_t first = static_cast<std::int64_t>(piece) * each;
    for (std::int64_t unit = first; unit < std::min(first + each, count); ++unit) {
      body(unit / channels_, unit % channels_, grids.data(), grids.data() + in_.padded);
    }
  });
}

template <Real T>
void DepthwiseProducts<T>::place(const Side& side, const T* channel, T* grid) const {
  kernels::plane_copy(side.height, side.width, channel, side.width, grid + side.corner, side.pitch);
}

template <Real T>
void DepthwiseProducts<T>::sum(const Side& side, std::int64_t channel, const T* grid, T* to, std::int64_t pitch) const {
  kernels::plane_sums(side.sums, side.weights.data() + channel * taps_, grid, side.pitch, to, pitch);
}

template <Real T>
void DepthwiseProducts<T>::once(const Side& from, const Side& to, MatrixView<const T> x, MatrixView<T> y,
                                Context& context) const {
  each_channel(x.columns, context, [&](std::int64_t image, std::int64_t channel, T* first, T* second) {
    T* const grid = &from == &in_ ? first : second;
    place(from, x.data + image * x.stride + channel * from.size(), grid);
    sum(from, channel, grid, y.data + image * y.stride + channel * to.size(), to.width);
  });
}

// y, the result of the first half, goes into its padded channel, from which the second half reads.
template <Real T>
void DepthwiseProducts<T>::twice(const Side& from, const Side& through, MatrixView<const T> x, MatrixView<T> y,
                                 MatrixView<T> z, Context& context) const {
  each_channel(x.columns, context, [&](std::int64_t image, std::int64_t channel, T* first, T* second) {
    if (&from == &out_) std::swap(first, second);
    place(from, x.data + image * x.stride + channel * from.size(), first);
    sum(from, channel, first, second + through.corner, through.pitch);
    if (y.data != nullptr) {
      kernels::plane_copy<T>(through.height, through.width, second + through.corner, through.pitch,
                             y.data + image * y.stride + channel * through.size(), through.width);
    }
    sum(through, channel, second, z.data + image * z.stride + channel * from.size(), from.width);
  });
}

template <Real T>
void DepthwiseProducts<T>::apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  once(in_, out_, x, y, context);
}

template <Real T>
void DepthwiseProducts<T>::apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  once(out_, in_, y, x, context);
}

template <Real T>
void DepthwiseProducts<T>::apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const {
  twice(in_, out_, x, y, z, context);
}

template <Real T>
void DepthwiseProducts<T>::apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  twice(out_, in_, y, {}, z, context);
}

template class DepthwiseProducts<float>;
template class DepthwiseProducts<double>;

}  // namespace sigmax
