// Operators made of trainable tensors, each with a spectrum from the gallery, for tests of derivatives by parameters.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/low_rank.hpp"

namespace sigmax::problems {

struct Values {
  Dimensions shape;
  std::vector<double> entries;
};

/// The operator of a kind with the matrix `known`, as far as rounding of its parts allows.
struct Parametrized {
  std::string name;
  std::function<std::vector<Values>(const Known& known)> parts;
  std::function<Operator<double>(const std::vector<Tensor>&)> make;
  bool square = false;        ///< only there
  bool of_unit_norm = false;  ///< a small A is only rounding of its parts
};

namespace detail {

// Row-major V diag(s^power) for vectors V, or its transpose.
inline Values factor(const std::vector<std::vector<long double>>& vectors, const std::vector<double>& s, double power,
                     bool transposed) {
  const std::size_t count = vectors.size(), length = vectors.front().size();
  Values result{{static_cast<std::int64_t>(length), static_cast<std::int64_t>(count)}, {}};
  if (transposed) std::swap(result.shape[0], result.shape[1]);
  result.entries.resize(count * length);
  for (std::size_t k = 0; k < count; ++k) {
    const double scale = power == 0 ? 1 : std::pow(s[k], power);
    for (std::size_t i = 0; i < length; ++i) {
      result.entries[transposed ? k * length + i : i * count + k] = static_cast<double>(vectors[k][i] * scale);
    }
  }
  return result;
}

// Row-major; f(i, j) gives the entry of `known` at (i, j).
template <class F>
Values entries_of(const Known& known, const F& f) {
  Values result{{known.rows, known.columns}, {}};
  for (std::int64_t i = 0; i < known.rows; ++i) {
    for (std::int64_t j = 0; j < known.columns; ++j) {
      result.entries.push_back(f(i, j, known.entries[static_cast<std::size_t>(i * known.columns + j)]));
    }
  }
  return result;
}

inline Values as_it_is(const Known& known) { return {{known.rows, known.columns}, known.entries}; }

inline std::vector<Values> beside(const Known& known) {
  const std::int64_t left = known.columns / 3;
  std::vector<Values> parts{{{known.rows, left}, {}}, {{known.rows, known.columns - left}, {}}};
  entries_of(known, [&](std::int64_t, std::int64_t j, double value) {
    parts[j < left ? 0 : 1].entries.push_back(value);
    return value;
  });
  return parts;
}

inline std::vector<Values> stacked(const Known& known) {
  const auto upper = known.entries.begin() + (known.rows / 3) * known.columns;
  return {{{known.rows / 3, known.columns}, {known.entries.begin(), upper}},
          {{known.rows - known.rows / 3, known.columns}, {upper, known.entries.end()}}};
}

inline std::vector<Values> adapted(const Known& known) {
  Values b{{known.rows, 2}, gallery::normal(known.rows * 2, 71)};
  Values c{{2, known.columns}, gallery::normal(known.columns * 2, 72)};
  for (double& value : b.entries) value *= known.s.front() / 4;
  for (double& value : c.entries) value /= 4;
  const auto columns = static_cast<std::size_t>(known.columns);
  Values w = entries_of(known, [&](std::int64_t i, std::int64_t j, double value) {
    const auto row = static_cast<std::size_t>(2 * i), column = static_cast<std::size_t>(j);
    return value - 0.5 * (b.entries[row] * c.entries[column] + b.entries[row + 1] * c.entries[columns + column]);
  });
  return {std::move(w), std::move(b), std::move(c)};
}

inline std::vector<Values> scaled_rows(const Known& known) {
  Values d{{known.rows}, gallery::normal(known.rows, 73)};
  for (double& value : d.entries) value += value < 0 ? -1 : 1;
  Values w = entries_of(known, [&](std::int64_t i, std::int64_t, double value) {
    return value / (-2 * d.entries[static_cast<std::size_t>(i)]);
  });
  return {std::move(d), std::move(w)};
}

}  // namespace detail

inline const std::vector<Parametrized>& operators() {
  using Tensors = std::vector<Tensor>;
  static const auto d = [](const Tensor& t) { return dense<double>(t); };
  static const std::vector<Parametrized> all = {
      {"dense", [](const Known& k) { return std::vector{detail::as_it_is(k)}; },
       [](const Tensors& t) { return d(t[0]); }},
      {"transposed",
       [](const Known& k) {
         Values values{{k.columns, k.rows}, std::vector<double>(k.entries.size())};
         detail::entries_of(k, [&](std::int64_t i, std::int64_t j, double value) {
           return values.entries[static_cast<std::size_t>(j * k.rows + i)] = value;
         });
         return std::vector{values};
       },
       [](const Tensors& t) { return transposed(d(t[0])); }},
      {"low_rank",
       [](const Known& k) {
         return std::vector{detail::factor(k.x, k.s, 1, false), detail::factor(k.y, k.s, 0, true)};
       },
       [](const Tensors& t) { return 2 * low_rank<double>(t[0], t[1], 0.5); }},
      {"merged_adapter", detail::adapted, [](const Tensors& t) { return d(t[0]) + low_rank<double>(t[1], t[2], 0.5); }},
      {"product",
       [](const Known& k) {
         return std::vector{detail::factor(k.x, k.s, 0.5, false), detail::factor(k.y, k.s, 0.5, true)};
       },
       [](const Tensors& t) { return d(t[0]) * d(t[1]); }},
      {"scaled_rows", detail::scaled_rows, [](const Tensors& t) { return diagonal<double>(t[0]) * (-2 * d(t[1])); }},
      {"residual_block",
       [](const Known& k) {
         return std::vector{detail::entries_of(
             k, [](std::int64_t i, std::int64_t j, double value) { return value - (i == j ? 1 : 0); })};
       },
       [](const Tensors& t) { return identity<double>(t[0].shape()[0]) + d(t[0]); }, true, true},
      {"stacked", detail::stacked,
       [](const Tensors& t) {
         return stack_rows({d(t[0]), d(t[1])});
       }},
      {"beside", detail::beside,
       [](const Tensors& t) {
         return stack_columns({d(t[0]), d(t[1])});
       }},
      // (Y S^1/2 Y^T)^2
      {"used_twice",
       [](const Known& k) {
         const Values half = detail::factor(k.y, k.s, 0.25, false);
         Values root{{k.columns, k.columns}, std::vector<double>(k.entries.size())};
         const auto n = static_cast<std::size_t>(k.columns);
         for (std::size_t i = 0; i < n * n; ++i) {
           long double sum = 0;
           for (std::size_t c = 0; c < n; ++c) {
             sum += static_cast<long double>(half.entries[i / n * n + c]) * half.entries[i % n * n + c];
           }
           root.entries[i] = static_cast<double>(sum);
         }
         return std::vector{root};
       },
       [](const Tensors& t) { return d(t[0]) * d(t[0]); }, true},
  };
  return all;
}

/// The operator on a straight path through its parameters, each tensor moving at a rate proportional to its size.
class ParametrisedPath {
 public:
  ParametrisedPath(const Parametrized& of, const Known& known) : make_(of.make), at_(of.parts(known)) {
    std::uint64_t seed = 20;
    for (const Values& part : at_) {
      const auto size = static_cast<std::int64_t>(part.entries.size());
      std::vector<double> towards = gallery::normal(size, seed++);
      double largest = 0, squares = 0;
      for (const double value : part.entries) largest = std::max(largest, std::fabs(value));
      for (const double value : part.entries) squares += std::pow(value / largest, 2);
      for (double& value : towards) value *= largest * std::sqrt(squares / static_cast<double>(size));
      towards_.push_back(std::move(towards));
    }
  }

