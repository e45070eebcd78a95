#include "sigmax/svd/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/smallest.hpp"

namespace sigmax {
namespace {

// Eigenvalues, ascending, of the symmetric matrix in the lower triangle of `a`, which is overwritten.
std::vector<double> eigenvalues(double* a, std::int64_t order, std::int64_t stride) {
  const int n = static_cast<int>(order);
  const int ld = static_cast<int>(stride);
  std::vector<double> values(static_cast<std::size_t>(n));
  int info = 0;
  int query = -1;
  double wanted = 0;
  int integers = 0;
  dsyevd_("N", "L", &n, a, &ld, values.data(), &wanted, &query, &integers, &query, &info);
  std::vector<double> work(static_cast<std::size_t>(wanted) + 1);
  std::vector<int> integer_work(static_cast<std::size_t>(std::max(integers, 1)));
  const int work_size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integer_work.size());
  dsyevd_("N", "L", &n, a, &ld, values.data(), work.data(), &work_size, integer_work.data(), &integer_size, &info);
  if (info != 0) throw Error(fmt::format("[spectrum] dsyevd failed on a matrix of order {}, info {}", n, info));
  return values;
}

// LAPACK's SVD of the matrix itself, values only.
std::vector<double> bidiagonal_values(const kernels::StoredMatrix& a, double scale, Context& context) {
  auto copy = context.scratch<double>(static_cast<std::size_t>(a.size()));
  kernels::convert(a, scale, copy.data(), a.columns);
  // The row-major matrix is LAPACK's column-major transpose, which has the same singular values.
  const int m = static_cast<int>(a.columns);
  const int n = static_cast<int>(a.rows);
  const int one = 1;
  const int query = -1;
  int info = 0;
  double wanted = 0;
  std::vector<double> values(static_cast<std::size_t>(std::min(m, n)));
  std::vector<int> integer_work(8 * values.size());
  dgesdd_("N", &m, &n, copy.data(), &m, values.data(), nullptr, &one, nullptr, &one, &wanted, &query,
          integer_work.data(), &info);
  std::vector<double> work(static_cast<std::size_t>(wanted) + 1);
  const int work_size = static_cast<int>(work.size());
  dgesdd_("N", &m, &n, copy.data(), &m, values.data(), nullptr, &one, nullptr, &one, work.data(), &work_size,
          integer_work.data(), &info);
  if (info != 0) throw Error(fmt::format("[spectrum] dgesdd failed on a {}x{} matrix, info {}", n, m, info));
  for (double& value : values) value /= scale;
  return values;
}

// Rows (or columns) of A that are not zero throughout: those with a nonzero diagonal entry in G.
std::vector<std::int64_t> nonzero_indices(const GramMatrix& g) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < g.order; ++i) {
    if (g.values[static_cast<std::size_t>(i * g.order + i)] != 0) indices.push_back(i);
  }
  return indices;
}

// The lower triangle of G restricted to `indices`, column-major, from the upper triangle and the given diagonal.
void restrict_to(const GramMatrix& g, std::span<const double> diagonal, std::span<const std::int64_t> indices,
                 double* out) {
  const std::size_t n = indices.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j + 1; i < n; ++i) {
      out[i + j * n] = g.values[static_cast<std::size_t>(indices[i] * g.order + indices[j])];
    }
    out[j + j * n] = diagonal[static_cast<std::size_t>(indices[j])];
  }
}

// What the eigenvalues of G leave uncertain. An eigenvalue is wrong by about delta; its root sigma by delta / 2 sigma.
struct Uncertainty {
  bool smallest = false;  // the smallest value needs refinement
  bool sum = false;       // so many values do that their sum is affected
};

Uncertainty judge(std::span<const double> eigenvalues_ascending) {
  constexpr double kTolerance = 1e-11;
  const auto order = static_cast<double>(eigenvalues_ascending.size());
  const double delta = 4 * std::sqrt(order) * std::numeric_limits<double>::epsilon() * eigenvalues_ascending.back();
  double sum = 0;
  double error = 0;
  for (std::size_t i = 0; i < eigenvalues_ascending.size(); ++i) {
    const double lambda = eigenvalues_ascending[i];
    const double sigma = std::sqrt(std::fmax(lambda, 0.0));
    sum += sigma;
    // The smallest is refined anyway. Below delta the root itself is all error.
    if (i > 0) error += lambda > delta ? delta / (2 * sigma) : std::sqrt(delta);
  }
  return {delta > 2 * kTolerance * eigenvalues_ascending.front(), error > kTolerance * sum};
}

}  // namespace

Spectrum spectrum(const kernels::StoredMatrix& a, GramMatrix& g, Context& context) {
  const SerialBlas serial;
  Spectrum result;
  result.values.assign(static_cast<std::size_t>(g.order), 0.0);
  const std::vector<std::int64_t> indices = nonzero_indices(g);
  if (indices.empty()) return result;
  const std::size_t n = indices.size();
  const bool whole = n == static_cast<std::size_t>(g.order);
  std::vector<double> diagonal(static_cast<std::size_t>(g.order));
  for (std::size_t i = 0; i < diagonal.size(); ++i) diagonal[i] = g.values[i * diagonal.size() + i];

  std::vector<double> lambda;
  auto work = context.scratch<double>(n * n);
  if (whole) {
    lambda = eigenvalues(g.values.data(), g.order, g.order);
  } else {
    restrict_to(g, diagonal, indices, work.data());
    lambda = eigenvalues(work.data(), static_cast<std::int64_t>(n), static_cast<std::int64_t>(n));
  }
  for (std::size_t i = 0; i < diagonal.size(); ++i) g.values[i * diagonal.size() + i] = diagonal[i];

  const Uncertainty uncertain = judge(lambda);
  std::optional<double> smallest;
  if (uncertain.smallest && !uncertain.sum) {
    restrict_to(g, diagonal, indices, work.data());
    const int order = static_cast<int>(n);
    int info = 0;
    dpotrf_("L", &order, work.data(), &order, &info);
    if (info == 0) {
      smallest = smallest_singular_value(a, g.of_rows, g.scale, indices, {work.data(), n * n}, context);
    }
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
    // A neighbour, known less well, may have come out below it: raised to it, it is closer to the truth.
    for (std::size_t i = 0; i + 1 < n; ++i) result.values[i] = std::fmax(result.values[i], *smallest);
  }
  return result;
}

}  // namespace sigmax
