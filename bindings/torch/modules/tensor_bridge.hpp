// Tensors of torch as tensors of sigmax, and back. Internal to the modules.
#pragma once

#include <ATen/core/Tensor.h>

#include "sigmax/core/tensor.hpp"

namespace sigmax::torch {

/// For a CPU tensor the same memory, kept alive; otherwise a copy. Throws Error for types that sigmax does not have.
Tensor view_of(const at::Tensor& tensor);

/// An independent copy. Throws Error for types that torch does not have.
at::Tensor copy_of(const Tensor& tensor);

}  // namespace sigmax::torch
