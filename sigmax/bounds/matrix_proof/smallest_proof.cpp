#include "sigmax/bounds/matrix_proof/smallest_proof.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/bounds/matrix_proof/values_proof.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/small_dense.hpp"

namespace sigmax::bounds {
namespace {

// The eigenvectors of G for its smallest eigenvalues, as far as a few steps of inverse iteration find them, and the
// second smallest singular value. Nothing if G is not positive definite as far as a factorization can tell.
struct Smallest {
  std::vector<double> vector;
  double next = 0;  // in units of A
};

std::optional<Smallest> smallest_of(GramMatrix& g, Context& context) {
  const SerialBlas serial;
  constexpr int kMostSteps = 40;
  const std::int64_t n = g.order;
  const std::int64_t count = std::min<std::int64_t>(3, n);
  const std::vector<double> diagonal = take_diagonal(g);
  shift(g, diagonal, 1, 0.0, context);
  std::optional<Smallest> result;
  if (cholesky(g.values.data(), n, context)) {
    Matrix<double> x(n, count);
    static_cast<void>(fill_normal(RandomState{}, x.values()));
    const auto solve = [&](CBLAS_TRANSPOSE side) {
      cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, side, CblasNonUnit, static_cast<int>(n),
                  static_cast<int>(count), 1.0, g.values.data(), static_cast<int>(n), x.values().data(),
                  static_cast<int>(n));
    };
    double before = 0;
    for (int step = 0; step < kMostSteps; ++step) {
      context.check_cancel();
      x = lapack::orthonormal(std::move(x));
      const Matrix<double> basis = x;
      solve(CblasNoTrans);  // X^T G^-1 X = (L^-1 X)^T (L^-1 X)
      const SmallEigen ritz = largest_of_symmetric(lapack::product(x, x, true), count);
      const double value = ritz.value.front();
      if (!std::isfinite(value) || !(value > 0)) break;
      const Matrix<double> vectors = lapack::product(basis, ritz.vector);
      result = Smallest{{vectors.column(0).begin(), vectors.column(0).end()},
                        count > 1 && ritz.value[1] > 0 ? 1 / std::sqrt(ritz.value[1]) / g.scale : 0.0};
      // A vector that is right to 1e-8 gives the value to 1e-16.
      if (std::fabs(value - before) <= 1e-14 * value) break;
      before = value;
      solve(CblasTrans);
    }
  }
  restore(g, diagonal, context);
  return result;
}

}  // namespace

Enclosure smallest_by_gram(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  GramMatrix& g = a.gram(context);
  const std::optional<Smallest> found = smallest_of(g, context);
  if (!found) return Proof::enclosure(Proof::lower(0), std::nullopt);
  ValuesQuestion question;
  question.which = Which::smallest;
  question.right = MatrixView<const double>(found->vector);
  question.left = question.right;
  question.next = found->next;
  const ProvenValues values = prove_values(a.in_range(context), g, question, context);
  return values.sigma.front();
}

// B v is summed in twice the precision (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26, 2005): the error of an entry is at
// most u |b_i^T v| + gamma_n^2 |b_i|^T |v|, and 2^-960 for underflow.
ImageNorms image_norms(const Matrix<double>& b, std::span<const double> v) {
  const FloatingEnvironment environment;
  const auto p = static_cast<std::size_t>(b.rows());
  std::vector<double> sum(p), low(p);
  double weight = 0;
  for (std::int64_t j = 0; j < b.columns(); ++j) {
    const double factor = v[static_cast<std::size_t>(j)];
    weight += std::fabs(factor);
    const std::span<const double> column = b.column(j);
    for (std::size_t i = 0; i < p; ++i) {
      const double term = column[i] * factor;
      const double of_term = std::fma(column[i], factor, -term);
      const double next = sum[i] + term;
      const double part = next - sum[i];
      const double of_sum = (sum[i] - (next - part)) + (term - part);
      sum[i] = next;
      low[i] += of_term + of_sum;
    }
  }
  double total = 0;
  double largest = 0;
  for (std::size_t i = 0; i < p; ++i) {
    sum[i] += low[i];
    total += std::fabs(sum[i]);
    largest = larger_of(largest, std::fabs(sum[i]));
  }
  const NormRange two = norm_range(sum);
  const double small = gamma(b.columns() + 1);
  // Entries of B are at most 1, so |b_i|^T |v| <= sum |v_j|.
  const double each = round_up(round_up(small * small) * round_up(weight * (1 + small)) + 0x1p-960);
  const double count = static_cast<double>(p);
  const double relative = 1 + 4 * kUnitRoundoff;
  return {round_up(round_up(total * (1 + gamma(b.rows()))) * relative + each * count),
          round_up(largest * relative + each),
          round_up(round_up(std::ldexp(two.upper, two.exponent)) * relative + each * std::sqrt(count))};
}

}  // namespace sigmax::bounds
