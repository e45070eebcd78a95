#include "sigmax/io/onnx/onnx_parameters.hpp"

#include <cstring>
#include <utility>

#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io::onnx {

template <class T>
std::optional<std::vector<T>> Parameters::constant(const Node& node, std::uint32_t input, DType dtype) {
  const std::uint32_t value = flow_.input(node, input);
  const std::uint32_t index = value == kNone ? kNone : flow_.values()[value].weight;
  if (index == kNone) return std::nullopt;
  const Weight& weight = model_.weights[index];
  if (weight.sparse || weight.tensor.external || weight.tensor.dims.size() != 1) return std::nullopt;
  if (weight.tensor.dims[0] > static_cast<std::int64_t>(kMostAxes)) return std::nullopt;
  const TensorSource source = describe(model_, weight, external_);
  if (!source.unreadable.empty() || source.dtype != dtype) return std::nullopt;
  const Tensor tensor = source.load();
  std::vector<T> list(static_cast<std::size_t>(tensor.shape()[0]));
  if (!list.empty()) std::memcpy(list.data(), tensor.data(), list.size() * sizeof(T));
  return list;
}

std::optional<std::vector<std::int64_t>> Parameters::integers(const Node& node, std::uint32_t input,
                                                              std::string_view attribute) {
  if (auto list = model_.integers(node, attribute, kMostAxes + 1)) {
    return list->size() <= kMostAxes ? std::move(list) : std::nullopt;
  }
  return constant<std::int64_t>(node, input, DType::i64);
}

std::optional<std::vector<float>> Parameters::numbers(const Node& node, std::uint32_t input) {
  return constant<float>(node, input, DType::f32);
}

}  // namespace sigmax::io::onnx
