#include "sigmax/audit/measure.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sigmax/bounds/enclose.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/norms/spectral.hpp"

namespace sigmax::audit {
namespace {

EnergyRank energy_rank(std::span<const double> sigma, double share, std::int64_t rows, std::int64_t columns,
                       std::int64_t blocks) {
  const std::int64_t rank = norms::energy_rank(sigma, share);
  return {rank, rank * (rows + columns) < blocks * rows * columns};
}

// The known facts about one matrix or a batch, in units of `unit`, in which no square overflows.
struct InUnits {
  std::span<const double> sigma;
  double rounding = 0;  // the most that rounding to storage moved a singular value
  double unit = 1;
};

// The error of the values themselves, which are computed in double.
double computing_error(const InUnits& known, std::int64_t rows, std::int64_t columns) {
  return static_cast<double>(std::max(rows, columns)) * std::numeric_limits<double>::epsilon() * known.sigma.front();
}

// What rounding to storage typically moves a singular value by, where `rounding` = u |W|_F is the worst case. The error
// of an entry w between 2^e and 2^(e+1) is spread evenly over +-u 2^e, so its variance is at most u^2 w^2 / 3; errors
// of independent entries of variance s^2 make a matrix E with |E|_2 about s (sqrt(rows) + sqrt(columns)) (Bai and Yin;
// in expectation at most that for normal ones: Gordon), and s is at most u / sqrt(3) rms(w), rms(w) = |W|_F / sqrt(rows
// columns).
double typical_rounding(const InUnits& known, std::int64_t rows, std::int64_t columns) {
  const auto m = static_cast<double>(rows);
  const auto n = static_cast<double>(columns);
  return known.rounding / std::sqrt(3 * m * n) * (std::sqrt(m) + std::sqrt(n));
}

// Rounding to storage moved W by E with |e_ij| <= u |w_ij|, so |E|_2 <= |E|_F <= u |W|_F, and no singular value moved
// by more (Weyl).
double indistinguishable(const InUnits& known, std::int64_t rows, std::int64_t columns) {
  return std::max(known.rounding, computing_error(known, rows, columns));
}

SpectrumFigures spectrum_figures(const InUnits& known, std::int64_t rows, std::int64_t columns, std::int64_t blocks) {
  const std::span<const double> sigma = known.sigma;
  SpectrumFigures figures;
  figures.sigma_min = std::min(sigma.back() * known.unit, std::numeric_limits<double>::max());
  if (sigma.back() > computing_error(known, rows, columns)) figures.condition = sigma.front() / sigma.back();
  figures.from_rounding = sigma.back() <= typical_rounding(known, rows, columns);
  figures.beyond_precision = sigma.back() <= known.rounding;
  figures.nuclear = norms::nuclear(sigma) * known.unit;
  figures.effective_rank = norms::effective_rank(sigma);
  figures.numerical_rank = norms::numerical_rank(sigma, indistinguishable(known, rows, columns));
  // Rounding to nearest never turns a zero into something else: a matrix stored as nonzero has at least rank one.
  if (sigma.front() > 0) figures.numerical_rank = std::max<std::int64_t>(figures.numerical_rank, 1);
  figures.rank_90 = energy_rank(sigma, 0.90, rows, columns, blocks);
  figures.rank_95 = energy_rank(sigma, 0.95, rows, columns, blocks);
  figures.rank_99 = energy_rank(sigma, 0.99, rows, columns, blocks);
  return figures;
}

double stable_rank(double frobenius, double sigma_max) {
  return sigma_max > 0 ? (frobenius / sigma_max) * (frobenius / sigma_max) : 0;
}

// The relative error that sigma_1 of a spectrum may have: an eigenvalue of the Gram matrix is wrong by some c n eps,
// and c is chosen large. The purpose is to detect a failed start, which is wrong by at least one per mille.
double error_of_spectrum(std::int64_t rows, std::int64_t columns) {
  return 1e-12 + 64 * std::numeric_limits<double>::epsilon() * static_cast<double>(rows + columns);
}

}  // namespace

Measurement measure(const Tensor& matrix, const Options& options, Context& context) {
  const FloatingEnvironment environment;
  ScannedMatrix scanned(stored_view(matrix), context);
  const kernels::Scan& facts = scanned.facts();
  Measurement result;
  if (!scanned.is_finite()) {
    result.nan = facts.nan;
    result.infinite = facts.infinite;
    result.first_non_finite = scanned.first_non_finite();
    return result;
  }
  const std::int64_t rows = matrix.shape()[0];
  const std::int64_t columns = matrix.shape()[1];
  CertifyOptions certify = options.certify;
  certify.random = options.seed ? random_state(*options.seed) : drawn_random_state();
  const auto enclosed = [&]() -> bounds::Enclosed {
    if (!options.full_spectrum) return bounds::enclose(scanned, certify, context);
    result.singular_values = spectrum(scanned, context).values;
    // If sigma_1 and sigma_2 nearly coincide, Lanczos stops within the enclosure but before full precision.
    return bounds::enclose(scanned, {result.singular_values.front(), error_of_spectrum(rows, columns)}, certify,
                           context);
  }();
  const InRange& range = scanned.in_range(context);
  Figures figures{enclosed.sigma_max};
  figures.sigma_max_estimate = enclosed.estimate;
  figures.frobenius = scanned.frobenius();
  figures.norm_1 = scanned.norm_1();
  figures.norm_inf = scanned.norm_inf();
  figures.max_abs = facts.max_abs;
  result.unit = range.factor;
  result.frobenius = std::sqrt(range.facts.sum_squares) / range.facts.scale;
  result.sigma_max = enclosed.in_units;
  if (options.full_spectrum) {
    const InUnits known{result.singular_values, unit_roundoff(matrix.dtype()) * result.frobenius, result.unit};
    figures.spectrum = spectrum_figures(known, rows, columns, 1);
  }
  figures.stable_rank = stable_rank(result.frobenius, result.sigma_max);
  result.figures = figures;
  return result;
}

Measurement block_diagonal(std::span<const Measurement> blocks, std::int64_t rows, std::int64_t columns, DType dtype) {
  const FloatingEnvironment environment;
  Measurement result;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const Measurement& block = blocks[b];
    if (block.first_non_finite && !result.first_non_finite) {
      result.first_non_finite = static_cast<std::int64_t>(b) * rows * columns + *block.first_non_finite;
    }
    result.nan += block.nan;
    result.infinite += block.infinite;
  }
  if (result.first_non_finite) return result;

