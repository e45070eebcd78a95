#include "sigmax/ops/convolution/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

// Planes are an odd number of these many elements apart, so that neighboring channels do not share the sets of a cache.
constexpr std::int64_t kUnit = 16;
// What vectors read beyond the last image of a channel.
constexpr std::int64_t kSlack = kernels::shifted_slack<float>();
// Images are computed together until their outputs fill this many elements, which share a read of the weights.
constexpr std::int64_t kTogether = 512;

std::int64_t odd_units(std::int64_t size) {
  const std::int64_t units = (size + kUnit - 1) / kUnit;
  return (units + (units % 2 == 0 ? 1 : 0)) * kUnit;
}

std::int64_t index_of(std::vector<std::int64_t>& all, std::int64_t value) {
  const auto at = std::find(all.begin(), all.end(), value);
  if (at == all.end()) all.push_back(value);
  return std::distance(all.begin(), std::find(all.begin(), all.end(), value));
}

/// Throws Error if a product of sizes exceeds 2^62.
std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (!__builtin_mul_overflow(a, b, &result) && result <= (std::int64_t{1} << 62)) return result;
  throw Error(fmt::format("[convolution] a padded image exceeds 2^62 entries: {} times {}", a, b));
}

}  // namespace

ConvolutionLayout::Axis ConvolutionLayout::axis_of(const CorrelationAxis& size, PaddingMode mode) {
  constexpr std::int64_t kLongest = std::int64_t{1} << 31;
  if (size.window() > kLongest || size.input > kLongest) {
    throw Error(fmt::format("[convolution] an image has at most 2^31 entries on an axis, padding included, got {}",
                            std::max(size.window(), size.input)));
  }
  Axis axis;
  axis.size = size;
  std::vector<std::int64_t> residues;
  for (std::int64_t p = 0; p < size.kernel; ++p) {
    axis.residue_of.push_back(index_of(residues, size.dilation * p % size.stride));
    axis.quotient_of.push_back(size.dilation * p / size.stride);
  }
  axis.longest_quotient = axis.quotient_of.back();
  axis.length = size.output + axis.longest_quotient;
  std::int64_t before = axis.length;  // zeros that all lines have
  std::int64_t behind = axis.length;
  for (const std::int64_t residue : residues) {
    Line line;
    line.from.assign(static_cast<std::size_t>(axis.length), kPaddedZero);
    line.begin = axis.length;
    line.first = line.last = -1;
    for (std::int64_t q = 0; q < axis.length; ++q) {
      const std::int64_t u = q * size.stride + residue;
      if (u >= size.window()) break;  // read by no output
      const std::int64_t j = u - size.pad_low;
      const std::int64_t from = padded_entry(mode, size.input, j);
      if (from == kPaddedZero) continue;
      line.from[static_cast<std::size_t>(q)] = from;
      line.begin = std::min(line.begin, q);
      line.end = q + 1;
      if (from != j) continue;
      if (line.first < 0) line.first = q;
      line.last = q + 1;
    }
    if (line.first < 0) line.first = line.last = 0;
    if (line.end == 0) line.begin = 0;
    before = std::min(before, line.end == 0 ? axis.length : line.begin);
    behind = std::min(behind, axis.length - line.end);
    axis.lines.push_back(std::move(line));
  }
  axis.shared = std::min({before, behind, axis.longest_quotient});
  return axis;
}

