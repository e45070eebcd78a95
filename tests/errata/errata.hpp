// What the tests of docs/errata.md share: small matrices and their norms by name.
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/norm.hpp"
#include "support/dense.hpp"
#include "support/enclosure.hpp"
#include "tolerance.hpp"

namespace sigmax::errata {

using dense_support::matrix;
using dense_support::tensor;

inline double norm(const Matrix<double>& a, std::string_view ord) {
  Context context(1);
  norms::NormOptions options = repeatable<norms::NormOptions>();
  options.enclose = false;
  return norms::norm(tensor(a), norms::parse_norm(ord), options, context).value;
}

/// The proven enclosure of |A|_{p -> q}.
inline Enclosure induced(const Matrix<double>& a, double p, double q) {
  Context context(1);
  return norms::induced_norm(tensor(a), p, q, repeatable<norms::InducedOptions>(), context).enclosure;
}

inline Matrix<double> times(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.columns());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < b.columns(); ++j) {
      for (std::int64_t l = 0; l < a.columns(); ++l) c(i, j) += a(i, l) * b(l, j);
    }
  }
  return c;
}

/// a + t b
inline Matrix<double> plus(Matrix<double> a, double t, const Matrix<double>& b) {
  for (std::size_t i = 0; i < a.values().size(); ++i) a.values()[i] += t * b.values()[i];
  return a;
}

inline Matrix<double> identity(std::int64_t n) {
  Matrix<double> a(n, n);
  for (std::int64_t i = 0; i < n; ++i) a(i, i) = 1;
  return a;
}

/// Norms of matrices as small as these are wrong by a few roundings.
inline double near(double value) { return tolerance::relative(8, 8, std::fabs(value), 16); }

inline void expect_contains(const Enclosure& e, double value) { support::expect_contains(e, value, near(value)); }

using tolerance::kOutward;

}  // namespace sigmax::errata
