// The solver named InverseLanczos: the smallest triplets of the operator as a matrix.
#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/triangular.hpp"
#include "sigmax/ops/magnitude.hpp"
#include "sigmax/svd/checks/smallest_check.hpp"
#include "sigmax/svd/formed.hpp"
#include "sigmax/svd/krylov/gram_lanczos.hpp"
#include "sigmax/svd/solvers.hpp"

namespace sigmax {
namespace {

// Fraction of the order: for more triplets a Krylov space is as large as the problem, and LAPACK decomposes R.
constexpr std::int64_t kFewSmallestTriplets = 4;

// A residual that is too large to be rounding.
constexpr double kGood = 1e-10;

// sigma_1 of R to a few digits.
double largest_value(const Matrix<double>& r, const RandomState& random, Context& context) {
  const SymmetricProduct<double> product = [&](MatrixView<const double> x, MatrixView<double> z) {
    for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), z.column(j).begin());
    triangular::multiply(r, triangular::Side::plain, z);
    triangular::multiply(r, triangular::Side::transposed, z);
  };
  LanczosOptions options;
  options.convergence = {.tolerance = 0.5e-3};
  options.random = random;
  return std::sqrt(lanczos<double>(r.rows(), product, {}, options, context).theta.front());
}

// Whether |R v| is about theta^-1/2 for column j of V. If R is singular, rounding of its inverse creates Ritz values
// for vectors that R does not shrink.
bool is_shrunk(const Matrix<double>& r, const Matrix<double>& v, std::int64_t j, double theta) {
  Matrix<double> image(v.rows(), 1);
  std::ranges::copy(v.column(j), image.column(0).begin());
  triangular::multiply(r, triangular::Side::plain, image.view());
  const double norm = blas::norm(image.values());
  const double rounding = 64 * std::sqrt(static_cast<double>(r.rows())) * triangular::unit_of(r);
  return norm * std::sqrt(theta) <= 2 || norm <= rounding;
}

// Right singular vectors of R for its k smallest values, by Lanczos on (R^T R)^-1. Its rounding errors are u theta_1,
// theta_1 = 1 / sigma_min^2, so vectors of values much larger than sigma_min are lost in them:
//
//   until there are k:
//     V = the eigenvectors of (R^T R)^-1 with theta_i >= kReach theta_1, as many as are wanted and found
//     V <- (R^T R)^-1 V, orthonormal
//     R <- triangular factor of [R; tau V^T]: deflates V
//
// A component of V along a large sigma_j, however small, would have weight sigma_j in R V: the step with the inverse
// reduces it by (sigma_i / sigma_j)^2.
RightVectors smallest_right_vectors(Matrix<double> r, double tau, const LanczosOptions& options, Context& context) {
  constexpr double kReach = 1e-6;
  RightVectors found;
  found.random = options.random;
  const std::int64_t k = options.convergence.k;
  while (found.v.columns() < k) {
    const SymmetricProduct<double> product = inverse_product(r);
    LanczosOptions inner = options;
    inner.convergence.k = k - found.v.columns();
    inner.max_products = std::max<std::int64_t>(options.max_products - found.products, 1);
    inner.random = found.random;
    const LanczosResult<double> top = lanczos<double>(r.rows(), product, {}, inner, context);
    std::int64_t good = 1;
    while (good < inner.convergence.k && top.theta[static_cast<std::size_t>(good)] >= kReach * top.theta.front() &&
           is_shrunk(r, top.vectors, good, top.theta[static_cast<std::size_t>(good)])) {
      ++good;
    }
    found.products += top.products;
    found.random = top.random;
    if (top.outcome == LanczosOutcome::out_of_products) {
      found.outcome = SvdOutcome::out_of_products;
      good = inner.convergence.k;
    }
    Matrix<double> batch;
    triangular::append(batch, top.vectors, good);
    triangular::apply_inverse(r, batch.view());
    batch = lapack::orthonormal(std::move(batch));
    triangular::append(found.v, batch, good);
    if (found.v.columns() < k) r = triangular::without(r, batch, tau);
  }
  found.v = lapack::orthonormal(std::move(found.v));
  return found;
}

// Triplets of an R whose solves say nothing about its left vectors. For values above rounding, the left vectors are R v
// / |R v|; for the others any vectors that R^T maps to rounding will do, and they are found in the same way as the
// right ones.
lapack::Svd of_singular(const Matrix<double>& r, const RightVectors& right, double largest,
                        const LanczosOptions& options, Context& context) {
  Matrix<double> image = right.v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  const double rounding = 64 * std::sqrt(static_cast<double>(r.rows())) * triangular::unit_of(r);
  Matrix<double> large;
  for (std::int64_t j = 0; j < image.columns(); ++j) {
    Matrix<double> one(image.rows(), 1);
    std::ranges::copy(image.column(j), one.column(0).begin());
    const double norm = blas::norm(one.values());
    if (norm > rounding) triangular::append(large, one, 1);
  }
  Matrix<double> p;
  const std::int64_t missing = image.columns() - large.columns();
  if (missing > 0) {
    LanczosOptions inner = options;
    inner.convergence.k = missing;
    const Matrix<double> transposed = triangular::regularized(lapack::transposed(r.view()));
    triangular::append(p, smallest_right_vectors(transposed, largest, inner, context).v, missing);
  }
  if (large.columns() > 0) triangular::append(p, large, large.columns());
  return triangular::rayleigh_ritz(r, lapack::orthonormal(std::move(p)), right.v);
}

