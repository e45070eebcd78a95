#include "sigmax/io/onnx/onnx_rearranged.hpp"

#include <algorithm>
#include <cstddef>

#include "sigmax/io/onnx/onnx_extent.hpp"
#include "sigmax/io/onnx/onnx_parameters.hpp"

namespace sigmax::io::onnx {
namespace {

using Integers = std::optional<std::vector<std::int64_t>>;

// Nothing if an extent is not known, or the product leaves the range of the type.
std::optional<std::int64_t> known_count(const Dimensions& shape) {
  if (std::ranges::find(shape, kUnknownExtent) != shape.end()) return std::nullopt;
  return element_count(shape);
}

// Which of `rank` axes are listed; nothing if the list does not fit.
std::optional<std::vector<bool>> chosen(const std::vector<std::int64_t>& axes, std::size_t rank) {
  if (rank > kMostAxes) return std::nullopt;
  std::vector<bool> result(rank);
  for (std::int64_t axis : axes) {
    if (axis < 0) axis += static_cast<std::int64_t>(rank);
    if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return std::nullopt;
    if (result[static_cast<std::size_t>(axis)]) return std::nullopt;
    result[static_cast<std::size_t>(axis)] = true;
  }
  return result;
}

}  // namespace

std::optional<Dimensions> transposed(const Integers& permutation, const Dimensions& shape) {
  if (!permutation) return Dimensions(shape.rbegin(), shape.rend());
  if (permutation->size() != shape.size()) return std::nullopt;
  Dimensions result;
  for (const std::int64_t axis : *permutation) {
    if (axis < 0 || axis >= std::ssize(shape)) return std::nullopt;
    result.push_back(shape[static_cast<std::size_t>(axis)]);
  }
  return result;
}

std::optional<Dimensions> flattened(std::int64_t axis, const Dimensions& shape) {
  const auto rank = std::ssize(shape);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank) return std::nullopt;
  const auto first = known_count(Dimensions(shape.begin(), shape.begin() + axis));
  const auto rest = known_count(Dimensions(shape.begin() + axis, shape.end()));
  return Dimensions{first.value_or(kUnknownExtent), rest.value_or(kUnknownExtent)};
}

std::optional<Dimensions> squeezed(const Integers& axes, bool has_axes, const Dimensions& shape) {
  if (!axes) {
    if (has_axes || std::ranges::find(shape, kUnknownExtent) != shape.end()) return std::nullopt;
    Dimensions result = shape;
    std::erase(result, 1);
    return result;
  }
  const auto away = chosen(*axes, shape.size());
  if (!away) return std::nullopt;
  Dimensions result;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (!(*away)[d]) result.push_back(shape[d]);
  }
  return result;
}

std::optional<Dimensions> unsqueezed(const Integers& axes, const Dimensions& shape) {
  const auto added = axes ? chosen(*axes, shape.size() + axes->size()) : std::nullopt;
  if (!added) return std::nullopt;
  Dimensions result;
  std::size_t next = 0;
  for (const bool is_added : *added) result.push_back(is_added ? 1 : shape[next++]);
  return result;
}

std::optional<Dimensions> reshaped(const std::vector<std::int64_t>& target, bool keeps_zeros,
                                   const std::optional<Dimensions>& shape) {
  Dimensions result(target.begin(), target.end());
  std::optional<std::size_t> open;
  for (std::size_t d = 0; d < result.size(); ++d) {
    if (result[d] < -1 || (result[d] == -1 && open)) return std::nullopt;
    if (result[d] == -1) open = d;
    if (result[d] != 0 || keeps_zeros) continue;
    if (shape && d >= shape->size()) return std::nullopt;
    result[d] = shape ? (*shape)[d] : kUnknownExtent;
  }
  if (!open) return result;
  Dimensions others = result;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(*open));
  result[*open] = kUnknownExtent;
  if (!shape) return result;
  const std::int64_t all = known_count(*shape).value_or(kUnknownExtent), some = known_count(others).value_or(0);
  if (all >= 0 && some > 0 && all % some == 0) result[*open] = all / some;
  return result;
}

std::optional<Dimensions> broadcast(std::span<const std::optional<Dimensions>> shapes) {
  Dimensions reversed;
  for (const std::optional<Dimensions>& shape : shapes) {
    if (!shape) return std::nullopt;
    if (shape->size() > reversed.size()) reversed.resize(shape->size(), 1);
    for (std::size_t d = 0; d < shape->size(); ++d) {
      const std::int64_t extent = (*shape)[shape->size() - 1 - d];
      std::int64_t& longest = reversed[d];
      if (extent == 1 || extent == longest) continue;
      if (is_known(extent) && is_known(longest) && longest != 1) return std::nullopt;
      // Against an extent that is known and not 1, one that is not known can only be that or 1.
      if (longest == 1 || !is_known(longest)) longest = extent;
    }
  }
  return Dimensions(reversed.rbegin(), reversed.rend());
}

}  // namespace sigmax::io::onnx
