#include "sigmax/sensitivity/nearest_singular.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <utility>
#include <variant>

#include "sigmax/bounds/pseudo_inverse.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::sensitivity {
namespace {

std::size_t extent(const Tensor& matrix, std::size_t axis) { return static_cast<std::size_t>(matrix.shape()[axis]); }

NearestSingular no_change(const Tensor& matrix, const Enclosure& distance) {
  return {std::vector<double>(extent(matrix, 0), 0.0), std::vector<double>(extent(matrix, 1), 0.0), 0, distance};
}

// E = -sigma u v^T
template <Real T>
NearestSingular by_triplet(const LinearOperator<T>& a, const Enclosure& distance, const ConditionOptions& options,
                           Context& context) {
  SvdOptions<T> search;
  search.which = Which::smallest;
  search.random = options.certify.random;
  search.tolerance = std::same_as<T, double> ? 1e-14 : 1e-6;
  search.accuracy = Accuracy::vectors;
  search.check = Check::none;
  const SvdResult<T> found = svd(a, search, context);
  return {{found.u.column(0).begin(), found.u.column(0).end()},
          {found.v.column(0).begin(), found.v.column(0).end()},
          found.sigma.front(),
          distance};
}

// The approximate inverse X of A, in units: A^-1 = 2^exponent X.
bounds::PseudoInverse inverse_of(const Tensor& matrix, const ConditionOptions& options, Context& context) {
  ScannedMatrix scanned(stored_view(matrix), context);
  bounds::PseudoInverse found =
      bounds::enclose_pseudo_inverse(scanned, {.two = false, .entries = true}, options.certify, context);
  if (found.inverse.empty()) {
    throw Error(fmt::format(
        "[nearest_singular] no inverse of the {} matrix could be verified: it is singular, or nearly so, or "
        "larger than CertifyOptions::proven_up_to. Its nearest singular matrix is found in the 2-norm",
        to_string(matrix.shape())));
  }
  return found;
}

double moved(double size, std::int64_t exponent) {
  return std::ldexp(size, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
}

void require_square(const Tensor& matrix) {
  if (matrix.shape()[0] == matrix.shape()[1]) return;
  throw Error(
      fmt::format("[nearest_singular] a {} matrix in a norm other than the 2- and Frobenius norm: no formula is "
                  "known; pass 2 or fro",
                  to_string(matrix.shape())));
}

// b = e_j for the largest column of A^-1
NearestSingular by_column(const bounds::PseudoInverse& inverse, const Enclosure& distance) {
  const Matrix<double>& x = inverse.inverse;
  std::int64_t best = 0;
  double largest = -1;
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    double sum = 0;
    for (const double value : x.column(j)) sum += std::fabs(value);
    if (sum > largest) largest = sum, best = j;
  }
  NearestSingular result{std::vector<double>(static_cast<std::size_t>(x.columns()), 0.0), {}, 0, distance};
  result.x[static_cast<std::size_t>(best)] = 1;
  for (const double value : x.column(best)) result.y.push_back(value < 0 ? -1 : 1);
  result.size = moved(1 / largest, -inverse.exponent);
  return result;
}

// b = the signs of the largest row of A^-1
NearestSingular by_row(const bounds::PseudoInverse& inverse, const Enclosure& distance) {
  const Matrix<double>& x = inverse.inverse;
  std::vector<double> sums(static_cast<std::size_t>(x.rows()), 0.0);
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    for (std::int64_t i = 0; i < x.rows(); ++i) sums[static_cast<std::size_t>(i)] += std::fabs(x(i, j));
  }
  const auto best = std::ranges::max_element(sums);
  const std::int64_t row = best - sums.begin();
  NearestSingular result{{}, std::vector<double>(sums.size(), 0.0), moved(1 / *best, -inverse.exponent), distance};
  for (std::int64_t j = 0; j < x.columns(); ++j) result.x.push_back(x(row, j) < 0 ? -1 : 1);
  result.y[static_cast<std::size_t>(row)] = 1;
  return result;
}

}  // namespace

NearestSingular nearest_singular(const Tensor& matrix, const norms::Norm& which, const ConditionOptions& options,
                                 Context& context) {
  const FloatingEnvironment environment;
  const Condition known = condition(matrix, which, options, context);
  if (known.singular) return no_change(matrix, known.distance);
  if (std::holds_alternative<norms::Spectral>(which) || std::holds_alternative<norms::Frobenius>(which)) {
    return by_triplet(*dense<double>(matrix), known.distance, options, context);
  }
  require_square(matrix);
  const bounds::PseudoInverse inverse = inverse_of(matrix, options, context);
  return std::holds_alternative<norms::RowSum>(which) ? by_row(inverse, known.distance)
                                                      : by_column(inverse, known.distance);
}

NearestSingular nearest_singular(const Tensor& matrix, double p, double q, const ConditionOptions& options,
                                 Context& context) {
  const FloatingEnvironment environment;
  const Condition known = condition(matrix, p, q, options, context);
  if (known.singular) return no_change(matrix, known.distance);
  if (p == 1 && q == 1) return by_column(inverse_of(matrix, options, context), known.distance);
  if (p == kInfinity && q == kInfinity) return by_row(inverse_of(matrix, options, context), known.distance);
  const bounds::PseudoInverse inverse = inverse_of(matrix, options, context);
  norms::InducedOptions search;
  search.enclose = false;
  search.random = options.certify.random;
  const Tensor x = Tensor::view_of(inverse.inverse.values(), matrix.shape(), {1, inverse.inverse.rows()});
  norms::InducedNorm found = norms::induced_norm(x, q, p, search, context);
  return {std::move(found.x), std::move(found.z), moved(1 / found.value, -inverse.exponent), known.distance};
}

template <Real T>
NearestSingular nearest_singular(const LinearOperator<T>& a, const norms::Norm& which, const ConditionOptions& options,
                                 Context& context) {
  const FloatingEnvironment environment;
  if (!std::holds_alternative<norms::Spectral>(which) && !std::holds_alternative<norms::Frobenius>(which)) {
    throw Error(
        fmt::format("[nearest_singular] the norm {} of an operator: pass 2 or fro, or make it a stored matrix "
                    "by materialize()",
                    norms::spelling_of(which)));
  }
  // Eckart and Young: the same distance in both norms, and kappa_2 is known for more operators.
  const Condition known = condition(a, norms::Spectral{}, options, context);
  return by_triplet(a, known.distance, options, context);
}

template NearestSingular nearest_singular<float>(const LinearOperator<float>&, const norms::Norm&,
                                                 const ConditionOptions&, Context&);
template NearestSingular nearest_singular<double>(const LinearOperator<double>&, const norms::Norm&,
                                                  const ConditionOptions&, Context&);

}  // namespace sigmax::sensitivity
