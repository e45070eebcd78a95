// The solver named InverseLanczos: the smallest triplets of the operator as a matrix.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/formed.hpp"
#include "sigmax/svd/lanczos.hpp"
#include "sigmax/svd/solvers.hpp"

namespace sigmax {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon();

// Of the order: with more triplets than that a Krylov space is no smaller than the problem, and LAPACK takes R.
constexpr std::int64_t kFewTriplets = 4;

enum class Side { plain, transposed };

// X <- R^-1 X or R^-T X
void solve_triangular(const Matrix<double>& r, Side side, MatrixView<double> x) {
  const int n = static_cast<int>(r.rows());
  const auto transpose = side == Side::plain ? CblasNoTrans : CblasTrans;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    cblas_dtrsv(CblasColMajor, CblasUpper, transpose, CblasNonUnit, n, r.values().data(), n, x.column(j).data(), 1);
  }
}

// X <- R X or R^T X
void multiply_triangular(const Matrix<double>& r, Side side, MatrixView<double> x) {
  const int n = static_cast<int>(r.rows());
  const auto transpose = side == Side::plain ? CblasNoTrans : CblasTrans;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    cblas_dtrmv(CblasColMajor, CblasUpper, transpose, CblasNonUnit, n, r.values().data(), n, x.column(j).data(), 1);
  }
}

void copy(MatrixView<const double> from, MatrixView<double> to) {
  for (std::int64_t j = 0; j < from.columns; ++j) std::ranges::copy(from.column(j), to.column(j).begin());
}

// A diagonal entry below rounding, zero above all, is replaced by one that can be divided by: R changes by no more than
// the rounding errors of the factorisation.
void lift_diagonal(Matrix<double>& r) {
  double largest = 0;
  for (const double value : r.values()) largest = std::max(largest, std::fabs(value));
  const double least = kUnit * largest;
  for (std::int64_t i = 0; i < r.rows(); ++i) {
    if (std::fabs(r(i, i)) < least) r(i, i) = least;
  }
}

// sigma_1 of R to a few digits.
double largest_value(const Matrix<double>& r, const RandomState& random, Context& context) {
  const SymmetricProduct<double> product = [&](MatrixView<const double> x, MatrixView<double> z) {
    copy(x, z);
    multiply_triangular(r, Side::plain, z);
    multiply_triangular(r, Side::transposed, z);
  };
  LanczosOptions options;
  options.tolerance = 1e-3;
  options.random = random;
  return std::sqrt(lanczos<double>(r.rows(), product, {}, options, context).theta.front());
}

// The triangular factor of [R; tau V^T]: the singular values of R in the directions V grow to about tau, the others
// stay.
Matrix<double> without(const Matrix<double>& r, const Matrix<double>& v, double tau) {
  Matrix<double> stacked(r.rows() + v.columns(), r.columns());
  for (std::int64_t j = 0; j < r.columns(); ++j) {
    std::ranges::copy(r.column(j), stacked.column(j).begin());
    for (std::int64_t i = 0; i < v.columns(); ++i) stacked(r.rows() + i, j) = tau * v(j, i);
  }
  return lapack::Qr(stacked.view()).r();
}

// Orthonormal columns that span those of `x`.
Matrix<double> orthonormal(Matrix<double> x) {
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    const double norm = cblas_dnrm2(static_cast<int>(x.rows()), x.column(j).data(), 1);
    cblas_dscal(static_cast<int>(x.rows()), 1 / norm, x.column(j).data(), 1);
  }
  const lapack::Qr qr(x.view());
  Matrix<double> identity(x.columns(), x.columns());
  for (std::int64_t i = 0; i < x.columns(); ++i) identity(i, i) = 1;
  return qr.times(identity.view());
}

struct RightVectors {
  Matrix<double> v;  // orthonormal
  std::int64_t products = 0;
  SvdOutcome outcome = SvdOutcome::converged;
  RandomState random{};
};

// X <- (R^T R)^-1 X
void apply_inverse(const Matrix<double>& r, MatrixView<double> x) {
  solve_triangular(r, Side::transposed, x);
  solve_triangular(r, Side::plain, x);
}

// Appends the first `count` columns of `more` to those of `v`.
void append(Matrix<double>& v, const Matrix<double>& more, std::int64_t count) {
  Matrix<double> all(more.rows(), v.columns() + count);
  copy(v.view(), all.view().column_range(0, v.columns()));
  copy(more.view().column_range(0, count), all.view().column_range(v.columns(), count));
  v = std::move(all);
}

