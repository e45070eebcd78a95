// Memory of normalized weights and gradients. Internal to the operator library.
//
// A training step writes a new tensor of each weight's size forward and another backward, and lets go of both. Memory
// of this size goes back to the system at once when it is freed, so that each step would have the system clear it anew,
// page by page: for a block of a 1B Llama twice the time of all else. It is kept here and used again instead.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sigmax::torch {

/// An uninitialized dense CPU tensor of that shape and type, contiguous, whose memory returns to be used again when the
/// tensor dies. What is kept, together with what is in use, is never more than was in use at one time; the system may
/// take pages of it back when it is short of memory. Tensors of less than 128 KiB come from torch's allocator. Any
/// thread.
at::Tensor recycled_like(const at::Tensor& tensor);

/// True where nothing is between a CPU tensor and its memory: no tracing, no compiling, no functional transform, no
/// subclass.
bool is_plain(const at::Tensor& tensor);

/// recycled_like() of a plain contiguous tensor, otherwise at::empty_like().
at::Tensor output_like(const at::Tensor& tensor);

/// Gives what is kept and not in use back to the system, and returns how many bytes it was.
std::int64_t release_kept_memory();

}  // namespace sigmax::torch
