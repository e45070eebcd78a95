#include "cli/lipschitz/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "cli/reading/option_parts.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using io::ComputationValue;

template <class T>
double stored(const Tensor& values, std::int64_t i) {
  T value;
  std::memcpy(&value, values.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof value);
  return static_cast<double>(value);
}

/// Entry i of a row-major tensor; nothing for a type that has no exact double for each of its values.
std::optional<double> number_at(const Tensor& values, std::int64_t i) {
  if (is_real(values.dtype())) return values.at({&i, 1});
  switch (values.dtype()) {
    case DType::i32: return stored<std::int32_t>(values, i);
    case DType::i16: return stored<std::int16_t>(values, i);
    case DType::i8: return stored<std::int8_t>(values, i);
    case DType::u32: return stored<std::uint32_t>(values, i);
    case DType::u16: return stored<std::uint16_t>(values, i);
    case DType::u8: return stored<std::uint8_t>(values, i);
    default: return std::nullopt;
  }
}

/// The one array of a NumPy file.
Tensor array_in(const std::string& path) {
  const io::Checkpoint file = io::open_checkpoint(path);
  if (file.format != "npy" || file.entries.size() != 1) {
    throw FileError(path, "", fmt::format("is not a NumPy file of one array (.npy) but {}", file.format));
  }
  const io::Entry& entry = file.entries.front();
  if (!entry.unreadable.empty()) throw FileError(path, entry.name, entry.unreadable);
  return entry.load().compact();
}

std::string shown_shape(const ComputationValue& input) {
  if (!input.has_shape) return "no shape";
  std::string text;
  for (const io::SymbolicExtent& each : input.shape) {
    const auto* number = std::get_if<std::int64_t>(&each);
    const std::string* symbol = std::get_if<std::string>(&each);
    if (!text.empty()) text += ", ";
    text += number != nullptr ? fmt::format("{}", *number) : symbol->empty() ? "?" : report::visible(*symbol);
  }
  return fmt::format("the shape [{}]", text);
}

bool fits(const ComputationValue& input, const Dimensions& shape) {
  if (!input.has_shape) return true;
  if (input.shape.size() != shape.size()) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto* number = std::get_if<std::int64_t>(&input.shape[axis]);
    if (number != nullptr && *number != shape[axis]) return false;
  }
  return true;
}

bool holds_integers(const ComputationValue& input) {
  return input.dtype == "boolean" || input.dtype == "bool" || input.dtype.starts_with('i') ||
         input.dtype.starts_with('u');
}

/// The shape of --input-shape, or that of the file.
Dimensions shape_of(const ComputationValue& input, const LipschitzRequest& options) {
  const std::string name = report::visible(input.name);
  if (const auto given = options.input_shapes.find(input.name); given != options.input_shapes.end()) {
    if (fits(input, given->second)) return given->second;
    throw Error(fmt::format("--input-shape {}: the input has {} in the file, which {} does not fit", name,
                            shown_shape(input), to_string(given->second)));
  }
  Dimensions shape;
  for (const io::SymbolicExtent& each : input.shape) {
    if (const auto* number = std::get_if<std::int64_t>(&each)) shape.push_back(*number);
  }
  if (input.has_shape && shape.size() == input.shape.size()) return shape;
  throw Error(
      fmt::format("--input-value {0}: the input has {1} in the file: set its sizes, such as --input-shape "
                  "{0}=2x1x128",
                  name, shown_shape(input)));
}

/// A tensor of one number.
Tensor filled(const ComputationValue& input, const std::string& text, const LipschitzRequest& options) {
  constexpr std::int64_t kMostEntries = std::int64_t{1} << 28;
  const Dimensions shape = shape_of(input, options);
  const std::int64_t size = element_count(shape).value_or(kMostEntries + 1);
  const std::string name = report::visible(input.name);
  if (size > kMostEntries) throw Error(fmt::format("--input-value {}: {} is too large", name, to_string(shape)));
  const auto count = static_cast<std::size_t>(size);
  if (holds_integers(input)) {
    const auto integer = number_in<std::int64_t>(text);
    if (!integer) throw Error(fmt::format("--input-value {}: '{}' is not of its type, {}", name, text, input.dtype));
    auto values = std::make_shared<std::vector<std::int64_t>>(count, *integer);
    return Tensor(DType::i64, shape, reinterpret_cast<const std::byte*>(values->data()), values);
  }
  const auto number = number_in<double>(text);
  if (!number || !std::isfinite(*number)) {
    throw Error(fmt::format("--input-value {}: '{}' is not a finite number", name, text));
  }
  return Tensor::copy_of(std::vector<double>(count, *number), shape);
}

/// A tensor of a file.
Tensor read(const ComputationValue& input, const std::string& path) {
  Tensor values = array_in(path);
  const std::string name = report::visible(input.name);
  if (holds_integers(input) == is_real(values.dtype())) {
    throw FileError(
        path, "",
        fmt::format("holds {}, but the input '{}' is of type {}", sigmax::name(values.dtype()), name, input.dtype));
  }
  if (!fits(input, values.shape())) {
    throw FileError(path, "",
                    fmt::format("has the shape {}, but the input '{}' has {} in the model", to_string(values.shape()),
                                name, shown_shape(input)));
  }
  if (is_real(values.dtype())) {
    const Tensor flat = values.reshaped({values.size()});
    for (std::int64_t i = 0; i < flat.size(); ++i) {
      if (!std::isfinite(flat.at({&i, 1}))) throw FileError(path, "", fmt::format("entry {} is not finite", i));
    }
  }
  return values;
}

bool is_number(const std::string& text) { return number_in<double>(text).has_value(); }

}  // namespace

std::map<std::string, Tensor> constant_inputs(const LipschitzRequest& options, const io::Computation& computation) {
  std::map<std::string, Tensor> values;
  for (const auto& [name, text] : options.input_values) {
    const auto found =
        std::find_if(computation.inputs.begin(), computation.inputs.end(),
                     [&, wanted = &name](const ComputationValue& input) { return input.name == *wanted; });
    if (found == computation.inputs.end()) {
      std::string names;
      for (const ComputationValue& input : computation.inputs) {
        names += fmt::format("{}'{}'", names.empty() ? "" : ", ", report::visible(input.name));
      }
      throw Error(fmt::format("--input-value: the network has no input '{}'; it has {}", name, names));
    }
    values.emplace(name, is_number(text) ? filled(*found, text, options) : read(*found, text));
  }
  return values;
}

std::vector<std::vector<double>> given_inputs(const std::string& path, std::int64_t size) {
  const Tensor values = array_in(path);
  const Dimensions& shape = values.shape();
  const bool is_batch = !shape.empty() && shape[0] > 0 && values.size() / shape[0] == size && values.size() % size == 0;
  if (size == 0 || (values.size() != size && !is_batch)) {
    throw FileError(path, "",
                    fmt::format("has the shape {}, which is neither one input of {} numbers nor an axis of "
                                "inputs",
                                to_string(shape), size));
  }
  return io::while_intact(values, [&] {
    const Tensor flat = values.reshaped({values.size()});
    std::vector<std::vector<double>> inputs(static_cast<std::size_t>(values.size() / size));
    for (std::int64_t i = 0; i < flat.size(); ++i) {
      const auto number = number_at(flat, i);
      if (!number) throw FileError(path, "", fmt::format("holds {}, not numbers", name(flat.dtype())));
      if (!std::isfinite(*number)) throw FileError(path, "", fmt::format("entry {} is not finite", i));
      inputs[static_cast<std::size_t>(i / size)].push_back(*number);
    }
    return inputs;
  });
}

}  // namespace sigmax::cli
