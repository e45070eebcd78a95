#include "sigmax/bounds/convolution_inequality/segment.hpp"

#include <fmt/format.h>

#include <cmath>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {
namespace {

constexpr const char* kName = "convolution_inequality";

void require_units(const std::vector<double>& units, std::int64_t channels, const char* what) {
  if (static_cast<std::int64_t>(units.size()) != channels) {
    throw Error(fmt::format("[{}] {} {} for {} channels", kName, units.size(), what, channels));
  }
  for (const double unit : units) {
    if (!(unit > 0) || !std::isfinite(unit)) {
      throw Error(fmt::format("[{}] one of the {} is {}: finite numbers above 0 are needed", kName, what, unit));
    }
  }
}

}  // namespace

void validate(const ImageMap& map, const Correlation* before, std::int64_t channels) {
  const Correlation& c = map.correlation;
  if (c.padding_mode != PaddingMode::Zeros) {
    throw Error(fmt::format("[{}] the images are padded with {}; only zeros are possible", kName,
                            sigmax::name(c.padding_mode)));
  }
  if (c.axes.empty() || c.axes.size() > 3 || c.in_channels != channels ||
      static_cast<std::int64_t>(map.kernel.size()) != c.weights()) {
    throw Error(fmt::format("[{}] a map of {} channels with {} weights does not fit {} channels and its own {} weights",
                            kName, c.in_channels, map.kernel.size(), channels, c.weights()));
  }
  if (!std::ranges::all_of(map.kernel, [](double x) { return std::isfinite(x); })) {
    throw Error(fmt::format("[{}] a kernel has entries that are not finite", kName));
  }
  if (!before) return;
  bool fits = before->axes.size() == c.axes.size();
  for (std::size_t axis = 0; fits && axis < c.axes.size(); ++axis) {
    fits = before->axes[axis].output == c.axes[axis].input;
  }
  if (!fits) throw Error(fmt::format("[{}] a map reads images of another size than the one before makes", kName));
}

const Correlation* validate(const ImageSegment& segment) {
  require_units(segment.input, static_cast<std::int64_t>(segment.input.size()), "units of the input");
  if (segment.input.empty()) throw Error(fmt::format("[{}] the input has no channels", kName));
  const Correlation* before = nullptr;
  auto channels = static_cast<std::int64_t>(segment.input.size());
  for (const ImageNeurons& layer : segment.neurons) {
    validate(layer.map, before, channels);
    before = &layer.map.correlation;
    channels = before->out_channels;
    require_units(layer.unit, channels, "units");
    if (static_cast<std::int64_t>(layer.most.size()) != channels ||
        !std::ranges::all_of(layer.most, [](double x) { return x >= 0 && std::isfinite(x); })) {
      throw Error(
          fmt::format("[{}] the greatest slopes must be finite numbers of 0 or more, one for each of {} channels",
                      kName, channels));
    }
  }
  return before;
}

std::int64_t exponent_of(const ImageSegment& segment) {
  std::int64_t sum = 0;
  for (const ImageNeurons& layer : segment.neurons) sum += layer.map.exponent;
  return sum;
}

const std::vector<double>& last_units(const ImageSegment& segment) {
  return segment.neurons.empty() ? segment.input : segment.neurons.back().unit;
}

std::vector<std::vector<GridNeed>> needs_of(const ImageSegment& segment) {
  std::vector<std::vector<GridNeed>> needs;
  for (const ImageNeurons& layer : segment.neurons) needs.push_back(grid_needs(layer.map.correlation));
  return needs;
}

std::size_t runs_of(std::size_t count) { return std::min<std::size_t>(count, 8); }

}  // namespace sigmax::bounds
