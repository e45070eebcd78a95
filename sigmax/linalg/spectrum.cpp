#include "sigmax/linalg/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/davidson.hpp"
#include "sigmax/linalg/householder.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax {
namespace {

// LAPACK's SVD of the matrix itself, values only.
std::vector<double> bidiagonal_values(const kernels::StoredMatrix& a, double scale, Context& context) {
  auto copy = context.scratch<double>(static_cast<std::size_t>(a.size()));
  in_double(a, scale, copy.data(), context);
  // The row-major matrix is LAPACK's column-major transpose, which has the same singular values.
  std::vector<double> values = lapack::singular_values({copy.data(), a.columns, a.rows});
  for (double& value : values) value /= scale;
  return values;
}

// Rows (or columns) of A that are not entirely zero: those with a nonzero diagonal entry in G.
std::vector<std::int64_t> nonzero_indices(const GramMatrix& g) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < g.order; ++i) {
    if (g.values[static_cast<std::size_t>(i * g.order + i)] != 0) indices.push_back(i);
  }
  return indices;
}

// The lower triangle of G restricted to `indices`, by columns, from the upper triangle, in blocks that stay in cache.
void restrict_to(const GramMatrix& g, std::span<const std::int64_t> indices, SymmetricWork& out, Context& context) {
  constexpr std::int64_t kRowsEach = 128;
  constexpr std::int64_t kBlock = 32;
  const std::int64_t n = out.order();
  context.parallel_for(static_cast<std::size_t>((n + kRowsEach - 1) / kRowsEach), [&](std::size_t piece) {
    const std::int64_t begin = static_cast<std::int64_t>(piece) * kRowsEach;
    for (std::int64_t first = begin; first < std::min(begin + kRowsEach, n); first += kBlock) {
      const std::int64_t last = std::min(first + kBlock, n);
      for (std::int64_t j0 = 0; j0 < last; j0 += kBlock) {
        for (std::int64_t i = first; i < last; ++i) {
          const double* const column = g.values.data() + indices[static_cast<std::size_t>(i)] * g.order;
          for (std::int64_t j = j0; j < std::min(j0 + kBlock, i + 1); ++j) {
            out.column(j)[i] = column[indices[static_cast<std::size_t>(j)]];
          }
        }
      }
    }
  });
}

// The uncertainty left by the eigenvalues of G. The error of an eigenvalue is about delta, and the error of its root
// sigma is delta / (2 sigma).
struct Uncertainty {
  bool smallest = false;  // the smallest value needs refinement
  bool sum = false;       // enough values do that their sum is affected
};

constexpr double kTolerance = 1e-11;

double error_of_eigenvalues(std::span<const double> eigenvalues_ascending) {
  const auto order = static_cast<double>(eigenvalues_ascending.size());
  return 4 * std::sqrt(order) * std::numeric_limits<double>::epsilon() * eigenvalues_ascending.back();
}

Uncertainty judge(std::span<const double> eigenvalues_ascending) {
  const double delta = error_of_eigenvalues(eigenvalues_ascending);
  double sum = 0;
  double error = 0;
  for (std::size_t i = 0; i < eigenvalues_ascending.size(); ++i) {
    const double lambda = eigenvalues_ascending[i];
    const double sigma = std::sqrt(std::fmax(lambda, 0.0));
    sum += sigma;
    // The smallest is refined in any case. Below delta the whole root is error.
    if (i > 0) error += lambda > delta ? delta / (2 * sigma) : std::sqrt(delta);
  }
  return {delta > 2 * kTolerance * eigenvalues_ascending.front(), error > kTolerance * sum};
}

// The matrix, its Gram matrix and the indices of its nonzero rows or columns.
struct Question {
  const kernels::StoredMatrix& a;
  const GramMatrix& g;
  std::span<const std::int64_t> indices;
};

