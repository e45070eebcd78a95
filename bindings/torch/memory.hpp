// Memory for normalized weights and gradients. Internal to the operator library.
//
// For each weight, a training step writes one new tensor of the weight's size in the forward pass and one in the
// backward pass, and frees both. Freed memory of this size goes back to the system at once, so the system would clear
// it again in each step, page by page: for a block of a 1B Llama this takes twice the time of everything else. Here it
// is kept and reused instead.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sigmax::torch {

/// An uninitialized, dense, contiguous CPU tensor of that shape and type, whose memory is kept for reuse when the
/// tensor is destroyed. Kept memory and memory in use together never exceed the most that was in use at one time; the
/// system may take back kept pages when it is short of memory. Tensors of less than 128 KiB come from torch's
/// allocator. Any thread may call this.
at::Tensor recycled_like(const at::Tensor& tensor);

/// True if nothing stands between a CPU tensor and its memory: no tracing, compiling, functional transform or subclass.
bool is_plain(const at::Tensor& tensor);

/// recycled_like() for a plain contiguous tensor, otherwise at::empty_like().
at::Tensor output_like(const at::Tensor& tensor);

/// Returns kept memory that is not in use to the system. Returns the number of bytes.
std::int64_t release_kept_memory();

}  // namespace sigmax::torch
