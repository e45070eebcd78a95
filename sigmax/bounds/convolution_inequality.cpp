#include "sigmax/bounds/convolution_inequality.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/convolution_inequality/frequency_factor.hpp"
#include "sigmax/bounds/convolution_inequality/image_grid.hpp"
#include "sigmax/bounds/convolution_inequality/segment.hpp"
#include "sigmax/bounds/convolution_inequality/symbol_panel.hpp"
#include "sigmax/bounds/convolution_inequality/window_matrix.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax {
namespace {

using bounds::Frequency;
using bounds::FrequencyFactor;
using bounds::SymbolPanel;
using bounds::TorusPoint;

// The end of a segment: rows E = end(z) at a frequency, for each window position one set, and D, for which the least
// s D >= E X^-1 E^T over all frequencies is found.
class ImageEnd {
 public:
  ImageEnd(const ImageSegment& segment, const ImageMap& map, const bounds::WindowMatrix& windows)
      : segment_(segment), map_(map), windows_(windows) {}

  std::optional<std::vector<double>> diagonal(std::span<const Frequency> frequencies, Context& context) {
    if (!prepare()) return std::nullopt;
    std::vector<double> scale(bounds::runs_of(frequencies.size()), 0.0);
    std::vector<char> failed(scale.size(), 0);
    bounds::in_runs(frequencies.size(), context, [&](std::size_t run, std::size_t first, std::size_t last) {
      failed[run] = least_scale(frequencies.subspan(first, last - first), scale[run], context) ? 0 : 1;
    });
    if (std::ranges::any_of(failed, [](char one) { return one != 0; })) return std::nullopt;
    return windows_.scaled_diagonal(*std::ranges::max_element(scale));
  }

  std::int64_t exponent() const { return exponent_; }

 private:
  bool prepare() {
    // A power of two puts E near 1: the least above the largest sum of a row's magnitudes.
    const std::vector<double> ones(static_cast<std::size_t>(map_.correlation.out_channels), 1.0);
    const auto raw = SymbolPanel::make(map_, ones, ones, bounds::last_units(segment_));
    if (!raw) return false;
    exponent_ = std::ilogb(raw->row_sum()) + 1;
    if (exponent_ < -800) exponent_ = 0;  // zeros
    ImageMap scaled = map_;
    for (double& k : scaled.kernel) k = bounds::times_power(k, -exponent_);
    panel_ = SymbolPanel::make(scaled, ones, ones, bounds::last_units(segment_));
    if (!panel_) return false;
    const double error = windows_.error(panel_->error());
    const std::int64_t rows = 2 * windows_.order();
    const auto windows = static_cast<double>(windows_.count());
    factor_ = FrequencyFactor::make(segment_, {rows, 2 * error * windows * panel_->column_sum()});
    if (!factor_) return false;
    const std::int64_t aliases = panel_->aliases() * windows_.aliases();
    const std::int64_t terms = aliases * factor_->last_terms();
    relative_ = static_cast<double>(rows) * bounds::gamma(terms + rows + 6) +
                static_cast<double>(terms) * bounds::gamma(factor_->last_terms() + 6);
    relative_ = bounds::round_up(relative_ * (1 + 0x1p-8));
    // 2 error row_sum an alias, in the panel's own scale: windows divide by the root of their strides.
    absolute_ = bounds::round_up(2 * error * static_cast<double>(aliases) * panel_->row_sum()) + 0x1p-400;
    return relative_ < 0.25;
  }

  // E X^-1 E^T at t, in its lower triangle.
  std::optional<Matrix<double>> covariance(const TorusPoint& t, Context& context) const {
    Matrix<double> sum(2 * windows_.order(), 2 * windows_.order());
    for (std::int64_t w = 0; w < windows_.aliases(); ++w) {
      const TorusPoint image = windows_.alias(t, w);
      for (std::int64_t a = 0; a < panel_->aliases(); ++a) {
        const TorusPoint before = panel_->alias(image, a);
        Matrix<double> rows = windows_.spread(panel_->at(before), image);
        if (!factor_->solve(before, rows, context)) return std::nullopt;
        tiled::add_square(1, rows, 1, sum, context);
      }
    }
    return sum;
  }

  bool holds(const Matrix<double>& covariance, double scale, Context& context) const {
    Matrix<double> rest = windows_.scaled(scale);
    for (std::int64_t j = 0; j < rest.columns(); ++j) {
      const double diagonal = rest(j, j);
      rest(j, j) = diagonal - bounds::round_up(relative_ * diagonal) - absolute_;
      for (std::int64_t i = j; i < rest.rows(); ++i) rest(i, j) -= covariance(i, j);
    }
    return cholesky(rest.values().data(), rest.rows(), context);
  }

