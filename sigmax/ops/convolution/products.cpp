#include "sigmax/ops/convolution/products.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/kernels/convert.hpp"

namespace sigmax {
namespace {

// A piece of work for a thread has at least this many multiplications, about 20 microseconds.
constexpr std::int64_t kPieceProducts = std::int64_t{1} << 21;
// The most elements of output runs that are one piece: a multiple of every target's vectors.
constexpr std::int64_t kPieceElements = 1536;

/// Calls body(first, last) for ranges of `count` units of `work` multiplications each, in parallel.
template <class Body>
void in_pieces(std::int64_t count, std::int64_t work, Context& context, const Body& body) {
  const std::int64_t each = std::max<std::int64_t>(1, kPieceProducts / std::max<std::int64_t>(1, work));
  const std::int64_t pieces = (count + each - 1) / each;
  if (pieces <= 1) return body(0, count);
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t p) {
    context.check_cancel();
    const std::int64_t first = static_cast<std::int64_t>(p) * each;
    body(first, std::min(first + each, count));
  });
}

/// The runs in lists of about kPieceElements.
std::vector<std::vector<kernels::ShiftedRun>> cut(const std::vector<kernels::ShiftedRun>& runs) {
  std::vector<std::vector<kernels::ShiftedRun>> lists;
  std::int64_t room = 0;
  for (const kernels::ShiftedRun& run : runs) {
    for (std::int64_t n = 0; n < run.length; n += kPieceElements) {
      const std::int64_t length = std::min(kPieceElements, run.length - n);
      if (room < length) {
        lists.emplace_back();
        room = kPieceElements;
      }
      lists.back().push_back({run.from + n, run.to + n, length});
      room -= length;
    }
  }
  return lists;
}

std::int64_t length_of(const std::vector<kernels::ShiftedRun>& runs) {
  std::int64_t sum = 0;
  for (const kernels::ShiftedRun& run : runs) sum += run.length;
  return sum;
}

/// One kind of sum on all groups: weights[group], sources and destinations `source_step` and `destination_step` apart.
template <Real T>
struct GroupedSums {
  std::span<const kernels::ShiftedWeights<T>> weights;
  std::span<const std::int64_t> offsets;
  const T* source;
  std::int64_t source_step;
  T* destination;
  std::int64_t destination_step;
  std::int64_t stride;  ///< from one output channel to the next
};

/// Units of work are lists of runs, groups, and panels where there are few of the others.
template <Real T>
void run_sums(const GroupedSums<T>& sums, const std::vector<std::vector<kernels::ShiftedRun>>& lists,
              Context& context) {
  if (lists.empty()) return;
  const kernels::ShiftedWeights<T>& first = sums.weights.front();
  const auto groups = static_cast<std::int64_t>(sums.weights.size());
  const auto count = static_cast<std::int64_t>(lists.size());
  std::int64_t elements = 0;
  for (const auto& list : lists) elements += length_of(list);
  const std::int64_t work = elements / count * first.rows() * first.terms() + 1;
  const std::int64_t slices =
      std::clamp<std::int64_t>(work / kPieceProducts, 1, std::min<std::int64_t>(first.panels(), 8));
  in_pieces(groups * count * slices, work / slices, context, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t slice = unit % slices;
      const std::int64_t group = unit / slices % groups;
      const kernels::ShiftedWeights<T>& w = sums.weights[static_cast<std::size_t>(group)];
      kernels::shifted_sums<T>(w, w.panels() * slice / slices, w.panels() * (slice + 1) / slices, sums.offsets,
                               lists[static_cast<std::size_t>(unit / slices / groups)],
                               sums.source + group * sums.source_step, sums.destination + group * sums.destination_step,
                               sums.stride);
    }
  });
}

/// Calls body(image, channel) for all of them, `work` multiplications' worth each.
template <class Body>
void each_channel(std::int64_t images, std::int64_t channels, std::int64_t work, Context& context, const Body& body) {
  in_pieces(images * channels, 32 * work, context, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t unit = first; unit < last; ++unit) body(unit / channels, unit % channels);
  });
}

}  // namespace

/// The grids of the images that are computed together.
template <Real T>
class ConvolutionProducts<T>::Images {
 public:
  Images(const ConvolutionLayout& layout, std::int64_t count, Context& context)
      : layout_(layout),
        count_(count),
        padded_(context.scratch<T>(static_cast<std::size_t>(layout.padded_size()))),
        out_(context.scratch<T>(static_cast<std::size_t>(layout.out_size()))) {}

