// Weights in memory as torch lays them out, their matrices, and spectral normalization by definition in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/nn/normalize.hpp"
#include "sigmax/nn/weight.hpp"

namespace sigmax::nn {

using Real80 = long double;
using Vector80 = std::vector<Real80>;

/// A row-major tensor in memory of exactly its size, one element off the allocation's start, and its matrix.
class Sample {
 public:
  Sample(DType dtype, Dimensions shape, std::int64_t dimension, std::span<const double> values)
      : dtype_(dtype), shape_(std::move(shape)), dimension_(dimension) {
    bytes_.resize((values.size() + 1) * size_of(dtype));
    for (std::size_t i = 0; i < values.size(); ++i) gallery::store(dtype, values[i], data(), i);
  }
  /// Independent normal entries.
  Sample(DType dtype, const Dimensions& shape, std::int64_t dimension, std::uint64_t seed = 7)
      : Sample(dtype, shape, dimension, gallery::normal(*element_count(shape), seed)) {}

  DType dtype() const { return dtype_; }
  Weight weight() const { return unfold(dtype_, static_cast<const void*>(data()), shape_, dimension_); }
  WeightOutput output() { return unfold(dtype_, static_cast<void*>(data()), shape_, dimension_); }
  std::int64_t rows() const { return weight().rows; }
  std::int64_t columns() const { return weight().columns(); }

  std::vector<double> values() const {
    std::vector<double> all;
    for (std::int64_t i = 0; i < *element_count(shape_); ++i) {
      all.push_back(gallery::fetch(dtype_, data(), static_cast<std::size_t>(i)));
    }
    return all;
  }

  /// Row-major, by the definition: the dimension moved to the front, the others flattened in order.
  Vector80 matrix() const {
    const std::vector<double> all = values();
    const auto rank = static_cast<std::int64_t>(shape_.size());
    const std::int64_t front = dimension_ < 0 ? dimension_ + rank : dimension_;
    Vector80 result(all.size());
    Dimensions index(shape_.size());
    for (std::size_t flat = 0; flat < all.size(); ++flat) {
      auto rest = static_cast<std::int64_t>(flat);
      for (std::int64_t d = rank - 1; d >= 0; --d) {
        index[static_cast<std::size_t>(d)] = rest % shape_[static_cast<std::size_t>(d)];
        rest /= shape_[static_cast<std::size_t>(d)];
      }
      std::int64_t column = 0;
      for (std::int64_t d = 0; d < rank; ++d) {
        if (d != front) column = column * shape_[static_cast<std::size_t>(d)] + index[static_cast<std::size_t>(d)];
      }
      const std::int64_t at = index[static_cast<std::size_t>(front)] * columns() + column;
      result[static_cast<std::size_t>(at)] = all[flat];
    }
    return result;
  }

  std::string what() const {
    return std::string(name(dtype_)) + " " + to_string(shape_) + " dimension " + std::to_string(dimension_);
  }

 private:
  std::byte* data() { return bytes_.data() + size_of(dtype_); }
  const std::byte* data() const { return bytes_.data() + size_of(dtype_); }

  DType dtype_;
  Dimensions shape_;
  std::int64_t dimension_;
  std::vector<std::byte> bytes_;
};

struct Layout {
  Dimensions shape;
  std::int64_t dimension;
};

/// Linear layers, convolutions and transposed ones, of sizes around the lengths of vectors and of register blocks, and
/// one whose work is split into pieces.
inline const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {
      {{1, 1}, 0},      {{4, 3}, 0},         {{3, 4}, 1},       {{17, 33}, -1},      {{33, 17}, 0},
      {{10, 128}, 0},   {{8, 3, 3, 3}, 0},   {{3, 8, 3, 3}, 1}, {{5, 7, 4, 4}, 1},   {{9, 16, 1, 1}, 1},
      {{6, 5, 2}, 1},   {{2, 3, 70}, 1},     {{3, 4, 5, 2}, 2}, {{40, 24, 5, 5}, 1}, {{7}, 0},
      {{300, 1000}, 0}, {{64, 96, 7, 7}, 1}, {{600, 520}, 1},   {{1, 2000}, 0},      {{2000, 1}, 0},
  };
  return all;
}

template <class T>
std::vector<T> unit_vector(std::int64_t n, std::uint64_t seed) {
  std::vector<T> x(static_cast<std::size_t>(n));
  draw_unit<T>(seed, 5, x);
  return x;
}

template <class T>
Vector80 in_80(const std::vector<T>& x) {
  return {x.begin(), x.end()};
}

inline Real80 norm_80(const Vector80& x) {
  Real80 squares = 0;
  for (const Real80 value : x) squares += value * value;
  return std::sqrt(squares);
}

/// W v of a row-major matrix.
inline Vector80 multiply_80(const Vector80& w, const Vector80& v) {
  const std::size_t n = v.size(), m = w.size() / n;
  Vector80 t(m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) t[i] += w[i * n + j] * v[j];
  }
  return t;
}

/// W^T u.
inline Vector80 transposed_80(const Vector80& w, const Vector80& u) {
  const std::size_t m = u.size(), n = w.size() / m;
  Vector80 x(n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) x[j] += w[i * n + j] * u[i];
  }
  return x;
}

inline Real80 dot_80(const Vector80& x, const Vector80& y) {
  Real80 sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

inline Vector80 normalized_80(Vector80 x, Real80 epsilon) {
  const Real80 divisor = std::max(norm_80(x), epsilon);
  for (Real80& value : x) value /= divisor;
  return x;
}

struct Reference {
  Vector80 u, v;
  Real80 sigma = 0;
};

/// The definition of normalize.hpp.
inline Reference reference_steps(const Vector80& w, Vector80 u, Vector80 v, Iteration order, std::int64_t steps,
                                 double epsilon = 1e-12) {
  for (std::int64_t step = 0; step < steps; ++step) {
    if (order == Iteration::v_first) v = normalized_80(transposed_80(w, u), epsilon);
    u = normalized_80(multiply_80(w, v), epsilon);
    if (order == Iteration::u_first) v = normalized_80(transposed_80(w, u), epsilon);
  }
  const Real80 sigma = dot_80(u, multiply_80(w, v));
  return {std::move(u), std::move(v), sigma};
}

}  // namespace sigmax::nn