  // Raises `scale` until it holds at all of the frequencies. An eigenvalue costs ten times a check, so the largest
  // matrices of a few come first.
  bool least_scale(std::span<const Frequency> frequencies, double& scale, Context& context) const {
    constexpr std::size_t kAtATime = 16;
    for (std::size_t first = 0; first < frequencies.size(); first += kAtATime) {
      std::vector<std::pair<double, Matrix<double>>> some;
      for (const Frequency& frequency : frequencies.subspan(first, std::min(kAtATime, frequencies.size() - first))) {
        context.check_cancel();
        auto g = covariance(frequency.point, context);
        if (!g) return false;
        const double size = bounds::sum_squares(g->values());
        if (!std::isfinite(size)) return false;
        some.emplace_back(-size, std::move(*g));
      }
      std::ranges::sort(some, {}, [](const auto& one) { return one.first; });
      for (const auto& [size, g] : some) {
        const auto found = raised(g, scale, context);
        if (!found) return false;
        scale = *found;
      }
    }
    return true;
  }

  // The least scale >= `known` that is found to hold.
  std::optional<double> raised(const Matrix<double>& g, double known, Context& context) const {
    if (known > 0 && holds(g, known, context)) return known;
    const double top = bounds::larger_of(largest_of_symmetric(windows_.whitened(g), 1).value.front(), 0x1p-60);
    if (!std::isfinite(top)) return std::nullopt;
    // At most 14 attempts: the slack grows from 2^-40 by factors of 8.
    for (double slack = 0x1p-40; slack < 4; slack *= 8) {
      const double scale = std::max(known, top * (1 + slack));
      if (holds(g, scale, context)) return scale;
    }
    return std::nullopt;
  }

  const ImageSegment& segment_;
  const ImageMap& map_;
  const bounds::WindowMatrix& windows_;
  std::int64_t exponent_ = 0;
  std::optional<SymbolPanel> panel_;
  std::optional<FrequencyFactor> factor_;
  double relative_ = 0;
  double absolute_ = 0;
};

// 2^exponent sqrt(x), rounded up.
double root_above(double x, std::int64_t exponent) {
  return bounds::round_up(bounds::times_power(bounds::round_up(std::sqrt(x)), exponent));
}

}  // namespace

// [P, E^T; E, s D] >= 0 gives E P^-1 E^T <= s D at every frequency of the twisted tori, hence |E dz|^2 <= s |dx|^2 for
// D = I: docs/lipschitz-convolutions.md, theorems 1 and 2.
std::optional<UpperBound> image_norm(const ImageSegment& segment, const ImageMap& end, const HalfOffsets& offsets,
                                     Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Correlation* const before = bounds::validate(segment);
  bounds::validate(end, before, static_cast<std::int64_t>(bounds::last_units(segment).size()));
  if (!bounds::blas_supports_proofs()) return std::nullopt;
  auto needs = bounds::needs_of(segment);
  needs.push_back(bounds::grid_needs(end.correlation));
  const auto frequencies = bounds::half_of_frequencies(bounds::last_points(needs), offsets);
  const auto windows = bounds::WindowMatrix::none(end.correlation.out_channels);
  ImageEnd ending(segment, end, windows);
  const auto diagonal = ending.diagonal(frequencies, context);
  if (!diagonal) return std::nullopt;
  const double value = root_above(diagonal->front(), ending.exponent() + bounds::exponent_of(segment) + end.exponent);
  if (!std::isfinite(value)) return std::nullopt;
  return bounds::Proof::proven(value);
}

// Theorem 3 of docs/lipschitz-convolutions.md.
std::optional<std::vector<double>> pooled_units(const ImageSegment& segment, const ImageMap& end,
                                                const PoolWindow& pool, const HalfOffsets& offsets, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Correlation* const before = bounds::validate(segment);
  bounds::validate(end, before, static_cast<std::int64_t>(bounds::last_units(segment).size()));
  if (!bounds::blas_supports_proofs()) return std::nullopt;
  const auto windows = bounds::WindowMatrix::make(pool, end.correlation);
  if (!windows) return std::nullopt;
  auto needs = bounds::needs_of(segment);
  needs.push_back(bounds::grid_needs(end.correlation));
  needs.push_back(bounds::window_needs(pool.window));
  const auto frequencies = bounds::half_of_frequencies(bounds::last_points(needs), offsets);
  ImageEnd ending(segment, end, *windows);
  auto units = ending.diagonal(frequencies, context);
  if (!units) return std::nullopt;
  const std::int64_t exponent = ending.exponent() + bounds::exponent_of(segment) + end.exponent;
  for (double& unit : *units) {
    unit = root_above(unit, exponent);
    if (!std::isfinite(unit)) return std::nullopt;
  }
  return units;
}

}  // namespace sigmax
