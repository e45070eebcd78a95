// Hostile matrices and expressions of them, with their exact values, for the hunt for wrong enclosures.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::hunt {

/// sigma_max, and a bound on the error of the reference.
struct Truth {
  long double value = 0;
  long double error = 0;
};

inline bool contains(const Enclosure& e, const Truth& truth) {
  return static_cast<long double>(e.lower.value()) <= truth.value + truth.error &&
         (!e.upper || truth.value - truth.error <= static_cast<long double>(e.upper->value()));
}

inline std::string show(const Enclosure& e, const Truth& truth) {
  return fmt::format("[{:.17g}, {:.17g}] against {:.20Lg} +- {:.2Lg}", e.lower.value(),
                     e.upper ? e.upper->value() : INFINITY, truth.value, truth.error);
}

/// A row-major matrix in long double, with `error` a bound on the Frobenius norm of its difference from the exact one.
struct Exact {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<long double> values;
  long double error = 0;

  long double frobenius() const {
    long double sum = 0;
    for (const long double value : values) sum += value * value;
    return std::sqrt(sum);
  }

  Truth sigma_max() const {
    const long double value = gallery::reference_singular_values(values, rows, columns)[0];
    return {value, error + 0x1p-56L * value};
  }
};

/// An operator and its exact matrix.
template <Real T>
struct Specimen {
  Operator<T> op;
  Exact exact;
  std::string what;
  bool finite = true;  ///< false: entries beyond the range of their storage type
};

/// A sequence of hostile specimens, all from one seed.
class Hostile {
 public:
  explicit Hostile(unsigned seed) : random_(seed) {}

  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  double normal() { return std::normal_distribution<double>()(random_); }
  std::size_t extent() { return static_cast<std::size_t>(pick(4) == 0 ? 1 + pick(3) : 1 + pick(22)); }

