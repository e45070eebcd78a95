// The core's tensors, layers and contexts for those of torch. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include "bindings/torch/convolution.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::torch {

/// One context per calling thread, with as many threads as torch has, or with one thread within torch's own loops.
///
/// The threads are not torch's. Those belong to OpenMP, where a loop ends only after every thread has arrived, and the
/// caller spins until then. A thread that the system has put on the caller's own core cannot arrive until the spinning
/// ends, some milliseconds later, although no work is left. Here the caller does the work that no thread has begun, and
/// returns.
Context& context();

/// The core's name for a type; bf16 for every type that is not f64, f32 or f16.
DType dtype_of(const at::Tensor& tensor);

/// A tensor on the CPU, read in place if it is contiguous; the result keeps its memory.
Tensor core_tensor(const at::Tensor& tensor);

/// The layer of a kernel. The geometry's lists must have an entry for each of the kernel's spatial axes.
ConvolutionLayer layer_of(const at::Tensor& weight, const OperatorGeometry& geometry);

}  // namespace sigmax::torch
