#include "sigmax/audit/measure.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sigmax/bounds/enclose.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/spectrum.hpp"

namespace sigmax::audit {
namespace {

EnergyRank energy_rank(std::span<const double> sigma, double share, std::int64_t rows, std::int64_t columns,
                       std::int64_t blocks) {
  const std::int64_t rank = norms::energy_rank(sigma, share);
  return {rank, rank * (rows + columns) < blocks * rows * columns};
}

SpectrumFigures spectrum_figures(std::span<const double> sigma, double frobenius, std::int64_t rows,
                                 std::int64_t columns, std::int64_t blocks, DType dtype) {
  const double unit = unit_roundoff(dtype);
  SpectrumFigures figures;
  figures.sigma_min = sigma.back();
  // Rounding to storage moved the weight by at most u |W|_F in the 2-norm, and so each singular value (Weyl).
  if (sigma.back() > unit * frobenius) figures.condition = sigma.front() / sigma.back();
  figures.nuclear = norms::nuclear(sigma);
  figures.effective_rank = norms::effective_rank(sigma);
  const double tolerance = static_cast<double>(std::max(rows, columns)) * 2 * unit * sigma.front();
  figures.numerical_rank = norms::numerical_rank(sigma, tolerance);
  figures.rank_90 = energy_rank(sigma, 0.90, rows, columns, blocks);
  figures.rank_95 = energy_rank(sigma, 0.95, rows, columns, blocks);
  figures.rank_99 = energy_rank(sigma, 0.99, rows, columns, blocks);
  return figures;
}

double stable_rank(double frobenius, double sigma_max) {
  return sigma_max > 0 ? (frobenius / sigma_max) * (frobenius / sigma_max) : 0;
}

// What sigma_1 of a spectrum may be wrong by, relatively: an eigenvalue of the Gram matrix by some c n eps, with room
// for a large c. What is meant to be seen is a failed start, which is wrong by per mille at least.
double error_of_spectrum(std::int64_t rows, std::int64_t columns) {
  return 1e-12 + 64 * std::numeric_limits<double>::epsilon() * static_cast<double>(rows + columns);
}

// Both costs are about c rows columns: the Gram matrix and its factorization take k + k^2 / l multiply-adds an entry,
// in fast block products; Lanczos some thirty steps of two each, at the speed of memory and of conversions to double.
// Measured to be even near 400.
bool is_cheap_to_prove(std::int64_t rows, std::int64_t columns) {
  const auto shorter = static_cast<double>(std::min(rows, columns));
  const auto longer = static_cast<double>(std::max(rows, columns));
  return shorter + shorter * shorter / longer <= 400;
}

SvdOptions<double> svd_options(const RandomState& random) {
  SvdOptions<double> options;
  options.random = random;
  options.tolerance = 5e-9;
  options.max_products = 2000;
  return options;
}

}  // namespace

Measurement measure(const Tensor& matrix, const Options& options, Context& context) {
  const FloatingEnvironment environment;
  const StoredView view = stored_view(matrix);
  const kernels::Scan facts = kernels::scan(view.matrix, context);
  Measurement result;
  if (!facts.finite()) {
    result.nan = facts.nan;
    result.infinite = facts.infinite;
    const std::int64_t first = facts.first_non_finite;
    const std::int64_t width = view.matrix.columns;
    result.first_non_finite = view.transposed ? first % width * view.matrix.rows + first / width : first;
    return result;
  }
  const bounds::InRange range = bounds::in_range(view.matrix, facts, context);
  const std::int64_t shorter = std::min(view.matrix.rows, view.matrix.columns);
  const bool prove = shorter <= options.certify.proven_up_to ||
                     (options.certify.proven_if_cheap && is_cheap_to_prove(view.matrix.rows, view.matrix.columns));
  std::optional<GramMatrix> g;
  if (prove || options.full_spectrum) {
    g.emplace(gram_matrix(range.matrix, bounds::gram_scale(range.facts), context));
  }
  const RandomState random = options.certify.seed ? random_state(*options.certify.seed) : drawn_random_state();
  std::optional<double> failure;
  if (options.certify.probabilistic) failure = options.certify.failure_probability;
  bounds::ProofOptions proof;
  proof.random = random;
  bounds::Measured in_units = prove
                                  ? bounds::prove(range.matrix, range.facts, *g, proof, context)
                                  : bounds::estimate(range.matrix, range.facts, failure, svd_options(random), context);
  if (options.full_spectrum) {
    result.singular_values = spectrum(range.matrix, *g, context).values;
    // Where sigma_1 and sigma_2 nearly coincide, Lanczos stops within the enclosure but short of full precision.
    in_units = bounds::reconciled(in_units, result.singular_values.front(),
                                  error_of_spectrum(view.matrix.rows, view.matrix.columns),
                                  bounds::norm_upper_bound(range.matrix, range.facts));
    for (double& value : result.singular_values) {
      value = std::min(value * range.factor, std::numeric_limits<double>::max());
    }
  }
  bounds::require_unchanged(range, context);
  const bounds::Measured sigma_max = bounds::scaled(in_units, range.factor);
  Figures figures{sigma_max.sigma_max};
  figures.sigma_max_estimate = sigma_max.estimate;
  figures.frobenius = std::sqrt(facts.sum_squares) / facts.scale;
  figures.norm_1 = view.transposed ? facts.largest_row_sum : facts.largest_column_sum;
  figures.norm_inf = view.transposed ? facts.largest_column_sum : facts.largest_row_sum;
  figures.max_abs = facts.max_abs;
  if (options.full_spectrum) {
    figures.spectrum = spectrum_figures(result.singular_values, figures.frobenius, view.matrix.rows,
                                        view.matrix.columns, 1, matrix.dtype());
  }
  figures.stable_rank = stable_rank(figures.frobenius, figures.sigma_max_estimate);
  result.figures = figures;
  return result;
}

Measurement block_diagonal(std::span<const Measurement> blocks, std::int64_t rows, std::int64_t columns, DType dtype) {
  const FloatingEnvironment environment;
  Measurement result;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const Measurement& block = blocks[b];
    if (block.first_non_finite >= 0 && result.first_non_finite < 0) {
      result.first_non_finite = static_cast<std::int64_t>(b) * rows * columns + block.first_non_finite;
    }
    result.nan += block.nan;
    result.infinite += block.infinite;
  }
  if (result.first_non_finite >= 0) return result;

