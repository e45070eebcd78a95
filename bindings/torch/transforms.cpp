#include "bindings/torch/transforms.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace sigmax::torch {

bool in_transform() { return !at::functorch::getDynamicLayerStack().empty(); }

bool has_tangent(const at::Tensor& tensor) { return tensor.defined() && tensor._fw_grad(0).defined(); }

bool any_batched(at::TensorList grads) {
  constexpr c10::DispatchKeySet batches({c10::DispatchKey::FuncTorchBatched, c10::DispatchKey::Batched});
  return std::any_of(grads.begin(), grads.end(),
                     [&](const at::Tensor& grad) { return grad.defined() && grad.key_set().has_any(batches); });
}

// torch recognizes an in-place operator by its schema: it returns the argument that it writes, and that argument is the
// first. Neither is true of sigmax::_store, so it passes unchanged from one transform to the next.
void store(const at::Tensor& result, const at::Tensor& state) {
  if (!in_transform()) {
    state.copy_(result);
    return;
  }
  static const auto call = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("sigmax::_store", "")
                               .typed<void(const at::Tensor&, const at::Tensor&)>();
  call.call(result, state);
}

void store_operator(const at::Tensor& result, const at::Tensor& state) { state.copy_(result); }

void store_batched(const at::Tensor& result, const at::Tensor& state) {
  const c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::FuncTorchBatched);
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  TORCH_INTERNAL_ASSERT(layer.has_value());
  auto [from, from_dim] = at::functorch::unwrapTensorAtLevel(result, layer->layerId());
  auto [to, to_dim] = at::functorch::unwrapTensorAtLevel(state, layer->layerId());
  TORCH_CHECK(
      !from_dim.has_value() || to_dim.has_value(),
      "[normalize] vmap gives each example a weight of its own and all of them one state (u, v), and in training "
      "mode the state is stepped and stored: map over the buffers too (torch.func.stack_module_state makes them), "
      "or call eval() first, which leaves the state as it is");
  if (to_dim.has_value()) to = to.movedim(*to_dim, 0);
  if (from_dim.has_value()) from = from.movedim(*from_dim, 0);
  store(from, to);
}

}  // namespace sigmax::torch