ConvolutionLayout::ConvolutionLayout(const Correlation& correlation, std::int64_t lanes, std::int64_t images)
    : correlation_(correlation) {
  std::array<CorrelationAxis, 3> sizes;
  std::copy(correlation.axes.begin(), correlation.axes.end(),
            sizes.end() - static_cast<std::ptrdiff_t>(correlation.axes.size()));
  for (std::size_t i = 0; i < 3; ++i) axes_[i] = axis_of(sizes[i], correlation.padding_mode);
  for (std::size_t i = 2; i > 0; --i) {
    axes_[i - 1].pitch = checked_product(axes_[i].pitch, axes_[i].length - axes_[i].shared);
  }
  std::int64_t flat = 1;
  std::array<std::int64_t, 3> outputs{};
  std::array<std::int64_t, 3> pitches{};
  out_length_ = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    flat += checked_product(axes_[i].length - 1, axes_[i].pitch);
    front_ += axes_[i].longest_quotient * axes_[i].pitch;
    out_length_ += (sizes[i].output - 1) * axes_[i].pitch;
    grids_ *= static_cast<std::int64_t>(axes_[i].lines.size());
    outputs[i] = sizes[i].output;
    pitches[i] = axes_[i].pitch;
  }
  images_ = images > 0 ? images : std::max<std::int64_t>(1, kTogether / out_length_);
  without_gaps_ = front_ == 0 && flat == out_length_ && flat == correlation.output_positions();
  plain_ = std::all_of(sizes.begin(), sizes.end(), [](const CorrelationAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.pad_low == 0 && axis.input == axis.output;
  });
  image_ = without_gaps_ ? flat : (flat + kUnit - 1) / kUnit * kUnit;
  out_image_ = without_gaps_ ? flat : (front_ + flat + kUnit - 1) / kUnit * kUnit;
  plane_ = odd_units(checked_product(images_, image_) + kSlack);
  out_plane_ = odd_units(checked_product(images_, out_image_) + kSlack);
  checked_product(checked_product(plane_, correlation.in_channels), grids_);
  checked_product(out_plane_, correlation.out_channels);
  for (std::int64_t z = 0; z < sizes[0].kernel; ++z) {
    for (std::int64_t y = 0; y < sizes[1].kernel; ++y) {
      for (std::int64_t x = 0; x < sizes[2].kernel; ++x) {
        Tap tap;
        const std::array<std::int64_t, 3> at{z, y, x};
        for (std::size_t i = 0; i < 3; ++i) {
          const auto p = static_cast<std::size_t>(at[i]);
          tap.grid = tap.grid * static_cast<std::int64_t>(axes_[i].lines.size()) + axes_[i].residue_of[p];
          tap.shift += axes_[i].quotient_of[p] * axes_[i].pitch;
        }
        taps_.push_back(tap);
      }
    }
  }
  output_runs_ = runs({}, outputs, pitches, lanes);
  for (std::int64_t grid = 0; grid < grids_; ++grid) {
    std::array<std::int64_t, 3> begin{};
    std::array<std::int64_t, 3> length{};
    for (std::size_t i = 0; i < 3; ++i) {
      begin[i] = line(grid, i).begin;
      length[i] = line(grid, i).end - line(grid, i).begin;
    }
    input_runs_.push_back(runs(begin, length, pitches, lanes));
  }
}

// A run that covers the axes from `level` on: for each place on the axes before it, one run with everything between the
// first and the last entry.
std::vector<kernels::ShiftedRun> ConvolutionLayout::runs(const std::array<std::int64_t, 3>& begin,
                                                         const std::array<std::int64_t, 3>& length,
                                                         const std::array<std::int64_t, 3>& pitch, std::int64_t lanes) {
  if (length[0] == 0 || length[1] == 0 || length[2] == 0) return {};
  std::array<std::int64_t, 4> covered{};  // the length of a run from each level on
  covered[3] = 1;
  for (std::size_t i = 3; i-- > 0;) covered[i] = (length[i] - 1) * pitch[i] + covered[i + 1];
  std::size_t best = 0;
  std::int64_t fewest = -1;
  std::int64_t count = 1;
  for (std::size_t level = 0; level < 3; ++level) {
    const std::int64_t vectors = count * ((covered[level] + lanes - 1) / lanes);
    if (fewest < 0 || vectors < fewest) {
      fewest = vectors;
      best = level;
    }
    count *= length[level];
  }
  std::vector<kernels::ShiftedRun> all;
  const std::int64_t first = begin[0] * pitch[0] + begin[1] * pitch[1] + begin[2] * pitch[2];
  for (std::int64_t z = 0; z < (best > 0 ? length[0] : 1); ++z) {
    for (std::int64_t y = 0; y < (best > 1 ? length[1] : 1); ++y) {
      const std::int64_t start = first + z * pitch[0] + y * pitch[1];
      all.push_back({start, start, covered[best]});
    }
  }
  return all;
}

namespace {

std::vector<kernels::ShiftedRun> repeated(const std::vector<kernels::ShiftedRun>& runs, std::int64_t count,
                                          std::int64_t from_step, std::int64_t to_step, bool merge) {
  // Only where a run covers the whole image, which padding of the input may prevent.
  if (merge && runs.size() == 1 && runs[0].length == from_step)
    return {{runs[0].from, runs[0].to, count * runs[0].length}};
  std::vector<kernels::ShiftedRun> all;
  for (std::int64_t image = 0; image < count; ++image) {
    for (const auto& [from, to, length] : runs) all.push_back({from + image * from_step, to + image * to_step, length});
  }
  return all;
}

}  // namespace

