// The matrices that the table of operators is made of.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::conformance {

using MakeTensor = Tensor (*)(DType, std::int64_t rows, std::int64_t columns, std::span<const double>);

inline Tensor row_major(DType dtype, std::int64_t rows, std::int64_t columns, std::span<const double> values) {
  return Tensor::rounded(values, {rows, columns}, dtype);
}

// A stored matrix, as a tensor and as the matrix that it must represent.
struct Weight {
  Tensor tensor;
  ReferenceMatrix matrix;

  template <Real T>
  Operator<T> as() const {
    return dense<T>(tensor);
  }
};

// Random entries that every storage type holds exactly, including float.
inline Weight weight(DType dtype, std::int64_t rows, std::int64_t columns, MakeTensor make = row_major,
                     std::uint64_t seed = 41) {
  std::vector<double> values;
  for (const double value : gallery::normal(rows * columns, seed)) {
    values.push_back(bf16_to_double(double_to_bf16(std::round(16 * value) / 16)));
  }
  return {make(dtype, rows, columns, values), ReferenceMatrix::of({rows, columns}, values)};
}

inline Weight f32(std::int64_t rows, std::int64_t columns, std::uint64_t seed = 41) {
  return weight(DType::f32, rows, columns, row_major, seed);
}

// diag(1, 2, ...) / 8, stored in f16.
struct Gain {
  Tensor tensor;
  ReferenceMatrix matrix;
};

inline Gain gain(std::int64_t order) {
  std::vector<double> d;
  std::vector<double> entries(static_cast<std::size_t>(order * order));
  for (std::int64_t i = 0; i < order; ++i) {
    d.push_back(static_cast<double>(i + 1) / 8);
    entries[static_cast<std::size_t>(i * order + i)] = d.back();
  }
  return {Tensor::rounded(d, {order}, DType::f16), ReferenceMatrix::of({order, order}, entries)};
}

/// The identity.
inline ReferenceMatrix unit(std::int64_t order) {
  ReferenceMatrix m({order, order}, 1);
  for (std::int64_t i = 0; i < order; ++i) m.value(i, i) = m.magnitude(i, i) = 1;
  return m;
}

}  // namespace sigmax::conformance
