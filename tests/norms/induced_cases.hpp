// What the tests of induced norms share.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/induced.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Where the power method stops: the error of its value is the square of the vector's, and 300 steps of linear
// convergence leave less than this of matrices as small as those below.
inline constexpr double kSearch = 1e-6;
// Ends that are this close end the work (norms/induced.cpp has 1e-11, and rounding of the ends comes on top).
inline constexpr double kClosed = 2e-11;
// What sixty steps of the mixing method leave of the distance to the optimum of the relaxation.
inline constexpr double kRelaxation = 1e-4;

struct Exponents {
  double p, q;
};
// One of each region of the plane of exponents.
inline const std::vector<Exponents> kExponents{{1, 1},   {1, 3},         {2, kInfinity}, {kInfinity, kInfinity},
                                               {2, 2},   {3, 3},         {1.5, 1.5},     {1.2, 1.7},
                                               {2.5, 4}, {1.5, 4},       {2, 4},         {kInfinity, 1},
                                               {2, 1},   {kInfinity, 2}, {3, 1.5},       {4, 4.0 / 3},
                                               {5, 3},   {1.75, 1.25},   {kInfinity, 3}, {1.5, 1}};

inline std::string named(const Exponents& e) { return fmt::format("{} -> {}", e.p, e.q); }

inline InducedNorm induced(const Tensor& a, const Exponents& e) {
  Context context(1);
  return induced_norm(a, e.p, e.q, repeatable<InducedOptions>(), context);
}

inline InducedNorm induced(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, const Exponents& e) {
  return induced(Tensor::view_of(a, {rows, columns}), e);
}

inline double norm_of(const std::vector<double>& x, double p) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0 || std::isinf(p)) return largest;
  long double sum = 0;
  for (const double value : x) sum += std::pow(std::fabs(static_cast<long double>(value)) / largest, p);
  return static_cast<double>(largest * std::pow(sum, 1.0L / p));
}

inline std::vector<double> product(const std::vector<double>& a, std::int64_t rows, std::int64_t columns,
                                   const std::vector<double>& x) {
  std::vector<double> y(static_cast<std::size_t>(rows), 0.0);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      y[static_cast<std::size_t>(i)] += a[static_cast<std::size_t>(i * columns + j)] * x[static_cast<std::size_t>(j)];
    }
  }
  return y;
}

// Powers and roots of a handful of numbers, each good to a few dozen roundings.
inline double rounding(std::int64_t rows, std::int64_t columns, double value) {
  return tolerance::relative(512 + rows, columns, 1) * value;
}

}  // namespace sigmax::norms
