// The table of solvers that solver_test.cpp runs over the gallery of spectra, and the checks of every result of svd().
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax::suite {

/// What a method says about the values that it returns.
enum class Promise {
  tolerance,  ///< each error at most the tolerance, by its own estimate
  exact,      ///< each error is rounding
  sketch,     ///< errors within the analysis of subspace iteration, with probability 1 - 1e-9
  lower,      ///< at most the true ones
  deflated,   ///< at most the true ones except for the residuals of the earlier ones, on both sides
};

struct Solver {
  std::string name;
  Method method;
  Promise promise = Promise::tolerance;
  bool largest = true;
  bool smallest = false;
  std::int64_t most_k = 1000;
  bool random_start = true;
  /// The number of copies of a multiple value, or of values closer than the tolerance, that the method is sure to find;
  /// a Krylov space of one vector holds one copy of each, except for rounding.
  std::int64_t copies = 1000;
};

inline const std::vector<Solver>& solvers() {
  static const std::vector<Solver> all = {
      {.name = "auto", .method = Auto{}, .smallest = true, .random_start = false, .copies = 1},
      {.name = "power, u first", .method = PowerIteration{}, .promise = Promise::lower, .most_k = 1},
      {.name = "power, v first",
       .method = PowerIteration{.order = PowerIteration::Order::v_first},
       .promise = Promise::lower,
       .most_k = 1},
      {.name = "deflation", .method = Deflation{}, .promise = Promise::deflated, .most_k = 3},
      {.name = "lanczos", .method = Lanczos{}, .copies = 1},
      {.name = "lanczos, gram", .method = Lanczos{.form = Lanczos::Form::gram}, .copies = 1},
      {.name = "lanczos, bidiagonal", .method = Lanczos{.form = Lanczos::Form::bidiagonal}, .copies = 1},
      {.name = "lanczos, small basis", .method = Lanczos{.basis = 8}, .most_k = 3, .copies = 1},
      {.name = "block-krylov", .method = BlockKrylov{}, .copies = 4},
      {.name = "block-krylov, 1", .method = BlockKrylov{.block = 1}, .copies = 1},
      {.name = "block-krylov, 2", .method = BlockKrylov{.block = 2}, .copies = 2},
      {.name = "block-krylov, 5, small basis", .method = BlockKrylov{.block = 5, .basis = 20}, .copies = 5},
      {.name = "block-krylov, wide", .method = BlockKrylov{.block = 40}, .copies = 40},
      {.name = "randomized", .method = Randomized{}, .promise = Promise::sketch},
      {.name = "randomized, no steps", .method = Randomized{.power_steps = 0}, .promise = Promise::sketch},
      {.name = "dense", .method = DenseLapack{}, .promise = Promise::exact, .smallest = true, .random_start = false},
      {.name = "inverse", .method = InverseLanczos{}, .largest = false, .smallest = true, .copies = 1},
  };
  return all;
}

/// A matrix of known singular values, as an operator that computes in T.
template <Real T>
struct Case {
  std::string name;
  std::int64_t rows;
  std::int64_t columns;
  std::vector<double> entries;  ///< row-major
  std::vector<double> sigma;    ///< min(rows, columns), descending
  Operator<T> a;

  std::int64_t least() const { return std::min(rows, columns); }
  double norm() const { return sigma.front(); }
};

template <Real T>
Case<T> make_case(std::string name, std::int64_t rows, std::int64_t columns, std::vector<double> entries,
                  std::vector<double> sigma) {
  Operator<T> a = dense<T>(Tensor::rounded(entries, {rows, columns}, DType::f64));
  return {std::move(name), rows, columns, std::move(entries), std::move(sigma), std::move(a)};
}

/// The matrix of `spectrum` and a shape. Whatever the type, the entries are the same.
template <Real T>
Case<T> make_case(const gallery::NamedSpectrum& spectrum, std::int64_t rows, std::int64_t columns) {
  std::vector<double> sigma = spectrum.values(std::min(rows, columns));
  std::vector<double> entries = gallery::with_singular_values(rows, columns, sigma);
  return make_case<T>(spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns), rows, columns,
                      std::move(entries), std::move(sigma));
}

/// Whether the squares of the entries, or the entries themselves, leave the range of T.
template <Real T>
bool representable(const std::vector<double>& sigma) {
  return std::same_as<T, double> || sigma.front() == 0 || (sigma.front() < 1e30 && sigma.front() > 1e-30);
}

/// |A v_i - sigma_i u_i| and |A^T u_i - sigma_i v_i|, both over the computed sigma_1, from the entries.
template <Real T>
checks::Residuals residuals_of(const Case<T>& c, const SvdResult<T>& result, std::int64_t i) {
  const double largest = result.sigma.front();
  return checks::residuals_of<T>(c.entries, result, i, largest > 0 ? largest : 1);
}

}  // namespace sigmax::suite
