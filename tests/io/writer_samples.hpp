// Tensors that the tests of the writers put into files, and the comparison with the tensors that are read back.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/tensor_bytes.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::io::testing {

inline std::vector<double> counting(std::int64_t count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

/// Row-major, of any real type: 1, 2, 3, ...
inline Tensor counted(DType dtype, Dimensions shape) {
  const std::vector<double> values = counting(*element_count(shape));
  return Tensor::rounded(values, std::move(shape), dtype);
}

/// These values in column-major order.
inline Tensor column_major(DType dtype, std::int64_t rows, std::int64_t columns) {
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      values[static_cast<std::size_t>(i + j * rows)] = static_cast<double>(i * columns + j + 1);
    }
  }
  const Tensor stored = Tensor::rounded(values, {rows * columns}, dtype);
  return Tensor(dtype, {rows, columns}, {1, rows}, stored.data(), stored.owner());
}

/// Values that a careless writer would lose.
inline Tensor awkward() {
  using Limits = std::numeric_limits<double>;
  const std::vector<double> values = {
      -0.0, Limits::denorm_min(), Limits::max(), Limits::infinity(), Limits::quiet_NaN(), 0.1};
  return Tensor::copy_of(values, {6});
}

/// Every kind of shape: a scalar, empty ones, more than one piece of the writers' buffer.
inline std::vector<OutputTensor> samples() {
  return {{"scalar", counted(DType::f64, {})},
          {"vector", counted(DType::f32, {7})},
          {"empty", counted(DType::f64, {3, 0, 2})},
          {"layer.0/weight", counted(DType::f32, {3, 4, 5})},
          {"half", counted(DType::f16, {5})},
          {"columns", column_major(DType::f64, 5, 3)},
          {"columns of f32", column_major(DType::f32, 3, 5)},
          {"large", counted(DType::f64, {400, 500})},
          {"large, by columns", column_major(DType::f64, 500, 400)},
          {"n\xC3\xA4me \"quoted\"", counted(DType::f64, {2})},
          {"awkward", awkward()}};
}

/// Expects the same type, shape and bits, and row-major order of the second tensor.
inline void expect_same(const Tensor& expected, const Tensor& got) {
  ASSERT_EQ(got.dtype(), expected.dtype());
  ASSERT_EQ(got.shape(), expected.shape());
  ASSERT_TRUE(got.is_row_major());
  const Tensor packed = expected.compact();
  const std::size_t bytes = static_cast<std::size_t>(packed.size()) * size_of(packed.dtype());
  EXPECT_EQ(bytes == 0 ? 0 : std::memcmp(packed.data(), got.data(), bytes), 0);
}

inline const Entry& named(const Checkpoint& checkpoint, const std::string& name) {
  for (const Entry& entry : checkpoint.entries) {
    if (entry.name == name) return entry;
  }
  throw Error("no tensor '" + name + "'");
}

/// Expects a file of that format that holds exactly these tensors.
inline void expect_read_back(const std::filesystem::path& path, const std::string& format,
                             const std::vector<OutputTensor>& tensors) {
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(checkpoint.format, format);
  ASSERT_EQ(checkpoint.entries.size(), tensors.size());
  for (const OutputTensor& tensor : tensors) {
    SCOPED_TRACE(tensor.name);
    expect_same(tensor.tensor, named(checkpoint, tensor.name).load());
  }
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The message of the Error that `action` throws; "nothing was thrown" if it returns.
template <class Action>
std::string misuse(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace sigmax::io::testing
