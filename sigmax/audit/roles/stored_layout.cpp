#include "sigmax/audit/roles/stored_layout.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

Layout axes(std::vector<Axis> list) { return {std::move(list), 1, 0}; }

bool is_vector(const io::Entry* entry) { return entry != nullptr && entry->shape.size() == 1; }

bool is_in_out(const Dimensions& shape, const Dimensions& bias) {
  return bias.size() == 1 && bias[0] == shape[1] && bias[0] != shape[0];
}

// GPT-2's Conv1D: [in, out]. Others have kept the names and turned the matrix.
bool is_gpt2_conv1d(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::string_view layer = parts.component(1);
  if (layer == "c_attn" || layer == "c_fc") return s[1] > s[0];
  if (layer != "c_proj") return false;
  if (s[0] != s[1]) return s[0] > s[1];
  const io::Entry* attention = beside_layer(entry, "c_attn", siblings);
  return attention != nullptr && attention->shape.size() == 2 && attention->shape[1] > attention->shape[0];
}

// Whether the block's c_attn is [in, out], where its shape alone says so: it has three times as many outputs as inputs,
// or twice as many where queries come from elsewhere.
std::optional<bool> attention_is_in_out(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  // `h.0.` of `h.0.attn.c_proj.weight` and `h.0.mlp.c_fc.weight`.
  if (parts.components().size() < 3) return std::nullopt;
  const auto at = static_cast<std::size_t>(parts.component(2).data() - entry.name.data());
  const std::string block = entry.name.substr(0, at);
  const std::string last(parts.component(0));
  for (const std::string_view layer : {"attn.c_attn.", "crossattention.c_attn."}) {
    std::string name = block;
    name.append(layer).append(last);
    const io::Entry* attention = siblings.find(name, entry);
    if (attention == nullptr || attention->shape.size() != 2) continue;
    const auto is_multiple = [](std::int64_t outputs, std::int64_t inputs) {
      return inputs > 0 && outputs % inputs == 0 && (outputs / inputs == 2 || outputs / inputs == 3);
    };
    if (is_multiple(attention->shape[1], attention->shape[0])) return true;
    if (is_multiple(attention->shape[0], attention->shape[1])) return false;
  }
  return std::nullopt;
}

// Which layout the layers called c_attn, c_fc, c_proj and q_attn have, if config.json tells the model: those of GPT-2
// are Conv1D, and those of others that kept the names are Linear. A shape that contradicts takes precedence, for its
// whole block.
std::optional<Layout> conv1d_by_config(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const io::ModelConfig* config = siblings.config(entry);
  if (config == nullptr || parts.component(0) != "weight") return std::nullopt;
  if (!is_one_of(parts.component(1), {"c_attn", "c_fc", "c_proj", "q_attn"})) return std::nullopt;
  const auto& all = config->architectures;
  const bool is_gpt2 = config->model_type.empty() &&
                       std::any_of(all.begin(), all.end(), [](const std::string& a) { return a.starts_with("GPT2"); });
  const bool is_conv1d =
      is_gpt2 || is_one_of(config->model_type, {"gpt2", "openai-gpt", "imagegpt", "decision_transformer"});
  if (!is_conv1d && !is_one_of(config->model_type, {"gpt_bigcode", "exaone"})) return std::nullopt;
  const bool in_out = attention_is_in_out(entry, parts, siblings).value_or(is_conv1d);
  return in_out ? axes({Axis::in, Axis::out}) : axes({Axis::out, Axis::in});
}

}  // namespace

const io::Entry* bias_of(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const std::string_view last = parts.component(0);
  for (const std::string_view own : {"weight_orig", "weight", "kernel"}) {
    if (const std::string bias = with_ending(last, own, "bias"); !bias.empty()) {
      return siblings.find(parts.sibling(bias), entry);
    }
  }
  if (last.ends_with("weights")) {
    const io::Entry* biases = siblings.find(parts.sibling(with_ending(last, "weights", "biases")), entry);
    return biases != nullptr ? biases : siblings.find(parts.sibling(with_ending(last, "weights", "bias")), entry);
  }
  if (last == "w") return siblings.find(parts.sibling("b"), entry);
  // Keras 3 numbers the variables of a layer.
  if (last == "0" && parts.component(1) == "vars") return siblings.find(parts.sibling("1"), entry);
  return siblings.find(parts.sibling(std::string(last) + "_bias"), entry);
}

