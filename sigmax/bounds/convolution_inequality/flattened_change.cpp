#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/convolution_inequality/frequency_factor.hpp"
#include "sigmax/bounds/convolution_inequality/segment.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/multiply.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax {
namespace {

using bounds::Frequency;
using bounds::gamma;
using bounds::round_up;

// T in units: row r times 2^-exponent_r, of a length near 1, the columns of channel c times its unit and over the root
// of the number of frequencies.
struct ScaledRows {
  std::vector<Matrix<double>> channels;  // rows x positions
  std::vector<std::int64_t> exponent;    // of rows
  std::int64_t top = 0;                  // the largest of them
  double row_sum = 0;                    // of magnitudes, the largest
  double column_sum = 0;                 // over all rows and positions of a channel, the largest
};

std::optional<ScaledRows> scaled_rows(const Matrix<double>& map, const std::vector<double>& units, double factor) {
  const std::int64_t m = map.rows();
  const std::int64_t positions = map.columns() / static_cast<std::int64_t>(units.size());
  ScaledRows scaled;
  std::vector<double> largest(static_cast<std::size_t>(m), 0.0);
  for (std::int64_t j = 0; j < map.columns(); ++j) {
    const double unit = units[static_cast<std::size_t>(j / positions)] * factor;
    for (std::int64_t i = 0; i < m; ++i) {
      double& most = largest[static_cast<std::size_t>(i)];
      most = bounds::larger_of(most, std::fabs(map(i, j)) * unit);
    }
  }
  const double top = *std::ranges::max_element(largest);
  if (!(top < 0x1p500) || !(top > 0x1p-500)) return std::nullopt;
  // A row's length is at most the root of its number of entries times its largest.
  const int entries = std::ilogb(static_cast<double>(map.columns())) / 2 + 1;
  scaled.top = std::ilogb(top) + 1 + entries;
  for (const double value : largest) {
    scaled.exponent.push_back(value > 0 ? std::max<std::int64_t>(std::ilogb(value) + 1 + entries, scaled.top - 200)
                                        : scaled.top - 200);
  }
  std::vector<double> rows(static_cast<std::size_t>(m), 0.0);
  for (std::size_t c = 0; c < units.size(); ++c) {
    Matrix<double> part(m, positions);
    const double unit = units[c] * factor;
    double column = 0;
    for (std::int64_t x = 0; x < positions; ++x) {
      for (std::int64_t i = 0; i < m; ++i) {
        const auto row = static_cast<std::size_t>(i);
        const double value =
            bounds::times_power(map(i, static_cast<std::int64_t>(c) * positions + x) * unit, -scaled.exponent[row]);
        part(i, x) = value;
        rows[row] += std::fabs(value);
        column += std::fabs(value);
      }
    }
    scaled.column_sum = bounds::larger_of(scaled.column_sum, column);
    scaled.channels.push_back(std::move(part));
  }
  for (const double sum : rows) scaled.row_sum = bounds::larger_of(scaled.row_sum, sum);
  const double slack = 1 + gamma(map.rows() * map.columns() + 8);
  scaled.row_sum = round_up(scaled.row_sum * slack) + 0x1p-900;
  scaled.column_sum = round_up(scaled.column_sum * slack) + 0x1p-900;
  return scaled;
}

std::vector<bounds::Position> positions_of(const std::vector<std::int64_t>& sizes) {
  std::vector<bounds::Position> all{{0, 0, 0}};
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    std::vector<bounds::Position> next;
    for (const bounds::Position& position : all) {
      for (std::int64_t x = 0; x < sizes[axis]; ++x) {
        bounds::Position more = position;
        more[axis] = x;
        next.push_back(more);
      }
    }
    all = std::move(next);
  }
  return all;
}

// K <- K + sum of Re T(t) X(t)^-1 T(t)^*, in its lower triangle, over some frequencies.
bool add_frequencies(const ScaledRows& rows, const bounds::Coordinates& positions,
                     const bounds::FrequencyFactor& factor, std::span<const Frequency> frequencies, Matrix<double>& k,
                     Context& context) {
  const std::int64_t m = k.rows();
  const auto channels = static_cast<std::int64_t>(rows.channels.size());
  // Not more than 2^22 numbers.
  const auto at_a_time = static_cast<std::size_t>(
      std::clamp<std::int64_t>((std::int64_t{1} << 22) / std::max<std::int64_t>(2 * m * channels, 1), 1, 32));
  for (std::size_t first = 0; first < frequencies.size(); first += at_a_time) {
    const std::size_t count = std::min(at_a_time, frequencies.size() - first);
    Matrix<double> waves(static_cast<std::int64_t>(positions.size()), 2 * static_cast<std::int64_t>(count));
    std::vector<bounds::Phase> phases(positions.size());
    for (std::size_t f = 0; f < count; ++f) {
      positions.phases(frequencies[first + f].point, phases);
      const auto column = 2 * static_cast<std::int64_t>(f);
      for (std::size_t x = 0; x < phases.size(); ++x) {
        waves(static_cast<std::int64_t>(x), column) = phases[x].cosine;
        waves(static_cast<std::int64_t>(x), column + 1) = -phases[x].sine;
      }
    }
    // [Re, -Im] of each frequency
    std::vector<Matrix<double>> at(count, Matrix<double>(m, 2 * channels));
    Matrix<double> transformed(m, waves.columns());
    for (std::int64_t c = 0; c < channels; ++c) {
      multiply_add(1, rows.channels[static_cast<std::size_t>(c)], false, waves, 0, transformed, context);
      for (std::size_t f = 0; f < count; ++f) {
        const auto column = 2 * static_cast<std::int64_t>(f);
        std::ranges::copy(transformed.column(column), at[f].column(c).begin());
        std::ranges::copy(transformed.column(column + 1), at[f].column(channels + c).begin());
      }
    }
    for (std::size_t f = 0; f < count; ++f) {
      context.check_cancel();
      if (!factor.solve(frequencies[first + f].point, at[f], context)) return false;
      tiled::add_square(frequencies[first + f].weight, at[f], 1, k, context);
    }
  }
  return true;
}

}  // namespace