  Operator<double> operator()(double t) const {
    std::vector<Tensor> tensors;
    for (std::size_t p = 0; p < at_.size(); ++p) {
      std::vector<double> values = at_[p].entries;
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += t * towards_[p][i];
      tensors.push_back(Tensor::copy_of(values, at_[p].shape));
    }
    return make_(tensors);
  }

  /// The inner product of a gradient by the parameters with the rate of the path, and the sum of its absolute terms. A
  /// tensor that is used twice has its gradient in two places.
  struct Slope {
    long double sum = 0;
    long double size = 0;
  };
  Slope slope(const std::vector<double>& grad) const {
    Slope result;
    std::size_t p = 0;
    for (std::size_t place = 0; p < grad.size(); ++place) {
      for (const double towards : towards_[place % towards_.size()]) {
        const long double term = static_cast<long double>(grad[p++]) * towards;
        result.sum += term;
        result.size += std::fabs(term);
      }
    }
    return result;
  }

 private:
  std::function<Operator<double>(const std::vector<Tensor>&)> make_;
  std::vector<Values> at_;
  std::vector<std::vector<double>> towards_;
};

/// Runs `check(path, known, k, what)` for every operator of the table, every spectrum of the gallery, every shape and
/// one to three triplets, if these have gaps that differences can see; returns the number of runs.
template <class Check>
int for_each_parametrized(const Check& check) {
  int count = 0;
  for (const Parametrized& of : operators()) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      for (const auto& [rows, columns] : {std::pair{9, 7}, std::pair{7, 9}, std::pair{8, 8}}) {
        if (of.square && rows != columns) continue;
        const Known known{rows, columns, spectrum.values(std::min(rows, columns))};
        if (of.of_unit_norm && known.s.front() < 0.25) continue;
        for (const std::int64_t k : {1, 2, 3}) {
          if (known.least_gap(k) < 1e-7) continue;
          check(ParametrisedPath(of, known), known, k,
                of.name + " of " + spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns) +
                    ", k = " + std::to_string(k));
          ++count;
        }
      }
    }
  }
  return count;
}

}  // namespace sigmax::problems
