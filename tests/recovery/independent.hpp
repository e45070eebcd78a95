// Nuclear-norm problems solved once more, in dense doubles, by other algorithms than the library's and with LAPACK's
// full SVD: what the enclosures are compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/sparse.hpp"

namespace sigmax::independent {

using Dense = Matrix<double>;

struct Shrunk {
  Dense x;
  double nuclear = 0;
};

/// U diag(sigma - t)_+ V^T
inline Shrunk shrink(Dense a, double t) {
  const SerialBlas serial;
  const std::int64_t rows = a.rows();
  const std::int64_t columns = a.columns();
  const std::int64_t n = std::min(rows, columns);
  const lapack::Svd svd = lapack::decompose(a.view(), 0, n).wanted;
  Shrunk result{Dense(rows, columns)};
  for (std::int64_t k = 0; k < n; ++k) {
    const double s = svd.sigma[static_cast<std::size_t>(k)] - t;
    if (s <= 0) break;
    result.nuclear += s;
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) result.x(i, j) += svd.u(i, k) * s * svd.v(j, k);
    }
  }
  return result;
}

inline double sigma_max(Dense a) {
  const SerialBlas serial;
  return lapack::singular_values(a.view()).front();
}

inline double nuclear(Dense a) {
  const SerialBlas serial;
  double sum = 0;
  for (const double s : lapack::singular_values(a.view())) sum += s;
  return sum;
}

/// What a solver has shown, except for rounding: lower <= optimum <= upper.
struct Ends {
  double lower = 0;
  double upper = 0;
  double gap() const { return (upper - lower) / upper; }
};

/// A matrix and where it is observed.
struct Masked {
  Dense m;
  std::vector<char> seen;  ///< column-major
  bool at(std::size_t e) const { return seen[e] != 0; }

  SparseMatrix observed() const {
    std::vector<std::int64_t> row;
    std::vector<std::int64_t> column;
    std::vector<double> value;
    for (std::size_t e = 0; e < seen.size(); ++e) {
      if (!at(e)) continue;
      row.push_back(static_cast<std::int64_t>(e) % m.rows());
      column.push_back(static_cast<std::int64_t>(e) / m.rows());
      value.push_back(m.values()[e]);
    }
    return {{m.rows(), m.columns()}, row, column, value};
  }
};

inline double dot(const Dense& x, const Dense& y) {
  double sum = 0;
  for (std::size_t e = 0; e < x.values().size(); ++e) sum += x.values()[e] * y.values()[e];
  return sum;
}

/// 1/2 |P(M - X)|^2 + lambda |X|_* by proximal gradient steps of length 1 with Nesterov's momentum, until the gap is
/// met.
inline Ends soft_impute(const Masked& p, double lambda, double gap, int steps = 20000) {
  Dense x(p.m.rows(), p.m.columns());
  Dense before = x;
  double t = 1;
  Ends best{0, HUGE_VAL};
  for (int step = 0; step < steps; ++step) {
    const double next = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    Dense z = x;
    for (std::size_t e = 0; e < z.values().size(); ++e) {
      z.values()[e] += (t - 1) / next * (x.values()[e] - before.values()[e]);
      if (p.at(e)) z.values()[e] = p.m.values()[e];
    }
    before = std::move(x);
    const Shrunk found = shrink(std::move(z), lambda);
    x = found.x;
    t = step % 50 == 49 ? 1 : next;
    if (step % 10 != 9) continue;
    Dense y(p.m.rows(), p.m.columns());
    for (std::size_t e = 0; e < y.values().size(); ++e) y.values()[e] = p.at(e) ? p.m.values()[e] - x.values()[e] : 0;
    const double square = dot(y, y);
    const double c = std::min(lambda / sigma_max(y), dot(y, p.m) / square);
    best.upper = std::min(best.upper, square / 2 + lambda * found.nuclear);
    best.lower = std::max(best.lower, c * dot(y, p.m) - c * c * square / 2);
    if (best.gap() <= gap) break;
  }
  return best;
}