// Computes the smallest value from the matrix itself: from the eigenvector of the reduction if that is good enough,
// otherwise by a search that the Cholesky factor steers.
std::optional<double> refined_smallest(const Question& q, SymmetricWork& reduced, const TridiagonalForm& form,
                                       std::span<const double> lambda, Context& context) {
  const auto [a, g, indices] = q;
  if (const auto y = lambda.size() > 1 ? eigenvector(form.t, lambda[0]) : std::nullopt) {
    const std::vector<double> x = from_tridiagonal(reduced, form, *y, context);
    const double next = lambda[1] - error_of_eigenvalues(lambda);
    const auto value =
        smallest_from_vector(a, g.of_rows, g.scale, indices, x, next, lambda.back(), kTolerance / 10, context);
    if (value) return value;
  }
  SymmetricWork& factor = reduced;
  restrict_to(g, indices, factor, context);
  const int order = static_cast<int>(indices.size());
  const int stride = static_cast<int>(factor.stride());
  int info = 0;
  dpotrf_("L", &order, factor.data(), &stride, &info);
  if (info != 0) return std::nullopt;
  const MatrixView<const double> lower(factor.data(), factor.order(), factor.order(), factor.stride());
  return smallest_singular_value(a, g.of_rows, g.scale, indices, lower, context);
}

}  // namespace

Spectrum spectrum(const kernels::StoredMatrix& a, const GramMatrix& g, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  Spectrum result;
  result.values.assign(static_cast<std::size_t>(g.order), 0.0);
  const std::vector<std::int64_t> indices = nonzero_indices(g);
  if (indices.empty()) return result;
  const std::size_t n = indices.size();

  SymmetricWork work(static_cast<std::int64_t>(n), context);
  restrict_to(g, indices, work, context);
  const TridiagonalForm form = tridiagonalize(work, context);
  const std::vector<double> lambda = eigenvalues(form.t, context);
  const Uncertainty uncertain = judge(lambda);
  std::optional<double> smallest;
  if (uncertain.smallest && !uncertain.sum) {
    smallest = refined_smallest({a, g, indices}, work, form, lambda, context);
  }
  if (uncertain.sum || (uncertain.smallest && !smallest)) {
    result.values = bidiagonal_values(a, g.scale, context);
    result.method = SpectrumMethod::bidiagonal;
    std::fill(result.values.begin() + static_cast<std::ptrdiff_t>(n), result.values.end(), 0.0);  // known exactly
    return result;
  }
  for (std::size_t i = 0; i < n; ++i) {
    result.values[i] = std::sqrt(std::fmax(lambda[n - 1 - i], 0.0)) / g.scale;
  }
  if (smallest) {
    result.values[n - 1] = *smallest;
    result.method = SpectrumMethod::gram_refined;
    // A neighbor is less accurate and may have come out below the smallest value; raising it brings it closer to its
    // true value.
    for (std::size_t i = 0; i + 1 < n; ++i) result.values[i] = std::fmax(result.values[i], *smallest);
  }
  return result;
}

Spectrum spectrum(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  return spectrum(a.in_range(context).matrix, a.gram(context), context);
}

std::vector<double> singular_values(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  std::vector<double> values = spectrum(a, context).values;
  for (double& value : values) value *= a.in_range(context).factor;
  return values;
}

std::vector<double> singular_values_each(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  const InRange& in_range = a.in_range(context);
  const std::int64_t shorter = std::min(in_range.matrix.rows, in_range.matrix.columns);
  const std::int64_t longer = std::max(in_range.matrix.rows, in_range.matrix.columns);
  std::vector<double> values;
  // The Gram matrix loses sigma_1 / sigma_k of the accuracy. A matrix near a square has a small sigma_k, so that its
  // Gram matrix would be formed in vain.
  constexpr double kLoss = 32;
  if (longer >= shorter + shorter / 2) {
    values = spectrum(a, context).values;
    if (!values.empty() && values.back() * kLoss < values.front()) values.clear();
  }
  if (values.empty()) {
    const SerialBlas serial;
    values = bidiagonal_values(in_range.matrix, gram_scale(in_range.facts), context);
  }
  for (double& value : values) value *= in_range.factor;
  return values;
}

}  // namespace sigmax
