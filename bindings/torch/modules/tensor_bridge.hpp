// Tensors of torch as tensors of sigmax, and back. Internal to the modules.
#pragma once

#include <ATen/core/Tensor.h>

#include "sigmax/core/tensor.hpp"

namespace sigmax::torch {

/// The same memory, kept alive, where the tensor is on the CPU; a copy otherwise. Throws Error for types that sigmax
/// has not.
Tensor view_of(const at::Tensor& tensor);

/// A copy of its own. Throws Error for types that torch has not.
at::Tensor copy_of(const Tensor& tensor);

}  // namespace sigmax::torch
