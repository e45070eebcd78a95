// What torch.func and forward-mode differentiation ask of the operators. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

namespace sigmax::torch {

/// True within a functional transform: torch.func's grad, vjp, jvp, vmap, functionalize and what is made of them. Their
/// tensors are wrappers that have no memory of their own, and that ATen's operators alone understand.
bool in_transform();

/// True for a tensor that carries a derivative of forward-mode differentiation.
bool has_tangent(const at::Tensor& tensor);

/// True where vmap runs a backward pass for many gradients at once: its batches are tensors that only ATen's own
/// operators understand.
bool any_batched(at::TensorList grads);

/// state.copy_(result), within a transform too: there torch refuses operators in place on what a function has captured,
/// as a model has its buffers. Throws c10::Error where vmap gives the result a dimension that the state has not.
void store(const at::Tensor& result, const at::Tensor& state);

/// The operator behind store(), sigmax::_store: what it does to tensors and, within vmap, to batches.
void store_operator(const at::Tensor& result, const at::Tensor& state);
void store_batched(const at::Tensor& result, const at::Tensor& state);

}  // namespace sigmax::torch