std::vector<kernels::ShiftedRun> ConvolutionLayout::output_runs(std::int64_t count) const {
  return repeated(output_runs_, count, image_, out_image_, without_gaps_);
}

std::vector<kernels::ShiftedRun> ConvolutionLayout::input_runs(std::int64_t grid, std::int64_t count) const {
  return repeated(input_runs_[static_cast<std::size_t>(grid)], count, out_image_, image_, without_gaps_);
}

const ConvolutionLayout::Line& ConvolutionLayout::line(std::int64_t grid, std::size_t axis) const {
  for (std::size_t i = 2; i > axis; --i) grid /= static_cast<std::int64_t>(axes_[i].lines.size());
  return axes_[axis].lines[static_cast<std::size_t>(grid % static_cast<std::int64_t>(axes_[axis].lines.size()))];
}

template <class From, class To>
void ConvolutionLayout::pad(const From* x, std::int64_t image, std::int64_t channel, To* padded) const {
  const std::int64_t height = axes_[1].size.input;
  const std::int64_t width = axes_[2].size.input;
  const std::int64_t step = axes_[2].size.stride;
  if (plain_) {
    To* const plane = padded + channel * plane_ + image * image_;
    std::copy_n(x, image_, plane);
    if (image == 0) std::fill(plane + images_ * image_, plane + plane_, To(0));
    return;
  }
  for (std::int64_t grid = 0; grid < grids_; ++grid) {
    To* const plane = padded + grid * grid_stride() + channel * plane_ + image * image_;
    const Line& deep = line(grid, 0);
    const Line& down = line(grid, 1);
    const Line& across = line(grid, 2);
    for (std::int64_t z = 0; z < axes_[0].length; ++z) {
      const std::int64_t from_z = deep.from[static_cast<std::size_t>(z)];
      for (std::int64_t y = 0; y < axes_[1].length; ++y) {
        To* const to = plane + z * axes_[0].pitch + y * axes_[1].pitch;
        const std::int64_t from_y = down.from[static_cast<std::size_t>(y)];
        if (from_z == kPaddedZero || from_y == kPaddedZero) {
          std::fill_n(to, axes_[2].length, To(0));
          continue;
        }
        const From* const row = x + (from_z * height + from_y) * width;
        const auto padding = [&](std::int64_t q) {
          const std::int64_t from = across.from[static_cast<std::size_t>(q)];
          to[q] = from == kPaddedZero ? To(0) : static_cast<To>(row[from]);
        };
        for (std::int64_t q = 0; q < across.first; ++q) padding(q);
        if (across.last > across.first) {
          const From* const inner = row + across.from[static_cast<std::size_t>(across.first)];
          const std::int64_t count = across.last - across.first;
          if (step == 1) {
            std::copy_n(inner, count, to + across.first);
          } else {
            for (std::int64_t q = 0; q < count; ++q) to[across.first + q] = static_cast<To>(inner[q * step]);
          }
        }
        for (std::int64_t q = across.last; q < axes_[2].length; ++q) padding(q);
      }
    }
    const std::int64_t used =
        (axes_[0].length - 1) * axes_[0].pitch + (axes_[1].length - 1) * axes_[1].pitch + axes_[2].length;
    std::fill(plane + used, plane + image_, To(0));
    if (image == 0) std::fill(plane + images_ * image_, plane + plane_, To(0));
  }
}