  bounds::Measured sigma_max{blocks[0].figures->sigma_max, blocks[0].figures->sigma_max_estimate};
  Figures figures = *blocks[0].figures;
  // Relative to the largest, so that no square overflows.
  double largest = 0;
  for (const Measurement& block : blocks) largest = std::max(largest, block.figures->frobenius);
  double sum_squares = 0;
  for (const Measurement& block : blocks) {
    const Figures& one = *block.figures;
    if (&block != &blocks[0]) sigma_max = bounds::larger(sigma_max, {one.sigma_max, one.sigma_max_estimate});
    figures.norm_1 = std::max(figures.norm_1, one.norm_1);
    figures.norm_inf = std::max(figures.norm_inf, one.norm_inf);
    figures.max_abs = std::max(figures.max_abs, one.max_abs);
    if (largest > 0) sum_squares += (one.frobenius / largest) * (one.frobenius / largest);
    result.singular_values.insert(result.singular_values.end(), block.singular_values.begin(),
                                  block.singular_values.end());
  }
  std::sort(result.singular_values.begin(), result.singular_values.end(), std::greater<>());
  figures.sigma_max = sigma_max.sigma_max;
  figures.sigma_max_estimate = sigma_max.estimate;
  figures.frobenius = largest * std::sqrt(sum_squares);
  figures.stable_rank = stable_rank(figures.frobenius, figures.sigma_max_estimate);
  if (!result.singular_values.empty()) {
    figures.spectrum = spectrum_figures(result.singular_values, figures.frobenius, rows, columns,
                                        static_cast<std::int64_t>(blocks.size()), dtype);
  }
  result.figures = figures;
  return result;
}

}  // namespace sigmax::audit