  /// A stored matrix of a random kind, scale, storage type and order in memory.
  template <Real T>
  Specimen<T> stored(std::size_t rows, std::size_t columns, bool wild = true) {
    const int kind = pick(11);
    const int scale = pick(wild ? 6 : 40);
    const double factor = scale == 0 ? 1e-300 : scale == 1 ? 1e300 : scale == 2 ? 1e-30 : 1;
    std::vector<double> values(rows * columns);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) values[i * columns + j] = entry(kind, i, j);
    }
    if (kind == 9) make_rank_one(values, columns);
    for (double& value : values) value *= factor;
    const DType dtype = gallery::kStorageTypes[pick(4)];
    return of_values<T>(values, rows, columns, dtype, pick(3) == 0,
                        fmt::format("{}x{} {} kind {} scale {}", rows, columns, name(dtype), kind, factor));
  }

  /// A random tree of sums, products, factors, transposes and stacks.
  template <Real T>
  Specimen<T> tree(std::size_t rows, std::size_t columns, int depth) {
    if (depth == 0) return stored<T>(rows, columns, pick(3) == 0);
    switch (pick(7)) {
      case 0: return sum(tree<T>(rows, columns, depth - 1), tree<T>(rows, columns, depth - 1));
      case 1: {
        const std::size_t inner = extent();
        return product(tree<T>(rows, inner, depth - 1), tree<T>(inner, columns, depth - 1));
      }
      case 2: return times(factor(), tree<T>(rows, columns, depth - 1));
      case 3: return transposed(tree<T>(columns, rows, depth - 1));
      case 4: {
        if (rows < 2) return tree<T>(rows, columns, depth - 1);
        const std::size_t top = 1 + static_cast<std::size_t>(pick(static_cast<int>(rows) - 1));
        return stack(tree<T>(top, columns, depth - 1), tree<T>(rows - top, columns, depth - 1), true);
      }
      case 5: {
        if (columns < 2) return tree<T>(rows, columns, depth - 1);
        const std::size_t left = 1 + static_cast<std::size_t>(pick(static_cast<int>(columns) - 1));
        return stack(tree<T>(rows, left, depth - 1), tree<T>(rows, columns - left, depth - 1), false);
      }
      default: {  // W - W', W' nearly W in another storage type: cancellation
        const Specimen<T> w = tree<T>(rows, columns, depth - 1);
        std::vector<double> near;
        for (const long double value : w.exact.values) near.push_back(static_cast<double>(value));
        for (double& value : near) value *= pick(3) == 0 ? 1 + 1e-15 * pick(8) : 1;
        const DType dtype = pick(2) == 0 ? DType::f64 : DType::f32;
        return sum(w, times(-1.0, of_values<T>(near, rows, columns, dtype, false, "itself, rounded")));
      }
    }
  }

  template <Real T>
  Specimen<T> of_values(const std::vector<double>& values, std::size_t rows, std::size_t columns, DType dtype,
                        bool column_major, std::string what) {
    const auto m = static_cast<std::int64_t>(rows);
    const auto n = static_cast<std::int64_t>(columns);
    const Tensor tensor =
        column_major ? gallery::column_major(dtype, m, n, values) : Tensor::rounded(values, {m, n}, dtype);
    Specimen<T> s{dense<T>(tensor), {rows, columns, {}, 0}, std::move(what)};
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        s.exact.values.push_back(tensor.at(std::vector<std::int64_t>{i, j}));
        s.finite = s.finite && std::isfinite(s.exact.values.back());
      }
    }
    return s;
  }

  template <Real T>
  static Specimen<T> sum(const Specimen<T>& a, const Specimen<T>& b) {
    Exact e{a.exact.rows, a.exact.columns, a.exact.values, a.exact.error + b.exact.error};
    for (std::size_t i = 0; i < e.values.size(); ++i) e.values[i] += b.exact.values[i];
    e.error += kRounding * e.frobenius();
    return made<T>(a.op + b.op, e, "(" + a.what + " + " + b.what + ")", a.finite && b.finite);
  }

  template <Real T>
  static Specimen<T> product(const Specimen<T>& a, const Specimen<T>& b) {
    Exact e{a.exact.rows, b.exact.columns, {}, 0};
    for (std::size_t i = 0; i < e.rows; ++i) {
      for (std::size_t j = 0; j < e.columns; ++j) {
        long double value = 0;
        for (std::size_t k = 0; k < b.exact.rows; ++k) {
          value += a.exact.values[i * a.exact.columns + k] * b.exact.values[k * e.columns + j];
        }
        e.values.push_back(value);
      }
    }
    const long double left = a.exact.frobenius();
    const long double right = b.exact.frobenius();
    e.error = a.exact.error * (right + b.exact.error) + left * b.exact.error +
              kRounding * static_cast<long double>(b.exact.rows + 1) * left * right;
    return made<T>(a.op * b.op, e, "(" + a.what + " times " + b.what + ")", a.finite && b.finite);
  }

  template <Real T>
  static Specimen<T> times(double factor, const Specimen<T>& a) {
    Exact e = a.exact;
    for (long double& value : e.values) value *= factor;
    e.error = std::fabs(static_cast<long double>(factor)) * a.exact.error + kRounding * e.frobenius();
    return made<T>(sigmax::scaled<T>(factor, a.op), e, fmt::format("{} ", factor) + a.what, a.finite);
  }

  template <Real T>
  static Specimen<T> transposed(const Specimen<T>& a) {
    Exact e{a.exact.columns, a.exact.rows, {}, a.exact.error};
    for (std::size_t i = 0; i < e.rows; ++i) {
      for (std::size_t j = 0; j < e.columns; ++j) e.values.push_back(a.exact.values[j * e.rows + i]);
    }
    return made<T>(sigmax::transposed<T>(a.op), e, a.what + "^T", a.finite);
  }

  template <Real T>
  static Specimen<T> stack(const Specimen<T>& a, const Specimen<T>& b, bool of_rows) {
    Exact e{a.exact.rows + (of_rows ? b.exact.rows : 0), a.exact.columns + (of_rows ? 0 : b.exact.columns), {}, 0};
    for (std::size_t i = 0; i < e.rows; ++i) {
      for (std::size_t j = 0; j < e.columns; ++j) {
        const Exact& from = (of_rows ? i < a.exact.rows : j < a.exact.columns) ? a.exact : b.exact;
        const std::size_t row = &from == &b.exact && of_rows ? i - a.exact.rows : i;
        const std::size_t column = &from == &b.exact && !of_rows ? j - a.exact.columns : j;
        e.values.push_back(from.values[row * from.columns + column]);
      }
    }
    e.error = a.exact.error + b.exact.error;
    return made<T>(of_rows ? stack_rows<T>({a.op, b.op}) : stack_columns<T>({a.op, b.op}), e,
                   "[" + a.what + (of_rows ? "; " : ", ") + b.what + "]", a.finite && b.finite);
  }

 private:
  // The rounding of one operation in long double, with a margin for the sums of such errors.
  static constexpr long double kRounding = 0x1p-62L;

  template <Real T>
  static Specimen<T> made(Operator<T> op, Exact exact, std::string what, bool finite) {
    for (const long double value : exact.values) finite = finite && std::fabs(value) < 1e300L;
    return {std::move(op), std::move(exact), std::move(what), finite};
  }

  double factor() {
    switch (pick(6)) {
      case 0: return 0;
      case 1: return -0.5;
      case 2: return 1e-150;
      case 3: return 1e150;
      default: return normal();
    }
  }

  double entry(int kind, std::size_t i, std::size_t j) {
    switch (kind) {
      case 0: return normal();
      case 1: return i == j ? 1.0 : 0.0;  // sigma_1 = sigma_2 = ...
      case 2: return 1.0;                 // rank one, |A|_1 |A|_inf is sharp
      case 3: return pick(2) == 0 ? 1.0 : -1.0;
      case 4: return pick(8) == 0 ? normal() : 0.0;         // sparse, often zero rows or all zero
      case 5: return normal() * std::pow(10.0, -pick(30));  // entries over 30 orders of magnitude
      case 6: return 1.0 / static_cast<double>(i + j + 1);  // Hilbert
      case 7: return i == j ? 1.0 + 1e-15 * normal() : 1e-16 * normal();
      case 8: return 5e-324 * pick(4);      // subnormal, before scaling
      case 10: return std::fabs(normal());  // nonnegative
      default: return normal();
    }
  }

  void make_rank_one(std::vector<double>& values, std::size_t columns) {
    std::vector<double> row(columns);
    for (double& value : row) value = normal();
    for (std::size_t i = 0; i < values.size(); i += columns) {
      const double factor = normal();
      for (std::size_t j = 0; j < columns; ++j) values[i + j] = factor * row[j];
    }
  }

  std::mt19937 random_;
};

}  // namespace sigmax::hunt