  bounds::Measured sigma_max{blocks[0].figures->sigma_max, blocks[0].figures->sigma_max_estimate};
  Figures figures = *blocks[0].figures;
  // Use the largest unit, in which no square overflows.
  result.unit = 0;
  for (const Measurement& block : blocks) {
    if (block.frobenius > 0) result.unit = std::max(result.unit, block.unit);
  }
  if (result.unit == 0) result.unit = 1;
  double sum_squares = 0, largest = 0;
  for (const Measurement& block : blocks) {
    const Figures& one = *block.figures;
    if (&block != &blocks[0]) sigma_max = bounds::larger(sigma_max, {one.sigma_max, one.sigma_max_estimate});
    figures.norm_1 = std::max(figures.norm_1, one.norm_1);
    figures.norm_inf = std::max(figures.norm_inf, one.norm_inf);
    figures.max_abs = std::max(figures.max_abs, one.max_abs);
    const double factor = block.unit / result.unit;
    const double frobenius = block.frobenius * factor;
    sum_squares += frobenius * frobenius;
    largest = std::max(largest, frobenius);
    result.sigma_max = std::max(result.sigma_max, block.sigma_max * factor);
    for (const double value : block.singular_values) result.singular_values.push_back(value * factor);
  }
  std::sort(result.singular_values.begin(), result.singular_values.end(), std::greater<>());
  figures.sigma_max = sigma_max.sigma_max;
  figures.sigma_max_estimate = sigma_max.estimate;
  result.frobenius = std::sqrt(sum_squares);
  figures.frobenius = result.frobenius * result.unit;
  figures.stable_rank = stable_rank(result.frobenius, result.sigma_max);
  if (!result.singular_values.empty()) {
    // Each block was rounded separately, so the difference is block diagonal, too.
    const InUnits known{result.singular_values, unit_roundoff(dtype) * largest, result.unit};
    figures.spectrum = spectrum_figures(known, rows, columns, static_cast<std::int64_t>(blocks.size()));
  }
  result.figures = figures;
  return result;
}

}  // namespace sigmax::audit
