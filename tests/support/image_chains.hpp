// Random chains of convolutions, and their maps as matrices from the definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::image_support {

class Chains {
 public:
  explicit Chains(std::uint64_t seed) : random_(seed), axes_(static_cast<std::size_t>(whole(1, 2))) {}

  std::int64_t whole(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }
  double normal() { return std::normal_distribution<double>()(random_); }
  double positive() { return std::exp(0.5 * normal()); }

  /// A map of images of `sizes`; outputs of at least one entry an axis.
  ImageMap map(std::int64_t channels, const std::vector<std::int64_t>& sizes) {
    ConvolutionLayer layer;
    layer.in_channels = channels;
    layer.groups = channels % 2 == 0 && whole(0, 3) == 0 ? 2 : 1;
    layer.out_channels = layer.groups * whole(1, 2);
    for (const std::int64_t n : sizes) {
      ConvolutionAxis axis;
      do {
        axis.kernel = whole(1, 5);
        axis.stride = whole(0, 2) == 0 ? whole(2, 3) : 1;
        axis.dilation = whole(0, 4) == 0 ? 2 : 1;
        axis.pad_low = whole(0, 3);
        axis.pad_high = whole(0, 3);
      } while (axis.reach() > n + axis.pad_low + axis.pad_high);
      layer.axes.push_back(axis);
    }
    ImageMap made;
    made.correlation = ConvolutionGeometry(layer, sizes).correlation();
    const bool smooth = whole(0, 1) == 0;
    for (std::int64_t k = 0; k < made.correlation.weights(); ++k) {
      made.kernel.push_back(smooth ? 0.3 + 0.2 * normal() : normal());
    }
    return made;
  }

  std::vector<std::int64_t> sizes() {
    std::vector<std::int64_t> all;
    for (std::size_t axis = 0; axis < axes_; ++axis) all.push_back(whole(2, axes_ == 1 ? 9 : 5));
    return all;
  }

  static std::vector<std::int64_t> after(const Correlation& c) {
    std::vector<std::int64_t> sizes;
    for (const CorrelationAxis& axis : c.axes) sizes.push_back(axis.output);
    return sizes;
  }

  std::vector<double> positives(std::int64_t count) {
    std::vector<double> all;
    for (std::int64_t k = 0; k < count; ++k) all.push_back(positive());
    return all;
  }

  /// Images of `sizes`, which become those behind the segment, and layers with multipliers that make P positive
  /// definite: the units of a layer are at least sqrt(1/2 + something) times the norm of its map in the units before
  /// it.
  ImageSegment segment(std::int64_t layers, std::vector<std::int64_t>& sizes, const HalfOffsets& offsets) {
    ImageSegment made{positives(whole(1, 3)), {}};
    auto channels = static_cast<std::int64_t>(made.input.size());
    for (std::int64_t k = 0; k < layers; ++k) {
      ImageNeurons next{map(channels, sizes), {}, {}};
      channels = next.map.correlation.out_channels;
      for (std::int64_t c = 0; c < channels; ++c) next.most.push_back(whole(0, 9) == 0 ? 0 : positive());
      next.unit = positives(channels);
      ImageMap scaled = next.map;
      const auto row = static_cast<std::size_t>(scaled.correlation.terms());
      for (std::size_t e = 0; e < scaled.kernel.size(); ++e)
        scaled.kernel[e] *= next.most[e / row] / next.unit[e / row];
      const auto norm = image_norm(made, scaled, offsets);
      const double factor =
          (norm && norm->value() > 0 ? norm->value() : 1) * (0.75 + 0.1 * static_cast<double>(whole(0, 9)));
      for (double& unit : next.unit) unit *= factor;
      sizes = after(next.map.correlation);
      made.neurons.push_back(std::move(next));
    }
    return made;
  }

  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
  std::size_t axes_;
};

/// The map's matrix, 2^exponent included.
inline Matrix<double> matrix_of(const ImageMap& map) {
  const Correlation& c = map.correlation;
  Matrix<double> a(c.rows(), c.columns());
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  for (std::int64_t o = 0; o < c.out_channels; ++o) {
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t at = 0; at < c.output_positions(); ++at) {
        for (std::int64_t p = 0; p < c.taps(); ++p) {
          const std::int64_t from = input_of(c, at, p);
          if (from == kPaddedZero) continue;
          a(o * c.output_positions() + at, (o / out * in + i) * c.input_positions() + from) += std::ldexp(
              map.kernel[static_cast<std::size_t>((o * in + i) * c.taps() + p)], static_cast<int>(map.exponent));
        }
      }
    }
  }
  return a;
}

