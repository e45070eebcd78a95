// Arrays of Python as tensors, without a copy. Internal to the Python module.
#pragma once

#include <nanobind/ndarray.h>

#include <cstddef>
#include <span>

#include "sigmax/core/tensor.hpp"

namespace sigmax::python {

/// Memory that is only read, in any layout that Tensor has: no negative strides, aligned.
using Input = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;
/// Row-major memory that a function writes, in double.
using Output = nanobind::ndarray<double, nanobind::c_contig, nanobind::device::cpu>;

/// The array's own memory as a tensor, valid as long as the array. Entries are f64, f32, f16, or bf16: NumPy has no
/// name for the last one, which comes as uint16 with `bfloat16` set. Throws Error for other types.
Tensor tensor_of(const Input& array, bool bfloat16);

/// The entries of an output. Throws Error unless there are `size`.
std::span<double> entries_of(const Output& array, std::size_t size);

}  // namespace sigmax::python