/// min |X|_* with the observed entries fixed, by Douglas and Rachford's splitting on the dense matrix:
/// X = the projection of Z onto the entries, Z <- Z + shrink(2 X - Z) - X. Every X fits exactly.
inline Ends complete(const Masked& p, double step, double gap, int steps = 20000) {
  Dense z(p.m.rows(), p.m.columns());
  Ends best{0, HUGE_VAL};
  for (int i = 0; i < steps; ++i) {
    Dense x = z;
    for (std::size_t e = 0; e < x.values().size(); ++e) {
      if (p.at(e)) x.values()[e] = p.m.values()[e];
    }
    Dense reflected = x;
    for (std::size_t e = 0; e < x.values().size(); ++e) reflected.values()[e] = 2 * x.values()[e] - z.values()[e];
    const Dense s = shrink(reflected, step).x;
    if (i % 10 == 9) {
      // (2 X - Z - S) / step is a subgradient of the nuclear norm at S, and lies on the entries in the limit.
      Dense y(p.m.rows(), p.m.columns());
      for (std::size_t e = 0; e < y.values().size(); ++e) {
        y.values()[e] = p.at(e) ? reflected.values()[e] - s.values()[e] : 0;
      }
      best.upper = std::min(best.upper, nuclear(x));
      best.lower = std::max(best.lower, dot(y, p.m) / sigma_max(y));
      if (best.gap() <= gap) break;
    }
    for (std::size_t e = 0; e < z.values().size(); ++e) z.values()[e] += s.values()[e] - x.values()[e];
  }
  return best;
}

/// |L|_* + lambda |M - L|_1 by the same splitting: L = M - (M - Z shrunk entrywise), Z <- Z + shrink(2 L - Z) - L.
inline Ends robust_pca(const Dense& m, double lambda, double step, double gap, int steps = 20000) {
  Dense z(m.rows(), m.columns());
  Ends best{0, HUGE_VAL};
  for (int i = 0; i < steps; ++i) {
    Dense x = z;
    Dense reflected = z;
    Dense y = z;
    double error = 0;
    for (std::size_t e = 0; e < x.values().size(); ++e) {
      const double rest = m.values()[e] - z.values()[e];
      const double s = std::copysign(std::max(std::fabs(rest) - lambda * step, 0.0), rest);
      x.values()[e] = m.values()[e] - s;
      error += std::fabs(s);
      y.values()[e] = (rest - s) / step;  // a subgradient of lambda |.|_1 at M - X: no entry exceeds lambda
      reflected.values()[e] = 2 * x.values()[e] - z.values()[e];
    }
    const Dense low = shrink(reflected, step).x;
    if (i % 10 == 9) {
      best.upper = std::min(best.upper, nuclear(x) + lambda * error);
      best.lower = std::max(best.lower, dot(y, m) / std::max(sigma_max(y), 1.0));
      if (best.gap() <= gap) break;
    }
    for (std::size_t e = 0; e < z.values().size(); ++e) z.values()[e] += low.values()[e] - x.values()[e];
  }
  return best;
}

/// A random matrix of this rank, entries of order 1, with a share of entries observed; every row and column has one.
inline Masked low_rank_problem(std::int64_t rows, std::int64_t columns, std::int64_t rank, double share,
                               std::uint64_t seed, double noise = 0) {
  const std::vector<double> u = gallery::normal(rows * rank, 4 * seed);
  const std::vector<double> v = gallery::normal(columns * rank, 4 * seed + 1);
  const std::vector<double> e = gallery::normal(rows * columns, 4 * seed + 2);
  std::vector<double> coin(static_cast<std::size_t>(rows * columns));
  static_cast<void>(fill_uniform(random_state(4 * seed + 3), coin));
  Masked p{Dense(rows, columns), std::vector<char>(coin.size())};
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto at = static_cast<std::size_t>(i + j * rows);
      for (std::int64_t k = 0; k < rank; ++k) {
        p.m(i, j) += u[static_cast<std::size_t>(i + k * rows)] * v[static_cast<std::size_t>(j + k * columns)];
      }
      p.m(i, j) += noise * e[at];
      p.seen[at] = coin[at] < share || i % columns == j || j % rows == i ? 1 : 0;
    }
  }
  return p;
}

}  // namespace sigmax::independent
