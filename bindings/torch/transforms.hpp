// Support for torch.func and forward-mode differentiation in the operators. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

namespace sigmax::torch {

/// True within a functional transform: torch.func's grad, vjp, jvp, vmap, functionalize and functions built on them.
/// Their tensors are wrappers without memory of their own, which only ATen's operators understand.
bool in_transform();

/// True for a tensor that carries a forward-mode derivative.
bool has_tangent(const at::Tensor& tensor);

/// True if vmap runs a backward pass for many gradients at once: its batches are tensors that only ATen's operators
/// understand.
bool any_batched(at::TensorList grads);

/// state.copy_(result), also within a transform, where torch refuses in-place operators on captured tensors, such as a
/// model's buffers. Throws c10::Error if vmap gives the result a dimension that the state does not have.
void store(const at::Tensor& result, const at::Tensor& state);

/// The operator behind store(), sigmax::_store: its effect on tensors and, within vmap, on batches.
void store_operator(const at::Tensor& result, const at::Tensor& state);
void store_batched(const at::Tensor& result, const at::Tensor& state);

}  // namespace sigmax::torch
