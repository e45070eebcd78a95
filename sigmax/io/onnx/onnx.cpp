#include "sigmax/io/onnx/onnx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_external.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_quantized.hpp"
#include "sigmax/io/onnx/onnx_rounding.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"
#include "sigmax/io/onnx/onnx_usage.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io {
namespace {

using onnx::Model;
using onnx::Node;
using onnx::Quantization;
using onnx::TensorSource;
using onnx::Weight;

constexpr std::uint32_t kGraphField = 7;

/// Wire type of a known field of ModelProto; any wire type for numbers that later versions may give a meaning to.
bool fits_model(std::uint32_t field, WireType type) {
  switch (field) {
    case 1:
    case 5: return type == WireType::varint;  // ir_version, model_version
    case 2:
    case 3:
    case 4:
    case 6:
    case 7:
    case 8:
    case 14:
    case 20:
    case 25:
    case 26: return type == WireType::bytes;
    default: return field < 64;
  }
}

/// The node's output for the value of a Constant node; otherwise the tensor's own name, or the name of what holds it.
std::string name_of(const Model& model, const Weight& weight) {
  if (weight.holder == Weight::Holder::constant) {
    const Node& node = model.nodes[weight.node];
    if (node.outputs.count > 0) return std::string(model.names[node.outputs.first]);
    return onnx::shortened(node.name);
  }
  if (!weight.tensor.name.empty()) return std::string(weight.tensor.name);
  std::string_view holder = model.graphs[weight.graph].function;
  if (weight.holder == Weight::Holder::attribute) {
    const Node& node = model.nodes[weight.node];
    holder = !node.name.empty() || node.outputs.count == 0 ? node.name : model.names[node.outputs.first];
  }
  return fmt::format("{}.{}", onnx::shortened(holder), onnx::shortened(weight.attribute));
}

std::string place_of(const Model& model, const Weight& weight) {
  switch (weight.holder) {
    case Weight::Holder::initializer: return "initializer";
    case Weight::Holder::sparse_initializer: return "sparse initializer";
    case Weight::Holder::function_attribute:
      return fmt::format("attribute {}", onnx::shortened_in_quotes(weight.attribute));
    case Weight::Holder::attribute:
      return fmt::format("attribute {} of {}", onnx::shortened_in_quotes(weight.attribute),
                         onnx::title(model, model.nodes[weight.node]));
    case Weight::Holder::constant: break;
  }
  const Node& node = model.nodes[weight.node];
  return node.name.empty() ? "Constant node" : fmt::format("Constant node {}", onnx::shortened_in_quotes(node.name));
}

std::string provenance_of(const Model& model, const Weight& weight) {
  const std::string& path = model.graphs[weight.graph].path;
  return path.empty() ? place_of(model, weight) : path + " / " + place_of(model, weight);
}

/// The entry of a tensor as it is stored, before any dequantization.
Entry plain_entry(const Model& model, const Weight& weight, const TensorSource& source) {
  Entry entry;
  entry.name = name_of(model, weight);
  entry.dtype = source.dtype;
  entry.dtype_name = source.dtype_name;
  entry.shape = source.shape;
  entry.bytes = source.bytes;
  entry.provenance = provenance_of(model, weight);
  entry.unreadable = source.unreadable;
  if (entry.unreadable.empty()) {
    entry.load = [source, name = entry.name] {
      TensorSource named = source;
      named.name = name;
      return named.load();
    };
  }
  return entry;
}

void make_dequantized(Entry& entry, const Quantization& how, const std::vector<TensorSource>& sources,
                      const TensorSource& integers) {
  if (!how.problem.empty()) {
    entry.unreadable = how.problem;
    entry.opaque = how.packed;
    entry.load = nullptr;
    return;
  }
  std::optional<TensorSource> zero_point;
  if (how.zero_point != onnx::kNone) zero_point = sources[how.zero_point];
  entry.provenance += fmt::format(", dequantized from {} by {}", integers.dtype_name, how.by);
  entry.dtype = how.result;
  entry.dtype_name = std::string(name(how.result));
  entry.unreadable.clear();
  entry.load = [integers, scale = sources[how.scale], zero_point, how] {
    Tensor values = onnx::dequantize(integers, scale, zero_point, how);
    // Each may lie in its own external file.
    integers.file->check_intact();
    scale.file->check_intact();
    if (zero_point) zero_point->file->check_intact();
    return values;
  };
}

void make_rounded(Entry& entry, const onnx::Rounding& how, const std::vector<TensorSource>& sources,
                  const TensorSource& weight) {
  std::optional<TensorSource> zero_point;
  if (how.zero_point != onnx::kNone) zero_point = sources[how.zero_point];
  entry.provenance += fmt::format(", rounded to {} and back by {}", name(how.integers), how.by);
  entry.load = [weight, scale = sources[how.scale], zero_point, how] {
    Tensor values = onnx::rounded_weight(weight, scale, zero_point, how);
    weight.file->check_intact();
    scale.file->check_intact();
    if (zero_point) zero_point->file->check_intact();
    return values;
  };
}

}  // namespace

bool looks_like_onnx(const MappedFile& file) noexcept {
  try {
    int graphs = 0;
    bool versioned = false;
    for (WireCursor cursor(file, file.bytes(), "ModelProto"); cursor.next();) {
      if (!fits_model(cursor.field(), cursor.wire_type())) return false;
      if (cursor.field() == kGraphField) ++graphs;
      if (cursor.field() == 1 || cursor.field() == 8) versioned = true;
    }
    return graphs > 0 && versioned;  // read_onnx refuses two and says why
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<Entry> read_onnx(std::shared_ptr<const MappedFile> file) {
  const Model model = onnx::read_model(std::move(file));
  onnx::ExternalData external(model.file);
  std::vector<TensorSource> sources;
  sources.reserve(model.weights.size());
  for (const Weight& weight : model.weights) sources.push_back(onnx::describe(model, weight, external));

  const onnx::Dataflow flow(model);
  const auto quantizations = onnx::find_quantizations(model, flow, sources);
  const onnx::Roundings roundings = onnx::find_roundings(model, flow, sources);
  auto usages = onnx::find_usages(model, flow, roundings.changes);
  std::vector<Entry> entries;
  entries.reserve(sources.size());
  for (std::size_t w = 0; w < sources.size(); ++w) {
    Entry& entry = entries.emplace_back(plain_entry(model, model.weights[w], sources[w]));
    if (quantizations[w]) make_dequantized(entry, *quantizations[w], sources, sources[w]);
    if (roundings.weights[w]) make_rounded(entry, *roundings.weights[w], sources, sources[w]);
    entry.used_by = std::move(usages[w]);
  }
  return entries;
}

}  // namespace sigmax::io