// Right singular vectors of R for its k smallest values, by Lanczos on (R^T R)^-1. Its rounding errors are u theta_1,
// theta_1 = 1 / sigma_min^2, so that vectors of values much larger than sigma_min are lost behind it:
//
//   until there are k:
//     V = the eigenvectors of (R^T R)^-1 with theta_i >= kReach theta_1, as many as are wanted and found
//     V <- (R^T R)^-1 V, orthonormal
//     R <- triangular factor of [R; tau V^T]:  out of the way
//
// What V holds of a large sigma_j, as small as it may be, would weigh sigma_j in R V: the step with the inverse takes
// it down by (sigma_i / sigma_j)^2.
RightVectors smallest_right_vectors(Matrix<double> r, double tau, const LanczosOptions& options, Context& context) {
  constexpr double kReach = 1e-6;
  RightVectors found;
  found.random = options.random;
  while (found.v.columns() < options.k) {
    const SymmetricProduct<double> product = [&](MatrixView<const double> x, MatrixView<double> z) {
      copy(x, z);
      apply_inverse(r, z);
    };
    LanczosOptions inner = options;
    inner.k = options.k - found.v.columns();
    inner.max_products = std::max<std::int64_t>(options.max_products - found.products, 1);
    inner.random = found.random;
    const LanczosResult<double> top = lanczos<double>(r.rows(), product, {}, inner, context);
    std::int64_t good = 1;
    while (good < inner.k && top.theta[static_cast<std::size_t>(good)] >= kReach * top.theta.front()) ++good;
    found.products += top.products;
    found.random = top.random;
    if (top.outcome == LanczosOutcome::out_of_products) {
      found.outcome = SvdOutcome::out_of_products;
      good = inner.k;
    }
    Matrix<double> batch;
    append(batch, top.vectors, good);
    apply_inverse(r, batch.view());
    batch = orthonormal(std::move(batch));
    append(found.v, batch, good);
    if (found.v.columns() < options.k) r = without(r, batch, tau);
  }
  found.v = orthonormal(std::move(found.v));
  return found;
}

Matrix<double> product(CBLAS_TRANSPOSE transpose, const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(transpose == CblasNoTrans ? a.rows() : a.columns(), b.columns());
  cblas_dgemm(CblasColMajor, transpose, CblasNoTrans, static_cast<int>(c.rows()), static_cast<int>(c.columns()),
              static_cast<int>(b.rows()), 1.0, a.values().data(), static_cast<int>(a.rows()), b.values().data(),
              static_cast<int>(b.rows()), 0.0, c.values().data(), static_cast<int>(c.rows()));
  return c;
}

// Triplets of R from right singular vectors V, those of the smallest values first, by two-sided Rayleigh-Ritz:
//
//   P = R^-T V, orthonormal;  P^T R V = X S Z^T;  u = P X, v = V Z
//
// Left vectors taken as R v / sigma would be rounding where sigma is.
lapack::Svd refine(const Matrix<double>& r, const Matrix<double>& v) {
  Matrix<double> p = v;
  solve_triangular(r, Side::transposed, p.view());
  p = orthonormal(std::move(p));
  Matrix<double> image = v;
  multiply_triangular(r, Side::plain, image.view());
  Matrix<double> projected = product(CblasTrans, p, image);
  const lapack::Decomposition small = lapack::decompose(projected.view(), 0, v.columns());
  return {product(CblasNoTrans, p, small.wanted.u), small.sigma, product(CblasNoTrans, v, small.wanted.v)};
}

}  // namespace

// A = Q R (of A^T where A is wide), then everything with R, and u = Q u_R at the end.
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const InverseLanczos&, Context& context) {
  const SerialBlas serial;
  const FormedMatrix formed = form(a, context);
  const Shape shape = a.shape();
  SvdResult<T> result;
  if (formed.zero) {
    result = result_of(formed, zero_triplets(shape, options.k), 0, options);
  } else {
    const bool wide = shape.rows < shape.columns;
    Matrix<double> factors = wide ? lapack::transposed(formed.a.view()) : formed.a;
    context.check_cancel();
    const lapack::Qr qr(factors.view());
    Matrix<double> r = qr.r();
    context.check_cancel();
    lapack::Svd triplets;
    double largest = 0;
    RightVectors right;
    const RandomState random = given_or_drawn(options.random);
    if (options.k * kFewTriplets > r.rows()) {
      lapack::Decomposition all = lapack::decompose(r.view(), r.rows() - options.k, options.k);
      triplets = std::move(all.wanted);
      largest = all.sigma.front();
      right.random = random;
    } else {
      lift_diagonal(r);
      largest = largest_value(r, random, context);
      LanczosOptions inner;
      inner.k = options.k;
      // A few steps more cost little beside the factorisation.
      inner.accuracy = Accuracy::vectors;
      inner.tolerance = 1e-14;
      inner.max_products = options.max_products;
      inner.random = random;
      right = smallest_right_vectors(r, largest, inner, context);
      triplets = refine(r, right.v);
    }
    triplets.u = qr.times(triplets.u.view());
    if (wide) std::swap(triplets.u, triplets.v);
    result = result_of(formed, triplets, largest, options);
    result.products += right.products;
    result.random = right.random;
    result.outcome = right.outcome;
  }
  result.method = InverseLanczos{};
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const InverseLanczos&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&,
                                         const InverseLanczos&, Context&);

}  // namespace sigmax