// Theorem 4 of docs/lipschitz-convolutions.md: with the shifts below, [P, T^T; T, D] >= 0 for D = K + diag(shift), K
// the computed sum; its Cholesky factorization, as the last block of that of P, is one of a diagonal matrix that is
// positive. A second shift makes L L^T >= D for the factor as it is computed.
std::optional<FlattenedChange> flattened_change(const ImageSegment& segment, const Matrix<double>& map,
                                                const std::vector<std::int64_t>& sizes, const HalfOffsets& offsets,
                                                Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Correlation* const before = bounds::validate(segment);
  const std::vector<double>& units = bounds::last_units(segment);
  std::int64_t positions = 1;
  bool fits = !sizes.empty() && sizes.size() <= 3 && map.rows() > 0;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    positions *= sizes[axis];
    fits = fits && sizes[axis] > 0 &&
           (!before || (before->axes.size() == sizes.size() && before->axes[axis].output == sizes[axis]));
  }
  if (!fits || map.columns() != positions * static_cast<std::int64_t>(units.size())) {
    throw Error("[convolution_inequality] the dense layer does not fit the images that it reads");
  }
  if (!std::ranges::all_of(map.values(), [](double x) { return std::isfinite(x); })) {
    throw Error("[convolution_inequality] the dense layer has entries that are not finite");
  }
  if (!bounds::blas_supports_proofs()) return std::nullopt;
  auto needs = bounds::needs_of(segment);
  needs.emplace_back();
  for (const std::int64_t size : sizes) needs.back().push_back({1, size, size});
  const auto points = bounds::last_points(needs);
  const auto frequencies = bounds::half_of_frequencies(points, offsets);
  double all = 1;
  for (const std::int64_t n : points) all *= static_cast<double>(n);

  const auto rows = scaled_rows(map, units, 1 / std::sqrt(all));
  if (!rows) return std::nullopt;
  const std::int64_t m = map.rows();
  const auto count = static_cast<std::int64_t>(frequencies.size());
  // An entry of T(t) is an inner product with phases. Half of the frequencies count sqrt(2) times.
  const double error = round_up((gamma(positions + 12) + 8 * bounds::kPhaseError) * (1 + 0x1p-20));
  const double spread = 2 * error * std::sqrt(static_cast<double>(count));
  const auto factor = bounds::FrequencyFactor::make(segment, {m, round_up(spread * rows->column_sum)});
  if (!factor) return std::nullopt;
  const std::int64_t terms = factor->last_terms() * count;
  const double relative = round_up(
      (static_cast<double>(m) * gamma(terms + m + 8) + static_cast<double>(terms) * gamma(factor->last_terms() + 8)) *
      (1 + 0x1p-8));
  if (!(relative < 0.1)) return std::nullopt;

  const std::size_t runs = bounds::runs_of(frequencies.size());
  std::vector<Matrix<double>> sums(runs);
  std::vector<char> failed(runs, 0);
  const bounds::Coordinates coordinates(positions_of(sizes));
  bounds::in_runs(frequencies.size(), context, [&](std::size_t run, std::size_t first, std::size_t last) {
    sums[run] = Matrix<double>(m, m);
    const auto part = std::span<const Frequency>(frequencies).subspan(first, last - first);
    failed[run] = add_frequencies(*rows, coordinates, *factor, part, sums[run], context) ? 0 : 1;
  });
  if (std::ranges::any_of(failed, [](char one) { return one != 0; })) return std::nullopt;
  Matrix<double> d = std::move(sums.front());
  for (std::size_t run = 1; run < runs; ++run) {
    for (std::size_t k = 0; k < d.values().size(); ++k) d.values()[k] += sums[run].values()[k];
  }
  const double absolute = round_up(spread * rows->row_sum) + 0x1p-300;
  const double again = static_cast<double>(m) * gamma(m + 8);
  for (std::int64_t i = 0; i < m; ++i) {
    const double shifted = d(i, i) + 2 * round_up(relative * d(i, i)) + 2 * absolute;
    d(i, i) = shifted + 2 * round_up(again * shifted) + 0x1p-300;
  }
  if (!std::ranges::all_of(d.values(), [](double x) { return std::isfinite(x); })) return std::nullopt;
  if (!cholesky(d.values().data(), m, context)) return std::nullopt;
  FlattenedChange change{Matrix<double>(m, m), rows->top + bounds::exponent_of(segment)};
  for (std::int64_t j = 0; j < m; ++j) {
    for (std::int64_t i = j; i < m; ++i) {
      change.factor(i, j) = bounds::times_power(d(i, j), rows->exponent[static_cast<std::size_t>(i)] - rows->top);
    }
  }
  return change;
}

}  // namespace sigmax