  std::int64_t count() const noexcept { return count_; }
  T* padded() noexcept { return padded_.data(); }
  T* out() noexcept { return out_.data(); }

  void pad(MatrixView<const T> x, Context& context) {
    each_in(context, [&](std::int64_t image, std::int64_t channel) {
      layout_.pad(x.data + image * x.stride + channel * inputs(), image, channel, padded());
    });
  }

  void fold(MatrixView<T> x, Context& context) {
    each_in(context, [&](std::int64_t image, std::int64_t channel) {
      layout_.fold(padded(), image, channel, x.data + image * x.stride + channel * inputs());
    });
  }

  void place(MatrixView<const T> y, Context& context) {
    each_out(context, [&](std::int64_t image, std::int64_t channel) {
      layout_.place(y.data + image * y.stride + channel * outputs(), T(1), image, channel, out());
    });
  }

  void collect(MatrixView<T> y, Context& context) {
    each_out(context, [&](std::int64_t image, std::int64_t channel) {
      layout_.collect(out(), image, channel, y.data + image * y.stride + channel * outputs());
    });
  }

  void clear_gaps(Context& context) {
    each_out(context, [&](std::int64_t image, std::int64_t channel) { layout_.clear_gaps(image, channel, out()); });
  }

 private:
  std::int64_t inputs() const { return layout_.correlation().input_positions(); }
  std::int64_t outputs() const { return layout_.correlation().output_positions(); }

  template <class Body>
  void each_in(Context& context, const Body& body) {
    const std::int64_t work = layout_.plane() / layout_.images() * layout_.grids();
    each_channel(count_, layout_.correlation().in_channels, work, context, body);
  }

  template <class Body>
  void each_out(Context& context, const Body& body) {
    const std::int64_t work = layout_.out_plane() / layout_.images();
    each_channel(count_, layout_.correlation().out_channels, work, context, body);
  }

  const ConvolutionLayout& layout_;
  std::int64_t count_;
  Context::Buffer<T> padded_;
  Context::Buffer<T> out_;
};

// Terms in the order of channels, then taps: the taps of a channel read the same lines of a cache.
template <Real T>
ConvolutionProducts<T>::ConvolutionProducts(const kernels::StoredMatrix& kernel, const Correlation& correlation)
    : layout_(correlation, kernels::shifted_lanes<T>()) {
  if (InterleavedProducts<T>::serves(correlation)) {
    interleaved_.emplace(kernel, correlation);
    return;
  }
  const std::int64_t in = correlation.in_channels / correlation.groups;
  const std::int64_t out = correlation.out_channels / correlation.groups;
  const std::int64_t groups = correlation.groups;
  const std::int64_t taps = correlation.taps();
  const std::int64_t grids = layout_.grids();
  const std::vector<ConvolutionLayout::Tap>& tap = layout_.taps();
  for (std::int64_t i = 0; i < in; ++i) {
    for (const auto& [grid, shift] : tap) {
      forward_offsets_.push_back(grid * layout_.grid_stride() + i * layout_.plane() + shift);
    }
  }
  std::vector<std::int64_t> place(static_cast<std::size_t>(taps));  // of a tap among those of its grid
  std::vector<std::int64_t> taps_of(static_cast<std::size_t>(grids));
  for (std::size_t p = 0; p < tap.size(); ++p) place[p] = taps_of[static_cast<std::size_t>(tap[p].grid)]++;
  backward_offsets_.resize(static_cast<std::size_t>(grids));
  for (std::int64_t o = 0; o < out; ++o) {
    for (const auto& [grid, shift] : tap) {
      backward_offsets_[static_cast<std::size_t>(grid)].push_back(o * layout_.out_plane() + layout_.front() - shift);
    }
  }
  for (std::int64_t g = 0; g < groups; ++g) forward_.emplace_back(out, in * taps);
  for (std::int64_t f = 0; f < grids; ++f) {
    for (std::int64_t g = 0; g < groups; ++g) backward_.emplace_back(in, out * taps_of[static_cast<std::size_t>(f)]);
  }
  std::vector<double> row(static_cast<std::size_t>(in * taps));
  for (std::int64_t o = 0; o < correlation.out_channels; ++o) {
    kernels::convert(kernel.row_range(o, 1), 1, row.data(), in * taps);
    const std::int64_t g = o / out;
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t p = 0; p < taps; ++p) {
        const T value = static_cast<T>(row[static_cast<std::size_t>(i * taps + p)]);
        const std::int64_t f = tap[static_cast<std::size_t>(p)].grid;
        forward_[static_cast<std::size_t>(g)].at(o % out, i * taps + p) = value;
        backward_[static_cast<std::size_t>(f * groups + g)].at(
            i, o % out * taps_of[static_cast<std::size_t>(f)] + place[static_cast<std::size_t>(p)]) = value;
      }
    }
  }
}

