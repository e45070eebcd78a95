#include "sigmax/graph/onnx/input_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::onnx {
namespace {

/// The number; nothing for a symbolic or open extent.
std::optional<std::int64_t> stated(const io::SymbolicExtent& extent) {
  if (const auto* number = std::get_if<std::int64_t>(&extent)) return *number;
  return std::nullopt;
}

std::string spelled(const io::ComputationValue& input) {
  if (!input.has_shape) return "no shape";
  std::string text;
  for (const io::SymbolicExtent& each : input.shape) {
    if (!text.empty()) text += ", ";
    const auto* symbol = std::get_if<std::string>(&each);
    if (symbol == nullptr) text += fmt::format("{}", std::get<std::int64_t>(each));
    if (symbol != nullptr) text += symbol->empty() ? "?" : printable(*symbol);
  }
  return fmt::format("the shape [{}]", text);
}

/// Whether an open axis is the batch: the first of several, or one with such a name.
bool is_batch(const io::ComputationValue& input, std::size_t axis) {
  constexpr std::array<std::string_view, 4> kLetters = {"N", "n", "B", "b"};
  const std::string& symbol = std::get<std::string>(input.shape[axis]);
  std::string lower = symbol;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower.find("batch") != std::string::npos) return true;
  return axis == 0 && (input.shape.size() > 1 || std::ranges::find(kLetters, symbol) != kLetters.end());
}

/// A shape to show how the option is written.
std::string example(const io::ComputationValue& input) {
  constexpr std::int64_t kSide = 224;
  if (!input.has_shape) return "1x3x224x224";
  std::string text;
  for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
    const auto number = stated(input.shape[axis]);
    const std::int64_t shown = number ? *number : is_batch(input, axis) ? 1 : kSide;
    text += fmt::format("{}{}", axis == 0 ? "" : "x", shown);
  }
  return text;
}

[[noreturn]] void refuse_unknown(const io::ComputationValue& input) {
  throw Error(fmt::format("[from_onnx] the input '{}' has {} in the file: set its sizes, such as --input-shape {}={}",
                          printable(input.name), spelled(input), printable(input.name), example(input)));
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string result(text.substr(0, kMost));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > kMost ? result + "..." : result;
}

void require_inputs_exist(const io::Computation& computation, const ImportOptions& options) {
  const auto require = [&](const std::string& name) {
    if (std::ranges::find(computation.inputs, name, &io::ComputationValue::name) != computation.inputs.end()) return;
    std::string names;
    for (const auto& input : computation.inputs)
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", printable(input.name));
    throw Error(fmt::format("[from_onnx] the network has no input '{}'; it has {}", printable(name), names));
  };
  for (const auto& [name, shape] : options.input_shapes) require(name);
  for (const auto& [name, value] : options.input_values) require(name);
  for (const auto& [name, value] : options.input_numbers) require(name);
}

Dimensions input_shape(const io::ComputationValue& input, const ImportOptions& options,
                       std::vector<std::string>& assumptions) {
  if (const auto given = options.input_shapes.find(input.name); given != options.input_shapes.end()) {
    bool fits = element_count(given->second).has_value();
    if (input.has_shape) fits = fits && given->second.size() == input.shape.size();
    for (std::size_t axis = 0; fits && input.has_shape && axis < input.shape.size(); ++axis) {
      fits = stated(input.shape[axis]).value_or(given->second[axis]) == given->second[axis];
    }
    if (fits) return given->second;
    throw Error(fmt::format("[from_onnx] the input '{}' has {} in the file, which {} does not fit",
                            printable(input.name), spelled(input), to_string(given->second)));
  }
  if (!input.has_shape) refuse_unknown(input);
  Dimensions shape;
  for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
    if (const auto number = stated(input.shape[axis])) {
      shape.push_back(*number);
      continue;
    }
    if (!is_batch(input, axis)) refuse_unknown(input);
    shape.push_back(1);
    assumptions.push_back(fmt::format("batch size 1 (axis {} of the input '{}')", axis, printable(input.name)));
  }
  if (!element_count(shape)) refuse_unknown(input);
  return shape;
}

}  // namespace sigmax::graph::onnx
