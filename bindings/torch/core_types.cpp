#include "bindings/torch/core_types.hpp"

#include <ATen/Parallel.h>

#include <cstddef>
#include <memory>

namespace sigmax::torch {

Context& context() {
  thread_local std::unique_ptr<Context> own;
  const int threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  if (own == nullptr || own->threads() != threads) own = std::make_unique<Context>(threads);
  return *own;
}

DType dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble: return DType::f64;
    case at::kFloat: return DType::f32;
    case at::kHalf: return DType::f16;
    default: return DType::bf16;
  }
}

Tensor core_tensor(const at::Tensor& tensor) {
  const auto kept = std::make_shared<at::Tensor>(tensor.contiguous());
  return {dtype_of(*kept), kept->sizes().vec(), static_cast<const std::byte*>(kept->const_data_ptr()), kept};
}

ConvolutionLayer layer_of(const at::Tensor& weight, const OperatorGeometry& geometry) {
  ConvolutionLayer layer;
  layer.groups = geometry.groups;
  layer.transposed = geometry.transposed;
  layer.in_channels = geometry.transposed ? weight.size(0) : weight.size(1) * geometry.groups;
  layer.out_channels = geometry.transposed ? weight.size(1) * geometry.groups : weight.size(0);
  layer.padding_mode = geometry.padding_mode == "circular"    ? PaddingMode::Circular
                       : geometry.padding_mode == "reflect"   ? PaddingMode::Reflect
                       : geometry.padding_mode == "replicate" ? PaddingMode::Replicate
                                                              : PaddingMode::Zeros;
  for (std::size_t i = 0; i < geometry.stride.size(); ++i) {
    layer.axes.push_back({weight.size(static_cast<std::int64_t>(i) + 2), geometry.stride[i], geometry.dilation[i],
                          geometry.padding_low[i], geometry.padding_high[i],
                          geometry.transposed ? geometry.output_padding[i] : 0});
  }
  return layer;
}

}  // namespace sigmax::torch
