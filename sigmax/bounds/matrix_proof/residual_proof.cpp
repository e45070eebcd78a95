#include "sigmax/bounds/matrix_proof/residual_proof.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/bounds/matrix_proof/stretches.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

// More than the effect of underflow on a residual in range: k terms of at most 2^-1073 per entry.
constexpr double kResidualUnderflow = 0x1p-900;
constexpr std::int64_t kRows = 64;

bool is_finite(MatrixView<const double> x) {
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (const double value : x.column(j)) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

bool descends(std::span<const double> sigma) {
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    if (!(sigma[i] >= 0) || !std::isfinite(sigma[i])) return false;
    if (i > 0 && sigma[i] > sigma[i - 1]) return false;
  }
  return true;
}

Matrix<double> copy_of(MatrixView<const double> x) {
  Matrix<double> copy(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), copy.column(j).begin());
  return copy;
}

double frobenius_of(std::span<const double> x) {
  const NormRange norm = norm_range(x);
  return round_up(std::ldexp(norm.upper, norm.exponent));
}

// At least |A - U W^T|_F, W = V diag(s) as computed. Each entry is a sum of k + 1 terms: an error of gamma_{k+2} times
// |a_ij| + sum |u_il| |w_jl|, whose Frobenius norm is at most |A|_F + |U|_F |W|_F.
double residual_norm(const InRange& a, const Matrix<double>& u, const Matrix<double>& w, Context& context) {
  const SerialBlas serial;
  const kernels::StoredMatrix& m = a.matrix;
  const auto blocks = static_cast<std::size_t>((m.rows + kRows - 1) / kRows);
  std::vector<double> norms(blocks, 0.0);
  context.parallel_for(blocks, [&](std::size_t block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * kRows;
    const std::int64_t count = std::min(kRows, m.rows - first);
    auto rows = context.scratch<double>(static_cast<std::size_t>(count * m.columns));
    kernels::convert(m.row_range(first, count), 1, rows.data(), m.columns);
    // The rows are the columns of a column-major block.
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(m.columns), static_cast<int>(count),
                static_cast<int>(w.columns()), -1.0, w.values().data(), static_cast<int>(w.rows()),
                u.values().data() + first, static_cast<int>(u.rows()), 1.0, rows.data(), static_cast<int>(m.columns));
    norms[block] = frobenius_of({rows.data(), rows.size()});
  });
  const double rounding =
      round_up(gamma(w.columns() + 2) *
               (frobenius_upper_bound(a) + frobenius_of(u.values()) * frobenius_of(w.values()) * (1 + 0x1p-40)));
  return round_up(frobenius_of(norms) + rounding + kResidualUnderflow);
}

}  // namespace

std::vector<Enclosure> enclose_by_residual(const InRange& a, const ValuesQuestion& question, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const auto k = static_cast<std::size_t>(std::min(a.matrix.rows, a.matrix.columns));
  if (question.sigma.size() != k || question.left.columns != static_cast<std::int64_t>(k) || !blas_supports_proofs() ||
      !descends(question.sigma) || !is_finite(question.left) || !is_finite(question.right)) {
    return {};
  }
  const Matrix<double> u = copy_of(question.left);
  Matrix<double> w = copy_of(question.right);
  const double of_u = defect_of(u);
  const double of_v = defect_of(w);
  if (!(of_u < 0.25) || !(of_v < 0.25)) return {};
  // Rounded once: |w_jl - v_jl s_l| <= u |w_jl|, part of the rounding below.
  for (std::int64_t j = 0; j < w.columns(); ++j) {
    for (double& value : w.column(j)) value *= question.sigma[static_cast<std::size_t>(j)];
  }
  const double of_scaling = round_up(kUnitRoundoff * frobenius_of(w.values()) * frobenius_of(u.values()));
  const double residual = round_up(residual_norm(a, u, w, context) + of_scaling);
  const double shrink = round_down(std::sqrt(round_down((1 - of_u) * (1 - of_v) * (1 - 0x1p-50))));
  const double stretch = round_up(std::sqrt(round_up((1 + of_u) * (1 + of_v))));
  std::vector<Enclosure> result;
  for (const double s : question.sigma) {
    const double lower = larger_of(round_down(s * shrink) - round_up(residual), 0.0);
    result.push_back(Proof::enclosure(widened_lower(round_down(lower)),
                                      Proof::proven(widened_upper(round_up(s * stretch) + residual))));
  }
  return result;
}

}  // namespace sigmax::bounds
