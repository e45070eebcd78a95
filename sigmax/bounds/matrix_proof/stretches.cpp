#include "sigmax/bounds/matrix_proof/stretches.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/linalg/lapack.hpp"

namespace sigmax::bounds {
namespace {

// More than the effect of underflow on an inner product of columns of moderate length.
constexpr double kStretchUnderflow = 0x1p-500;

}  // namespace

NormRange length(std::span<const double> x) {
  NormRange range = norm_range(x);
  range.lower = std::ldexp(range.lower, range.exponent);
  range.upper = std::ldexp(range.upper, range.exponent);
  return range;
}

double defect_of(const Matrix<double>& v) {
  const Matrix<double> c = lapack::product(v, v, true);
  std::vector<double> size;
  for (std::int64_t j = 0; j < v.columns(); ++j) size.push_back(length(v.column(j)).upper);
  const double rounding = gamma(v.rows() + 2);
  double square = 0;
  for (std::int64_t j = 0; j < v.columns(); ++j) {
    for (std::int64_t i = 0; i < v.columns(); ++i) {
      const double entry = std::fabs(c(i, j) - (i == j ? 1 : 0)) +
                           rounding * size[static_cast<std::size_t>(j)] * size[static_cast<std::size_t>(i)];
      square = round_up(square + entry * entry);
    }
  }
  return round_up(std::sqrt(square));
}

Stretches stretches_of(const Matrix<double>& y) {
  Stretches f;
  const auto k = static_cast<std::size_t>(y.columns());
  const Matrix<double> c = lapack::product(y, y, true);
  std::vector<NormRange> size;
  for (std::int64_t j = 0; j < y.columns(); ++j) size.push_back(length(y.column(j)));
  // |y_i^T y_j|, rounded up.
  const auto inner = [&](std::size_t i, std::size_t j) {
    return round_up(std::fabs(c(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j))) +
                    gamma(y.rows() + 1) * size[i].upper * size[j].upper + kStretchUnderflow);
  };
  f.shortest.assign(k, 0.0);
  f.longest.assign(k, 0.0);
  double relative = 0;
  for (std::size_t j = 0; j < k && size[j].lower > 0; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const double entry = round_up(inner(i, j) / (size[i].lower * size[j].lower));
      relative = round_up(relative + 2 * entry * entry);
    }
    const double off = round_up(std::sqrt(relative));
    // The least of the columns so far: they descend except for rounding.
    double least = size[j].lower;
    for (std::size_t i = 0; i < j; ++i) least = smaller_of(least, size[i].lower);
    if (off < 1) f.shortest[j] = round_down(least * std::sqrt(round_down(1 - off)));
  }
  double absolute = 0;
  double largest = 0;
  for (std::size_t j = k; j-- > 0;) {
    for (std::size_t i = j + 1; i < k; ++i) {
      const double entry = inner(i, j);
      absolute = round_up(absolute + 2 * entry * entry);
    }
    largest = larger_of(largest, size[j].upper);
    f.longest[j] = round_up(std::sqrt(round_up(largest * largest + round_up(std::sqrt(absolute)))));
  }
  return f;
}

}  // namespace sigmax::bounds
