// Matrices with known triplets, random cotangents, and derivatives of triplets by methods other than grad/'s: the
// formula over all triplets in long double, and finite differences of LAPACK's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::problems {

/// Every named solver, including Auto.
inline const std::vector<GradientSolver>& every_solver() {
  static const std::vector<GradientSolver> all = []<std::size_t... Is>(std::index_sequence<Is...>) {
    return std::vector<GradientSolver>{std::variant_alternative_t<Is, GradientSolver>{}...};
  }
  (std::make_index_sequence<std::variant_size_v<GradientSolver>>());
  return all;
}

inline GradientOptions by(const GradientSolver& solver, double tolerance = 1e-12) {
  GradientOptions options;
  options.solver = solver;
  options.tolerance = tolerance;
  return options;
}

/// All min(rows, columns) triplets of a matrix, in long double.
struct AllTriplets {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<long double> s;
  std::vector<std::vector<long double>> x;
  std::vector<std::vector<long double>> y;
};

/// A = X diag(s) Y^T with min(rows, columns) known triplets.
struct Known {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<double> s;
  std::uint64_t seed = 1;
  std::vector<double> entries = gallery::with_singular_values(rows, columns, s, seed);
  std::vector<std::vector<long double>> x = gallery::orthonormal(rows, std::min(rows, columns), 2 * seed);
  std::vector<std::vector<long double>> y = gallery::orthonormal(columns, std::min(rows, columns), 2 * seed + 1);

  Operator<double> a() const { return dense<double>(Tensor::copy_of(entries, {rows, columns})); }
  AllTriplets triplets() const { return {rows, columns, {s.begin(), s.end()}, x, y}; }

  /// The distance of value i from its nearest neighbor, relative to the largest: 0 for a value of zero.
  double gap(std::size_t i) const {
    if (!(s[i] > 0)) return 0;
    double least = s[i];
    if (i > 0) least = std::min(least, s[i - 1] - s[i]);
    if (i + 1 < s.size()) least = std::min(least, s[i] - s[i + 1]);
    return least / s.front();
  }
  double least_gap(std::int64_t k) const {
    double least = 1;
    for (std::int64_t i = 0; i < k; ++i) least = std::min(least, gap(static_cast<std::size_t>(i)));
    return least;
  }
};

inline SvdOptions<double> to_rounding(std::int64_t k) {
  auto options = repeatable<SvdOptions<double>>();
  options.k = k;
  options.accuracy = Accuracy::vectors;
  options.tolerance = 1e-15;
  options.method = DenseLapack{};
  return options;
}

template <Real T = double>
Matrix<T> random_block(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix<T> block(rows, columns);
  const std::vector<double> values = gallery::normal(rows * columns, seed);
  std::transform(values.begin(), values.end(), block.values().begin(), [](double x) { return static_cast<T>(x); });
  return block;
}

template <Real T = double>
SvdCotangent<T> random_cotangent(Shape shape, std::int64_t k, std::uint64_t seed = 105) {
  return {gallery::normal(k, seed), random_block<T>(shape.rows, k, seed + 1),
          random_block<T>(shape.columns, k, seed + 2)};
}

/// A matrix of long doubles, row-major.
struct Dense {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<long double> entries = std::vector<long double>(static_cast<std::size_t>(rows * columns));

  void add(long double weight, std::span<const long double> left, std::span<const long double> right) {
    for (std::size_t i = 0; i < left.size(); ++i) {
      for (std::size_t j = 0; j < right.size(); ++j) entries[i * right.size() + j] += weight * left[i] * right[j];
    }
  }
  double norm() const {
    long double sum = 0;
    for (const long double value : entries) sum += value * value;
    return static_cast<double>(std::sqrt(sum));
  }
  double distance(const Dense& other) const {
    long double sum = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) sum += std::pow(entries[i] - other.entries[i], 2);
    return static_cast<double>(std::sqrt(sum));
  }
};

template <Real T>
Dense as_matrix(const OuterSum<T>& sum) {
  Dense g{sum.u.rows(), sum.v.rows()};
  for (std::int64_t k = 0; k < sum.u.columns(); ++k) {
    const std::vector<long double> left(sum.u.column(k).begin(), sum.u.column(k).end());
    const std::vector<long double> right(sum.v.column(k).begin(), sum.v.column(k).end());
    g.add(sum.weights[static_cast<std::size_t>(k)], left, right);
  }
  return g;
}