// Chunks of images run in parallel, and so does the work on each.
template <Real T>
template <class Body>
void ConvolutionProducts<T>::each_chunk(std::int64_t images, Context& context, const Body& body) const {
  const std::int64_t each = layout_.images();
  context.check_cancel();
  context.parallel_for(static_cast<std::size_t>((images + each - 1) / each), [&](std::size_t chunk) {
    const std::int64_t first = static_cast<std::int64_t>(chunk) * each;
    Images some(layout_, std::min(each, images - first), context);
    body(some, first);
  });
}

template <Real T>
void ConvolutionProducts<T>::forward(Images& images, Context& context) const {
  const Correlation& c = correlation();
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  run_sums<T>({forward_, forward_offsets_, images.padded(), in * layout_.plane(), images.out() + layout_.front(),
               out * layout_.out_plane(), layout_.out_plane()},
              cut(layout_.output_runs(images.count())), context);
}

template <Real T>
void ConvolutionProducts<T>::backward(Images& images, Context& context) const {
  const Correlation& c = correlation();
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  for (std::int64_t f = 0; f < layout_.grids(); ++f) {
    run_sums<T>(
        {std::span(backward_).subspan(static_cast<std::size_t>(f * c.groups), static_cast<std::size_t>(c.groups)),
         backward_offsets_[static_cast<std::size_t>(f)], images.out(), out * layout_.out_plane(),
         images.padded() + f * layout_.grid_stride(), in * layout_.plane(), layout_.plane()},
        cut(layout_.input_runs(f, images.count())), context);
  }
}

template <Real T>
void ConvolutionProducts<T>::apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  if (interleaved_) return interleaved_->apply(x, y, context);
  each_chunk(x.columns, context, [&](Images& images, std::int64_t first) {
    images.pad(x.column_range(first, images.count()), context);
    forward(images, context);
    images.collect(y.column_range(first, images.count()), context);
  });
}

template <Real T>
void ConvolutionProducts<T>::apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  if (interleaved_) return interleaved_->apply_adjoint(y, x, context);
  each_chunk(x.columns, context, [&](Images& images, std::int64_t first) {
    images.place(y.column_range(first, images.count()), context);
    backward(images, context);
    images.fold(x.column_range(first, images.count()), context);
  });
}

template <Real T>
void ConvolutionProducts<T>::apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z,
                                        Context& context) const {
  if (interleaved_) return interleaved_->apply_gram(x, y, z, context);
  each_chunk(x.columns, context, [&](Images& images, std::int64_t first) {
    images.pad(x.column_range(first, images.count()), context);
    forward(images, context);
    if (y.data != nullptr) images.collect(y.column_range(first, images.count()), context);
    images.clear_gaps(context);
    backward(images, context);
    images.fold(z.column_range(first, images.count()), context);
  });
}

// The padded image of x = A^T y is not what backward() leaves: its padding holds sums of its own.
template <Real T>
void ConvolutionProducts<T>::apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  if (interleaved_) return interleaved_->apply_outer_gram(y, z, context);
  const std::int64_t columns = correlation().columns();
  each_chunk(y.columns, context, [&](Images& images, std::int64_t first) {
    auto image = context.scratch<T>(static_cast<std::size_t>(columns * images.count()));
    const MatrixView<T> x(image.data(), columns, images.count());
    images.place(y.column_range(first, images.count()), context);
    backward(images, context);
    images.fold(x, context);
    images.pad(x, context);
    forward(images, context);
    images.collect(z.column_range(first, images.count()), context);
  });
}

template class ConvolutionProducts<float>;
template class ConvolutionProducts<double>;

}  // namespace sigmax
