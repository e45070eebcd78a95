#include "sigmax/graph/onnx/rule.hpp"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::onnx {
namespace {

constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;  // every integer up to here is a double

template <class T>
Tensor owned(DType dtype, std::vector<T> values, Dimensions shape) {
  const auto count = element_count(shape);
  if (!count || *count != static_cast<std::int64_t>(values.size())) {
    throw Error(fmt::format("[graph] {} values do not fill the shape {}", values.size(), to_string(shape)));
  }
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  const auto* data = reinterpret_cast<const std::byte*>(owner->data());
  return Tensor(dtype, std::move(shape), data, std::move(owner));
}

template <class T>
T stored(const Tensor& values, std::int64_t i) {
  T value;
  std::memcpy(&value, values.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
  return value;
}

double number_at(const Tensor& values, std::int64_t i) {
  switch (values.dtype()) {
    case DType::f64: return stored<double>(values, i);
    case DType::f32: return static_cast<double>(stored<float>(values, i));
    case DType::f16: return f16_to_double(stored<std::uint16_t>(values, i));
    default: return bf16_to_double(stored<std::uint16_t>(values, i));
  }
}

/// Nothing where the type is not one of whole numbers or the number is above 2^63 - 1.
std::optional<std::int64_t> integer_at(const Tensor& values, std::int64_t i) {
  switch (values.dtype()) {
    case DType::i32: return stored<std::int32_t>(values, i);
    case DType::i16: return stored<std::int16_t>(values, i);
    case DType::i8: return stored<std::int8_t>(values, i);
    case DType::u32: return stored<std::uint32_t>(values, i);
    case DType::u16: return stored<std::uint16_t>(values, i);
    case DType::u8: return stored<std::uint8_t>(values, i);
    case DType::boolean: return stored<std::uint8_t>(values, i) != 0 ? 1 : 0;
    case DType::u64: {
      const auto value = static_cast<std::int64_t>(stored<std::uint64_t>(values, i));
      if (value >= 0) return value;
      return std::nullopt;
    }
    default: return std::nullopt;
  }
}

/// The attribute of this type; null where it is absent.
template <class T>
const T* attribute_of(const io::ComputationNode& node, std::string_view attribute, std::string_view type) {
  if (const T* found = node.find<T>(attribute)) return found;
  for (const io::ComputationAttribute& each : node.attributes) {
    if (each.name == attribute) throw RefusedNode{fmt::format("has an attribute '{}' that is not {}", attribute, type)};
  }
  return nullptr;
}

}  // namespace

bool Known::is_integer() const { return values.dtype() == DType::i64; }

std::vector<std::int64_t> Known::integers() const {
  if (!is_integer()) throw Error("[graph] a constant of real numbers is read as one of integers");
  const Tensor compact = values.compact();
  std::vector<std::int64_t> result(static_cast<std::size_t>(compact.size()));
  if (!result.empty()) std::memcpy(result.data(), compact.data(), result.size() * sizeof(std::int64_t));
  return result;
}

std::vector<double> Known::numbers() const {
  std::vector<double> result;
  result.reserve(static_cast<std::size_t>(values.size()));
  if (is_integer()) {
    for (const std::int64_t each : integers()) {
      if (each > kExactInteger || each < -kExactInteger) {
        throw Error(fmt::format("[graph] the integer {} is not a double", each));
      }
      result.push_back(static_cast<double>(each));
    }
    return result;
  }
  if (!is_real(values.dtype())) {
    throw Error(fmt::format("[graph] a constant of type {} is read as numbers", name(values.dtype())));
  }
  const Tensor compact = values.compact();
  for (std::int64_t i = 0; i < compact.size(); ++i) result.push_back(number_at(compact, i));
  return result;
}

Known known_integers(std::vector<std::int64_t> values, Dimensions shape) {
  return {owned(DType::i64, std::move(values), std::move(shape))};
}

Known known_numbers(std::vector<double> values, Dimensions shape) {
  return {owned(DType::f64, std::move(values), std::move(shape))};
}

std::optional<Known> known_tensor(const Tensor& values) {
  if (values.dtype() == DType::i64 || is_real(values.dtype())) return Known{values};
  const Tensor compact = values.compact();
  std::vector<std::int64_t> integers;
  integers.reserve(static_cast<std::size_t>(compact.size()));
  for (std::int64_t i = 0; i < compact.size(); ++i) {
    const auto integer = integer_at(compact, i);
    if (!integer) return std::nullopt;
    integers.push_back(*integer);
  }
  return known_integers(std::move(integers), compact.shape());
}

const Node& Builder::emitted(Index index) const { throw Error(fmt::format("[graph] there is no node {}", index)); }

std::int64_t Builder::integer(std::string_view attribute, std::int64_t otherwise) const {
  const auto* found = attribute_of<std::int64_t>(node(), attribute, "an integer");
  return found == nullptr ? otherwise : *found;
}

double Builder::number(std::string_view attribute, double otherwise) const {
  const auto* found = attribute_of<double>(node(), attribute, "a number");
  return found == nullptr ? otherwise : *found;
}

std::string Builder::text(std::string_view attribute, std::string_view otherwise) const {
  const auto* found = attribute_of<std::string>(node(), attribute, "a text");
  return found == nullptr ? std::string(otherwise) : *found;
}

std::optional<std::vector<std::int64_t>> Builder::integers(std::string_view attribute) const {
  const auto* found = attribute_of<std::vector<std::int64_t>>(node(), attribute, "a list of integers");
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::optional<std::vector<std::int64_t>> Builder::integers(std::string_view attribute, std::size_t index) const {
  if (auto found = integers(attribute)) return found;
  const Value* value = operand(index);
  if (value == nullptr) return std::nullopt;
  if (!value->known) throw RefusedNode{fmt::format("computes its {} from the input", attribute)};
  if (!value->known->is_integer()) throw RefusedNode{fmt::format("has {} that are not integers", attribute)};
  return value->known->integers();
}

}  // namespace sigmax::graph::onnx