// Grids in order, so that the sum of an entry has one order.
template <class T>
void ConvolutionLayout::fold(const T* padded, std::int64_t image, std::int64_t channel, T* x) const {
  const std::int64_t height = axes_[1].size.input;
  const std::int64_t width = axes_[2].size.input;
  const std::int64_t step = axes_[2].size.stride;
  if (plain_) return static_cast<void>(std::copy_n(padded + channel * plane_ + image * image_, image_, x));
  std::fill_n(x, axes_[0].size.input * height * width, T(0));
  for (std::int64_t grid = 0; grid < grids_; ++grid) {
    const T* const plane = padded + grid * grid_stride() + channel * plane_ + image * image_;
    const Line& deep = line(grid, 0);
    const Line& down = line(grid, 1);
    const Line& across = line(grid, 2);
    for (std::int64_t z = 0; z < axes_[0].length; ++z) {
      const std::int64_t to_z = deep.from[static_cast<std::size_t>(z)];
      if (to_z == kPaddedZero) continue;
      for (std::int64_t y = 0; y < axes_[1].length; ++y) {
        const std::int64_t to_y = down.from[static_cast<std::size_t>(y)];
        if (to_y == kPaddedZero) continue;
        const T* const from = plane + z * axes_[0].pitch + y * axes_[1].pitch;
        T* const row = x + (to_z * height + to_y) * width;
        const auto padding = [&](std::int64_t q) {
          const std::int64_t to = across.from[static_cast<std::size_t>(q)];
          if (to != kPaddedZero) row[to] += from[q];
        };
        for (std::int64_t q = across.begin; q < across.first; ++q) padding(q);
        if (across.last > across.first) {
          T* const inner = row + across.from[static_cast<std::size_t>(across.first)];
          const std::int64_t count = across.last - across.first;
          if (step == 1) {
            for (std::int64_t q = 0; q < count; ++q) inner[q] += from[across.first + q];
          } else {
            for (std::int64_t q = 0; q < count; ++q) inner[q * step] += from[across.first + q];
          }
        }
        for (std::int64_t q = std::max(across.last, across.begin); q < across.end; ++q) padding(q);
      }
    }
  }
}

template <class From, class To>
void ConvolutionLayout::place(const From* y, To factor, std::int64_t image, std::int64_t channel, To* out) const {
  To* const grid = out + channel * out_plane_ + image * out_image_;
  std::fill_n(grid, out_image_, To(0));
  if (image == 0) std::fill(grid + images_ * out_image_, grid + out_plane_, To(0));
  const std::int64_t width = axes_[2].size.output;
  for (std::int64_t z = 0; z < axes_[0].size.output; ++z) {
    for (std::int64_t h = 0; h < axes_[1].size.output; ++h, y += width) {
      To* const to = grid + front_ + z * axes_[0].pitch + h * axes_[1].pitch;
      for (std::int64_t a = 0; a < width; ++a) to[a] = factor * static_cast<To>(y[a]);
    }
  }
}

template <class T>
void ConvolutionLayout::clear_gaps(std::int64_t image, std::int64_t channel, T* out) const {
  T* const grid = out + channel * out_plane_ + image * out_image_;
  const std::int64_t width = axes_[2].size.output;
  T* end = grid;  // of the row before
  for (std::int64_t z = 0; z < axes_[0].size.output; ++z) {
    for (std::int64_t h = 0; h < axes_[1].size.output; ++h) {
      T* const row = grid + front_ + z * axes_[0].pitch + h * axes_[1].pitch;
      std::fill(end, row, T(0));
      end = row + width;
    }
  }
  std::fill(end, grid + out_image_, T(0));
  if (image == 0) std::fill(grid + images_ * out_image_, grid + out_plane_, T(0));
}

template <class T>
void ConvolutionLayout::collect(const T* out, std::int64_t image, std::int64_t channel, T* y) const {
  const T* const grid = out + channel * out_plane_ + image * out_image_;
  const std::int64_t width = axes_[2].size.output;
  for (std::int64_t z = 0; z < axes_[0].size.output; ++z) {
    for (std::int64_t h = 0; h < axes_[1].size.output; ++h, y += width) {
      std::copy_n(grid + front_ + z * axes_[0].pitch + h * axes_[1].pitch, width, y);
    }
  }
}

template void ConvolutionLayout::pad(const float*, std::int64_t, std::int64_t, float*) const;
template void ConvolutionLayout::pad(const float*, std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::pad(const double*, std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::fold(const float*, std::int64_t, std::int64_t, float*) const;
template void ConvolutionLayout::fold(const double*, std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::place(const float*, float, std::int64_t, std::int64_t, float*) const;
template void ConvolutionLayout::place(const float*, double, std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::place(const double*, double, std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::clear_gaps(std::int64_t, std::int64_t, float*) const;
template void ConvolutionLayout::clear_gaps(std::int64_t, std::int64_t, double*) const;
template void ConvolutionLayout::collect(const float*, std::int64_t, std::int64_t, float*) const;
template void ConvolutionLayout::collect(const double*, std::int64_t, std::int64_t, double*) const;

}  // namespace sigmax
