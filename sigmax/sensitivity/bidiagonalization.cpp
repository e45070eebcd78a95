#include "sigmax/sensitivity/bidiagonalization.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::sensitivity {
namespace {

// |x| of any size; throws Error if a number is not finite.
template <Real T>
double norm_of(std::span<const T> x) {
  require_finite(x, "Tikhonov", "a vector or a product of the operator");
  double largest = 0;
  for (const T value : x) largest = std::fmax(largest, std::fabs(static_cast<double>(value)));
  if (largest == 0) return 0;
  double square = 0;
  for (const T value : x) square += (static_cast<double>(value) / largest) * (static_cast<double>(value) / largest);
  return largest * std::sqrt(square);
}

// x <- x - Q Q^T x, twice, for the columns of Q; sums in double. Entries of x may be of any size.
template <Real T>
void orthogonalize(const std::vector<std::vector<T>>& q, std::vector<T>& x) {
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::vector<T>& column : q) {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(column[i]) * static_cast<double>(x[i]);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<T>(static_cast<double>(x[i]) - sum * static_cast<double>(column[i]));
      }
    }
  }
}

template <Real T>
void divide(std::vector<T>& x, double norm) {
  for (T& value : x) value = static_cast<T>(static_cast<double>(value) / norm);
}

}  // namespace

// beta_1 u_1 = b;  alpha_1 v_1 = A^T u_1
// beta_{j+1} u_{j+1} = A v_j - alpha_j u_j;  alpha_{j+1} v_{j+1} = A^T u_{j+1} - beta_{j+1} v_j
template <Real T>
Bidiagonalization<T> bidiagonalize(const LinearOperator<T>& a, std::span<const T> b, std::int64_t steps,
                                   Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[Tikhonov] the operator is {}x{}, without entries", shape.rows, shape.columns));
  }
  if (std::ssize(b) != shape.rows) {
    throw Error(fmt::format("[Tikhonov] b must have {} entries, got {}", shape.rows, b.size()));
  }
  if (steps < 1) throw Error(fmt::format("[Tikhonov] at least one step is needed, got {}", steps));
  Bidiagonalization<T> result;
  result.norm_of_b = norm_of(b);
  if (result.norm_of_b == 0) return result;
  const auto columns = static_cast<std::size_t>(shape.columns);
  std::vector<std::vector<T>> u, v;
  u.emplace_back(b.begin(), b.end());
  divide(u.back(), result.norm_of_b);
  std::vector<double> alpha, beta;
  double largest = 0;
  const double unit = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
  double next = 0;
  for (std::int64_t step = 0; step <= steps; ++step) {
    context.check_cancel();
    std::vector<T> right(columns);
    a.apply_adjoint(MatrixView<const T>(u.back()), MatrixView<T>(right), context);
    orthogonalize(v, right);
    next = norm_of<T>(right);
    if (!(next > unit * largest) || std::cmp_greater_equal(v.size(), columns)) next = 0;
    if (next == 0 || step == steps) break;
    largest = std::fmax(largest, next);
    divide(right, next);
    v.push_back(std::move(right));
    alpha.push_back(next);
    std::vector<T> left(b.size());
    a.apply(MatrixView<const T>(v.back()), MatrixView<T>(left), context);
    orthogonalize(u, left);
    const double size = norm_of<T>(left);
    if (!(size > unit * largest) || u.size() >= b.size()) {
      next = 0;
      break;
    }
    largest = std::fmax(largest, size);
    divide(left, size);
    u.push_back(std::move(left));
    beta.push_back(size);
  }
  const auto k = static_cast<std::int64_t>(alpha.size());
  result.exponent = largest > 0 ? std::ilogb(largest) : 0;
  const auto moved = [&](double value) { return std::ldexp(value, static_cast<int>(-result.exponent)); };
  result.bidiagonal = Matrix<double>(static_cast<std::int64_t>(k == 0 ? 1 : k + (beta.size() == alpha.size())), k);
  result.v = Matrix<double>(shape.columns, k);
  for (std::int64_t j = 0; j < k; ++j) {
    const auto at = static_cast<std::size_t>(j);
    result.bidiagonal(j, j) = moved(alpha[at]);
    if (at < beta.size()) result.bidiagonal(j + 1, j) = moved(beta[at]);
    std::ranges::transform(v[at], result.v.column(j).begin(), [](T value) { return static_cast<double>(value); });
  }
  result.next = moved(next);
  return result;
}

template Bidiagonalization<float> bidiagonalize(const LinearOperator<float>&, std::span<const float>, std::int64_t,
                                                Context&);
template Bidiagonalization<double> bidiagonalize(const LinearOperator<double>&, std::span<const double>, std::int64_t,
                                                 Context&);

}  // namespace sigmax::sensitivity