inline Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.columns());
  for (std::int64_t j = 0; j < b.columns(); ++j) {
    for (std::int64_t k = 0; k < b.rows(); ++k) {
      for (std::int64_t i = 0; i < a.rows(); ++i) c(i, j) += a(i, k) * b(k, j);
    }
  }
  return c;
}

/// Rows of channel c times factor_c.
inline Matrix<double> with_rows(Matrix<double> a, const std::vector<double>& factors) {
  const std::int64_t positions = a.rows() / static_cast<std::int64_t>(factors.size());
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    for (std::int64_t i = 0; i < a.rows(); ++i) a(i, j) *= factors[static_cast<std::size_t>(i / positions)];
  }
  return a;
}
inline Matrix<double> with_columns(Matrix<double> a, const std::vector<double>& factors) {
  const std::int64_t positions = a.columns() / static_cast<std::int64_t>(factors.size());
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    for (double& x : a.column(j)) x *= factors[static_cast<std::size_t>(j / positions)];
  }
  return a;
}

/// The largest singular value, from below, by power iteration.
inline double norm_below(const Matrix<double>& a, std::vector<double>* top = nullptr) {
  std::vector<double> x(static_cast<std::size_t>(a.columns()));
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = 1 + 0.37 * std::sin(1.0 + 3.1 * static_cast<double>(j));
  double norm = 0;
  for (int step = 0; step < 60; ++step) {
    double length = 0;
    for (const double v : x) length += v * v;
    length = std::sqrt(length);
    if (!(length > 0)) break;
    for (double& v : x) v /= length;
    std::vector<double> y(static_cast<std::size_t>(a.rows()), 0.0);
    for (std::size_t j = 0; j < x.size(); ++j) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] += a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) * x[j];
      }
    }
    double size = 0;
    for (const double v : y) size += v * v;
    norm = std::max(norm, std::sqrt(size));
    if (top) *top = x;
    if (step == 59) break;
    for (std::size_t j = 0; j < x.size(); ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        sum += a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) * y[i];
      }
      x[j] = sum;
    }
  }
  return norm;
}

/// The segment with `output` behind it as a dense network, in units of its input, with the same multipliers.
inline std::pair<LayeredNetwork, NetworkMultipliers> dense_network(const ImageSegment& segment, Matrix<double> output) {
  LayeredNetwork network;
  NetworkMultipliers multipliers;
  for (std::size_t k = 0; k < segment.neurons.size(); ++k) {
    const ImageNeurons& layer = segment.neurons[k];
    Matrix<double> weight = matrix_of(layer.map);
    if (k == 0) weight = with_columns(std::move(weight), segment.input);
    if (k == 0) network.inputs = weight.columns();
    NeuronLayer neurons;
    std::vector<double> mu;
    const std::int64_t positions = layer.map.correlation.output_positions();
    for (std::int64_t j = 0; j < weight.rows(); ++j) {
      const auto c = static_cast<std::size_t>(j / positions);
      neurons.least.push_back(0);
      neurons.most.push_back(layer.most[c]);
      mu.push_back(1 / (layer.unit[c] * layer.unit[c]));
    }
    neurons.terms.push_back({k, std::move(weight)});
    network.layers.push_back(std::move(neurons));
    multipliers.values.push_back(std::move(mu));
  }
  if (segment.neurons.empty()) {
    output = with_columns(std::move(output), segment.input);
    network.inputs = output.columns();
  }
  network.output.push_back({segment.neurons.size(), std::move(output)});
  return {std::move(network), std::move(multipliers)};
}

/// The change of the last images of the segment for one choice of slopes, a matrix on changes of the input in its
/// units.
inline Matrix<double> jacobian(const ImageSegment& segment, std::int64_t input_entries, Chains& random) {
  Matrix<double> j(input_entries, input_entries);
  const std::int64_t positions = input_entries / static_cast<std::int64_t>(segment.input.size());
  for (std::int64_t i = 0; i < input_entries; ++i) j(i, i) = segment.input[static_cast<std::size_t>(i / positions)];
  for (const ImageNeurons& layer : segment.neurons) {
    j = product(matrix_of(layer.map), j);
    const std::int64_t size = layer.map.correlation.output_positions();
    const std::int64_t kind = random.whole(0, 2);
    for (std::int64_t i = 0; i < j.rows(); ++i) {
      const double slope = layer.most[static_cast<std::size_t>(i / size)] *
                           (kind == 0 ? 1.0 : static_cast<double>(random.whole(0, 4) > 0));
      for (std::int64_t k = 0; k < j.columns(); ++k) j(i, k) *= slope;
    }
  }
  return j;
}

}  // namespace sigmax::image_support
