// The two checks for every set of singular triplets: orthonormal columns, and residuals from the entries of A. Both
// return infinity if anything is NaN, so that EXPECT_LE(error, tolerance) fails.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::checks {

/// The largest of the added values; infinite once a NaN was added. std::max(largest, NaN) would return `largest`.
class Largest {
 public:
  void add(long double value) {
    if (value <= value_) return;
    value_ = std::isnan(value) ? std::numeric_limits<long double>::infinity() : value;
  }
  double value() const { return static_cast<double>(value_); }

 private:
  long double value_ = 0;
};

/// max |X^T X - I| over the entries of the `count` columns column(0), column(1), ..., in long double.
template <class Column>
double orthonormality_error(std::int64_t count, const Column& column) {
  Largest largest;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      const auto x = column(i), y = column(j);
      long double sum = i == j ? -1 : 0;
      for (std::size_t l = 0; l < x.size(); ++l) sum += static_cast<long double>(x[l]) * static_cast<long double>(y[l]);
      largest.add(std::fabs(sum));
    }
  }
  return largest.value();
}

template <Real T>
double orthonormality_error(const Matrix<T>& x) {
  return orthonormality_error(x.columns(), [&x](std::int64_t j) { return x.column(j); });
}

/// |A v - sigma u| and |A^T u - sigma v|.
struct Residuals {
  double forward = 0;
  double backward = 0;

  double larger() const {
    Largest both;
    both.add(forward);
    both.add(backward);
    return both.value();
  }
};

/// The residuals of one triplet, divided by `scale`, from the row-major entries of A, in long double.
template <Real T>
Residuals residuals_of(std::span<const double> entries, double sigma, std::span<const T> u, std::span<const T> v,
                       double scale = 1) {
  std::vector<long double> forward(u.size()), backward(v.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    for (std::size_t j = 0; j < v.size(); ++j) {
      const long double entry = entries[i * v.size() + j];
      forward[i] += entry * v[j];
      backward[j] += entry * u[i];
    }
  }
  const auto distance = [=](const std::vector<long double>& product, std::span<const T> x) {
    long double squares = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double difference = (product[i] - static_cast<long double>(sigma) * x[i]) / scale;
      squares += difference * difference;
    }
    Largest norm;
    norm.add(std::sqrt(squares));
    return norm.value();
  };
  return {distance(forward, u), distance(backward, v)};
}

/// The residuals of triplet i of a result, divided by `scale`.
template <Real T>
Residuals residuals_of(std::span<const double> entries, const SvdResult<T>& result, std::int64_t i, double scale = 1) {
  return residuals_of<T>(entries, result.sigma[static_cast<std::size_t>(i)], result.u.column(i), result.v.column(i),
                         scale);
}

/// The largest residual over all triplets of a result and both sides.
template <Real T>
double largest_residual(std::span<const double> entries, const SvdResult<T>& result) {
  Largest largest;
  for (std::size_t i = 0; i < result.sigma.size(); ++i) {
    largest.add(residuals_of(entries, result, static_cast<std::int64_t>(i)).larger());
  }
  return largest.value();
}

}  // namespace sigmax::checks