inline long double inner(const std::vector<long double>& x, std::span<const double> y) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

/// dL/dA by the sum over all triplets: with P_ji = x_j^T dA y_i, and S_ji = x_j^T phi_i, R_ji = y_j^T psi_i, triplet i
/// turns toward every other j by (S_ji (s_i P_ji + s_j P_ij) + R_ji (s_j P_ji + s_i P_ij)) / (s_i^2 - s_j^2), and
/// toward the complement of all of them by 1 / s_i. The known vectors take the signs of `found`.
inline Dense gradient_by_all_triplets(const AllTriplets& known, const SvdResult<double>& found,
                                      const SvdCotangent<double>& cotangent) {
  Dense g{known.rows, known.columns};
  for (std::size_t i = 0; i < found.sigma.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i);
    const long double sign = inner(known.x[i], found.u.column(column)) < 0 ? -1 : 1;
    const std::span<const double> phi = cotangent.u.column(column);
    const std::span<const double> psi = cotangent.v.column(column);
    std::vector<long double> beyond_x(phi.begin(), phi.end());
    std::vector<long double> beyond_y(psi.begin(), psi.end());
    const long double si = known.s[i];
    for (std::size_t j = 0; j < known.s.size(); ++j) {
      const long double s_ji = inner(known.x[j], phi);
      const long double r_ji = inner(known.y[j], psi);
      for (std::size_t l = 0; l < beyond_x.size(); ++l) beyond_x[l] -= s_ji * known.x[j][l];
      for (std::size_t l = 0; l < beyond_y.size(); ++l) beyond_y[l] -= r_ji * known.y[j][l];
      if (j == i) continue;
      const long double sj = known.s[j];
      const long double over = sign / ((si - sj) * (si + sj));
      g.add((s_ji * si + r_ji * sj) * over, known.x[j], known.y[i]);
      g.add((s_ji * sj + r_ji * si) * over, known.x[i], known.y[j]);
    }
    g.add(cotangent.sigma[i], known.x[i], known.y[i]);
    g.add(sign / si, beyond_x, known.y[i]);
    g.add(sign / si, known.x[i], beyond_y);
  }
  return g;
}

/// Rotates the vectors so that they are nearest to those of `like`.
inline void align(SvdResult<double>& found, const SvdResult<double>& like) {
  for (std::int64_t i = 0; i < found.u.columns(); ++i) {
    double sum = 0;
    for (std::int64_t l = 0; l < found.u.rows(); ++l) sum += found.u(l, i) * like.u(l, i);
    if (sum >= 0) continue;
    for (double& value : found.u.column(i)) value = -value;
    for (double& value : found.v.column(i)) value = -value;
  }
}

/// xi^T sigma + <phi, u> + <psi, v>, the vectors aligned with those of `like`.
inline double loss(const LinearOperator<double>& a, const SvdCotangent<double>& weights, const SvdResult<double>& like,
                   Context& context) {
  SvdResult<double> found = svd(a, to_rounding(static_cast<std::int64_t>(like.sigma.size())), context);
  align(found, like);
  double sum = 0;
  for (std::size_t i = 0; i < found.sigma.size(); ++i) sum += weights.sigma[i] * found.sigma[i];
  for (std::size_t i = 0; i < found.u.values().size(); ++i) sum += weights.u.values()[i] * found.u.values()[i];
  for (std::size_t i = 0; i < found.v.values().size(); ++i) sum += weights.v.values()[i] * found.v.values()[i];
  return sum;
}

/// f'(0) from four values by Richardson's extrapolation of central differences; the error is of the order of h^4 f^(5)
/// and of rounding over h.
template <class F>
double derivative(const F& f, double h) {
  const double coarse = (f(2 * h) - f(-2 * h)) / (4 * h);
  const double fine = (f(h) - f(-h)) / (2 * h);
  return (4 * fine - coarse) / 3;
}

/// sum_i w_i u_i^T B v_i for a row-major B.
template <Real T>
double pairing(const OuterSum<T>& sum, std::span<const double> b) {
  const Dense g = as_matrix(sum);
  long double total = 0;
  for (std::size_t i = 0; i < b.size(); ++i) total += g.entries[i] * b[i];
  return static_cast<double>(total);
}

}  // namespace sigmax::problems
