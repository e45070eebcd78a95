#include "sigmax/io/onnx/onnx_axis_map.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace sigmax::io::onnx {

bool AxisMap::operator<(const AxisMap& other) const {
  return std::tie(permutation, reshaped, gathered, view, order, squeezed, computed_by, of_vectors) <
         std::tie(other.permutation, other.reshaped, other.gathered, other.view, other.order, other.squeezed,
                  other.computed_by, other.of_vectors);
}

AxisMap AxisMap::before_reshape() const {
  AxisMap result;
  result.reshaped = true;
  result.gathered = gathered;
  result.of_vectors = of_vectors;
  return result;
}

AxisMap AxisMap::before_squeeze(const std::optional<Dimensions>& shape) const {
  AxisMap result = before_reshape(shape);
  result.squeezed = result.view.empty() && (!reshaped || squeezed) && permutation.empty();
  return result;
}

AxisMap AxisMap::before_computing(std::string op) const {
  AxisMap result;
  result.computed_by = std::move(op);
  result.reshaped = reshaped;
  result.view = view;
  result.of_vectors = of_vectors;
  return result;
}

AxisMap AxisMap::before_reshape_and_computing(const std::optional<Dimensions>& shape) const {
  if (reshaped) return *this;
  AxisMap result = *this;
  result.reshaped = true;
  if (shape) result.view = *shape;
  return result;
}

AxisMap AxisMap::before_reshape(const std::optional<Dimensions>& shape) const {
  if (reshaped && !order.empty()) return before_reshape();  // the elements have another order in between
  if (reshaped) {
    AxisMap result = *this;
    result.squeezed = false;
    return result;
  }
  const bool unknown = permutation == std::vector<int>{kReversed};
  if (!shape || shape->empty() || (!permutation.empty() && !unknown && permutation.size() != shape->size())) {
    return before_reshape();
  }
  AxisMap result = *this;
  result.reshaped = true;
  result.view = *shape;
  return result;
}

AxisMap AxisMap::before_gather() const {
  AxisMap result;
  result.reshaped = reshaped || !permutation.empty();
  result.gathered = true;
  result.of_vectors = of_vectors;
  return result;
}

AxisMap AxisMap::before_transpose(const std::optional<std::vector<std::int64_t>>& perm) const {
  if (reshaped && view.empty()) {
    // A matrix that gets another axis later stays that matrix or its transpose.
    if (!squeezed || !order.empty() || perm != std::vector<std::int64_t>{1, 0}) return before_reshape();
    AxisMap result = *this;
    result.order = {1, 0};
    return result;
  }
  if (reshaped) {
    // What was transposed first has its elements in another order.
    AxisMap result = *this;
    AxisMap first;
    first.permutation = order;
    first = first.before_transpose(perm);
    if (first.reshaped) return before_reshape();
    result.order = std::move(first.permutation);
    return result;
  }
  const bool unknown = permutation == std::vector<int>{kReversed};
  if (!perm) {
    AxisMap result = *this;
    if (permutation.empty() || unknown) {
      result.permutation = permutation.empty() ? std::vector<int>{kReversed} : std::vector<int>{};
      return result;
    }
    for (int& axis : result.permutation) axis = static_cast<int>(permutation.size()) - 1 - axis;
    return result;
  }
  const auto rank = static_cast<int>(perm->size());
  std::vector<bool> seen(perm->size());
  for (const std::int64_t axis : *perm) {
    if (axis < 0 || axis >= rank || seen[static_cast<std::size_t>(axis)]) return before_reshape();
    seen[static_cast<std::size_t>(axis)] = true;
  }
  if (!permutation.empty() && !unknown && permutation.size() != perm->size()) return before_reshape();
  AxisMap result;
  result.gathered = gathered;
  result.of_vectors = of_vectors;
  for (int i = 0; i < rank; ++i) {
    const int axis = permutation.empty() ? i : unknown ? rank - 1 - i : permutation[static_cast<std::size_t>(i)];
    result.permutation.push_back(static_cast<int>((*perm)[static_cast<std::size_t>(axis)]));
  }
  if (std::ranges::is_sorted(result.permutation)) result.permutation.clear();
  return result;
}

}  // namespace sigmax::io::onnx
