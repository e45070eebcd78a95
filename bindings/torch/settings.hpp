// The arguments of one operator call, apart from tensors. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

struct Settings {
  std::vector<std::int64_t> dims;    ///< of each weight
  std::vector<std::int64_t> blocks;  ///< of each weight
  NormalizeOptions each;             ///< common to all weights, except for its dim and blocks
};

/// The number of rows and columns of the weight as a matrix.
struct MatrixSize {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};
MatrixSize matrix_size(const at::Tensor& weight, std::int64_t dim);

/// True for a weight that sigmax::nn can process in place.
bool is_native(const at::Tensor& weight);

/// Throws c10::Error unless the sizes of state and scale fit the weight and the settings are in range.
void check(const char* function, const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v, std::int64_t dim,
           std::int64_t blocks, const Settings& settings);

/// The type of sigma: float32 for the half precisions, otherwise the weight's.
at::ScalarType sigma_type(const at::Tensor& weight);

}  // namespace sigmax::torch