struct OfFactor {
  lapack::Svd triplets;
  double largest = 0;  // sigma_1, to a few digits
  RightVectors right;
  CheckedSmallest checked;
};

// A few more steps cost little compared with the factorization.
template <Real T>
LanczosOptions to_rounding(const Task<T>& task, const RandomState& random) {
  LanczosOptions inner;
  inner.convergence = {Accuracy::vectors, 1e-14, task.k()};
  inner.max_products = task.max_products;
  inner.random = random;
  return inner;
}

// How far the formed matrix may be from the operator: zero if its entries are taken as stored; otherwise the rounding
// of its parts before they cancel.
template <Real T>
double formed_error(const LinearOperator<T>& a, const FormedMatrix& formed, Context& context) {
  const auto structure = a.structure();
  const auto* stored = std::get_if<structure::Stored>(&structure);
  if (stored != nullptr && (std::same_as<T, double> || stored->matrix->dtype != DType::f64)) return 0;
  const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
  const Shape shape = a.shape();
  const auto sides = static_cast<double>(shape.rows + shape.columns);
  const double frobenius = blas::norm(formed.a.values());
  if (stored != nullptr) return unit * frobenius;  // each entry was rounded once
  const double norm = std::max(frobenius, std::ldexp(uncanceled_norm(a, context), -formed.exponent));
  return 8 * unit * sides * norm;
}

// The smallest triplets of the triangular factor.
template <Real T>
OfFactor solve_factor(Matrix<double> r, double formed_error, const Task<T>& task, Context& context) {
  OfFactor found;
  const RandomState random = task.random;
  if (task.k() * kFewSmallestTriplets > r.rows()) {
    lapack::Decomposition all = lapack::decompose(r.view(), r.rows() - task.k(), task.k());
    found.triplets = std::move(all.wanted);
    found.largest = all.sigma.front();
    found.right.random = random;
    return found;
  }
  found.largest = largest_value(r, random, context);
  const LanczosOptions inner = to_rounding(task, random);
  Matrix<double> solvable = r;
  triangular::lift_diagonal(solvable);
  const bool singular = triangular::is_singular(solvable);
  if (singular) solvable = triangular::regularized(r);
  found.right = smallest_right_vectors(solvable, found.largest, inner, context);
  if (task.check != Check::none && found.right.outcome == SvdOutcome::converged) {
    ComplementOptions check;
    check.convergence = inner.convergence;
    if (task.check == Check::full) check.failure_probability = task.failure_probability;
    check.max_products = task.max_products - found.right.products;
    found.checked = check_smallest(r, found.largest, formed_error, found.right, check, context);
  }
  found.triplets = singular ? of_singular(r, found.right, found.largest, inner, context)
                            : triangular::refine(solvable, found.right.v);
  return found;
}

}  // namespace

// A = Q R (of A^T if A is wide), then everything with R, and u = Q u_R at the end.
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const InverseLanczos&, Context& context) {
  const SerialBlas serial;
  const FormedMatrix formed = form(a, context);
  const Shape shape = a.shape();
  if (formed.zero) {
    SvdResult<T> result = result_of(formed, zero_triplets(shape, task.k()), 0, task);
    result.statistics.method = InverseLanczos{};
    return result;
  }
  const bool wide = shape.rows < shape.columns;
  Matrix<double> factors = wide ? lapack::transposed(formed.a.view()) : formed.a;
  context.check_cancel();
  const lapack::Qr qr(factors.view());
  Matrix<double> r = qr.r();
  context.check_cancel();
  OfFactor found = solve_factor(std::move(r), formed_error(a, formed, context), task, context);
  found.triplets.u = qr.times(found.triplets.u.view());
  if (wide) std::swap(found.triplets.u, found.triplets.v);
  SvdResult<T> result = result_of(formed, found.triplets, found.largest, task);
  result.statistics.method = InverseLanczos{};
  result.statistics.products += found.right.products;
  result.state.random = found.right.random;
  result.outcome = found.right.outcome;
  result.statistics.joined = found.checked.joined;
  // Vectors of values at the level of rounding cannot always be computed.
  const double worst = *std::max_element(result.residual.begin(), result.residual.end());
  if (result.outcome == SvdOutcome::converged && task.check != Check::none && !(worst <= kGood)) {
    result.outcome = SvdOutcome::unconfirmed;
  }
  if (!found.checked.lower.empty()) {
    result.checked = CheckedValues{std::move(found.checked.lower), task.failure_probability};
    for (double& value : result.checked->bound) value = std::ldexp(value, formed.exponent);
  }
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const InverseLanczos&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const InverseLanczos&,
                                         Context&);

}  // namespace sigmax