const io::Entry* beside_layer(const io::Entry& entry, std::string_view layer, const Siblings& siblings) {
  const NameParts parts(entry.name);
  if (parts.components().size() < 2) return nullptr;
  const std::string_view own = parts.component(1);
  const auto at = static_cast<std::size_t>(own.data() - entry.name.data());
  std::string name = entry.name.substr(0, at);
  name += layer;
  return siblings.find(name += entry.name.substr(at + own.size()), entry);
}

bool says_convolution(const NameParts& parts) {
  const auto components = parts.components();
  return std::any_of(components.begin(), components.end(), [](std::string_view component) {
    const std::string lowered = lower_case(component);
    return lowered.find("conv") != std::string::npos || lowered.find("cnn") != std::string::npos;
  });
}

std::optional<std::vector<Axis>> attention_axes(const io::Entry& entry, const NameParts& parts,
                                                const Siblings& siblings) {
  using enum Axis;
  const std::string_view last = parts.component(0), layer = parts.component(last == "0" ? 2 : 1);
  if (is_one_of(last, {"W_Q", "W_K", "W_V"})) return std::vector{out, in, out};
  if (last == "W_O") return std::vector{in, in, out};
  if (last != "kernel" && parts.component(1) != "vars") return std::nullopt;
  if (is_one_of(layer, {"query", "key", "value", "query_dense", "key_dense", "value_dense"})) {
    return std::vector{in, out, out};
  }
  const bool output = is_one_of(layer, {"out", "attention_output", "output_dense"});
  const bool attends =
      beside_layer(entry, "query", siblings) != nullptr || beside_layer(entry, "query_dense", siblings) != nullptr;
  return output && attends ? std::optional(std::vector{in, in, out}) : std::nullopt;
}

Layout convolution_layout(std::size_t rank, std::int64_t groups) {
  Layout layout{std::vector<Axis>(rank, Axis::kernel), groups, 0};
  layout.axes[0] = Axis::out;
  layout.axes[1] = Axis::in;
  return layout;
}

Layout transposed_convolution_layout(std::size_t rank, std::int64_t groups) {
  Layout layout = convolution_layout(rank, groups);
  std::swap(layout.axes[0], layout.axes[1]);
  return layout;
}

Layout channels_last_layout(std::size_t rank, std::int64_t groups) {
  Layout layout{std::vector<Axis>(rank, Axis::kernel), groups, rank - 1};
  layout.axes[rank - 2] = Axis::in;
  layout.axes[rank - 1] = Axis::out;
  return layout;
}

Layout depthwise_channels_last_layout(const Dimensions& shape) {
  Layout layout = channels_last_layout(shape.size(), shape[shape.size() - 2]);
  layout.split = shape.size() - 2;
  return layout;
}

bool has_output_bias(const io::Entry& entry, const Siblings& siblings) {
  const io::Entry* bias = bias_of(entry, siblings);
  return is_vector(bias) && (bias->shape[0] == entry.shape[0] || bias->shape[0] == entry.shape[1]);
}

StoredLayout dense_layout(const io::Entry& entry, const Siblings& siblings) {
  using enum Axis;
  const NameParts parts(entry.name);
  const Dimensions& s = entry.shape;
  const io::Entry* bias = bias_of(entry, siblings);
  if (is_vector(bias) && is_in_out(s, bias->shape)) return {axes({in, out}), Evidence::companion};
  if (is_vector(bias) && bias->shape[0] == s[0] && s[0] != s[1]) return {axes({out, in}), Evidence::companion};
  if (auto layout = conv1d_by_config(entry, parts, siblings)) return {std::move(*layout), Evidence::companion};
  const std::string_view last = parts.component(0);
  if (is_one_of(last, {"kernel", "pointwise_kernel", "recurrent_kernel"}) ||
      (is_one_of(last, {"w", "weights"}) && parts.has_slashes()) || is_one_of(last, {"W_U", "W_in", "W_out"}) ||
      (last.starts_with("time_") && (last.ends_with("_w1") || last.ends_with("_w2")))) {
    return {axes({in, out}), Evidence::known_name};
  }
  if (last == "weight" && is_gpt2_conv1d(entry, parts, siblings)) return {axes({in, out}), Evidence::known_name};
  return {axes({out, in}), Evidence::shape};
}

}  // namespace sigmax::audit
