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

// `name` with `from` at its end replaced by `to`; empty if it does not end so.
std::string with_ending(std::string_view name, std::string_view from, std::string_view to) {
  if (!name.ends_with(from)) return {};
  return std::string(name.substr(0, name.size() - from.size())) += to;
}

// The bias of the layer: `weight` and `bias`, `in_proj_weight` and `in_proj_bias`, `gate_up_proj` and
// `gate_up_proj_bias`.
const io::Entry* bias_of(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const std::string_view last = parts.component(0);
  for (const std::string_view own : {"weight_orig", "weight", "kernel", "weights"}) {
    if (const std::string bias = with_ending(last, own, own == "weights" ? "biases" : "bias"); !bias.empty()) {
      return siblings.find(parts.sibling(bias), entry);
    }
  }
  if (last == "w") return siblings.find(parts.sibling("b"), entry);
  return siblings.find(parts.sibling(std::string(last) + "_bias"), entry);
}

// The tensor `name` of the layer next to this one's: `attn.c_attn.weight` for `attn.c_proj.weight`.
const io::Entry* beside_layer(const io::Entry& entry, std::string_view layer, const Siblings& siblings) {
  const NameParts parts(entry.name);
  if (parts.components().size() < 2) return nullptr;
  const std::string_view own = parts.component(1);
  const auto at = static_cast<std::size_t>(own.data() - entry.name.data());
  std::string name = entry.name.substr(0, at);
  name += layer;
  return siblings.find(name += entry.name.substr(at + own.size()), entry);
}

// The name of the tensor `name` of the module that holds this one's layer: `mixer.A_log` for `mixer.conv1d.weight`.
std::string beside_module(const io::Entry& entry, const NameParts& parts, std::string_view name) {
  const auto at = static_cast<std::size_t>(parts.component(1).data() - entry.name.data());
  return entry.name.substr(0, at) += name;
}

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

// [in, heads, width] and [heads, width, in] of attention layers that keep an axis for the heads.
std::optional<Layout> attention_layout(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  using enum Axis;
  if (entry.shape.size() != 3) return std::nullopt;
  const std::string_view last = parts.component(0), layer = parts.component(1);
  if (is_one_of(last, {"W_Q", "W_K", "W_V"})) return axes({out, in, out});
  if (last == "W_O") return axes({in, in, out});
  if (last != "kernel") return std::nullopt;
  if (is_one_of(layer, {"query", "key", "value", "query_dense", "key_dense", "value_dense"})) {
    return axes({in, out, out});
  }
  const bool output = is_one_of(layer, {"out", "attention_output", "output_dense"});
  const bool attends =
      beside_layer(entry, "query", siblings) != nullptr || beside_layer(entry, "query_dense", siblings) != nullptr;
  return output && attends ? std::optional(axes({in, in, out})) : std::nullopt;
}

bool says_transposed(const NameParts& parts) {
  for (const std::string_view component : parts.components()) {
    const std::string lowered = lower_case(component);
    if (lowered.find("convtranspose") != std::string::npos || lowered.find("conv_transpose") != std::string::npos ||
        lowered.find("deconv") != std::string::npos || lowered.find("transpose_conv") != std::string::npos ||
        lowered.find("conv1d_transpose") != std::string::npos ||
        lowered.find("conv2d_transpose") != std::string::npos ||
        lowered.find("conv3d_transpose") != std::string::npos) {
      return true;
    }
  }
  return false;
}

bool says_depthwise(const NameParts& parts) {
  const auto components = parts.components();
  for (std::size_t i = components.size() > 3 ? components.size() - 3 : 0; i < components.size(); ++i) {
    const std::string lowered = lower_case(components[i]);
    if (lowered.find("depthwise") != std::string::npos || has_word(lowered, {"dw", "dwconv", "dconv"})) return true;
  }
  return false;
}

// Whether a kernel [c, 1, ...] has c groups of one channel, or one channel in all. An image of one channel comes first
// in a network, a depthwise convolution after a layer with as many outputs.
std::optional<Evidence> depthwise(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  if (s[0] < 2 || s[1] != 1) return std::nullopt;
  // Mamba's short convolution, next to the state matrix.
  if (parts.component(1) == "conv1d" && (beside_layer(entry, "in_proj", siblings) != nullptr ||
                                         siblings.find(beside_module(entry, parts, "A_log"), entry) != nullptr)) {
    return Evidence::companion;
  }
  if (says_depthwise(parts)) return Evidence::known_name;
  const io::Entry* before = siblings.predecessor(entry);
  if (before != nullptr && before->shape[0] == s[0]) return Evidence::companion;
  return std::nullopt;
}

// Whether anything but the number of its axes says that a tensor is a kernel. An attention over heads, a bilinear form
// and a stack have three axes as well.
bool says_convolution(const NameParts& parts) {
  const auto components = parts.components();
  return std::any_of(components.begin(), components.end(), [](std::string_view component) {
    const std::string lowered = lower_case(component);
    return lowered.find("conv") != std::string::npos || lowered.find("cnn") != std::string::npos;
  });
}

// [kernel..., in, out] by name: Flax, Keras and, with slashes in its names, TensorFlow.
std::optional<Layout> channels_last_by_name(const io::Entry& entry, const NameParts& parts) {
  const std::string_view last = parts.component(0);
  const std::size_t rank = entry.shape.size();
  if (is_one_of(last, {"depthwise_kernel", "depthwise_weights"})) return depthwise_channels_last_layout(entry.shape);
  if (!is_one_of(last, {"kernel", "pointwise_kernel"}) && !(last == "weights" && parts.has_slashes())) {
    return std::nullopt;
  }
  Layout layout = channels_last_layout(rank, 1);
  // Keras keeps its transposed kernels [kernel..., out, in], Flax as all others.
  const std::string module = lower_case(parts.component(1));
  if (module.find("_transpose") != std::string::npos) std::swap(layout.axes[rank - 2], layout.axes[rank - 1]);
  if (says_depthwise(parts) && entry.shape[rank - 2] == 1 && entry.shape[rank - 1] > 1) {
    return channels_last_layout(rank, entry.shape[rank - 1]);
  }
  return layout;
}

// The layouts that a bias of `outputs` entries allows: [out, in, ...], and [in, out / groups, ...].
std::optional<Layout> layout_by_bias(const Dimensions& shape, std::int64_t outputs) {
  if (outputs < 1 || shape[0] == outputs || outputs % shape[1] != 0) return std::nullopt;
  const std::int64_t groups = outputs / shape[1];
  if (shape[0] % groups != 0) return std::nullopt;
  return transposed_convolution_layout(shape.size(), groups);
}

}  // namespace

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
      (last == "weights" && parts.has_slashes()) || is_one_of(last, {"W_U", "W_in", "W_out"}) ||
      (last.starts_with("time_") && (last.ends_with("_w1") || last.ends_with("_w2")))) {
    return {axes({in, out}), Evidence::known_name};
  }
  if (last == "weight" && is_gpt2_conv1d(entry, parts, siblings)) return {axes({in, out}), Evidence::known_name};
  return {axes({out, in}), Evidence::shape};
}

StoredLayout kernel_layout(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const std::size_t rank = entry.shape.size();
  if (auto layout = attention_layout(entry, parts, siblings)) return {std::move(*layout), Evidence::known_name};
  if (auto layout = channels_last_by_name(entry, parts)) return {std::move(*layout), Evidence::known_name};
  const io::Entry* bias = bias_of(entry, siblings);
  if (is_vector(bias)) {
    if (auto layout = layout_by_bias(entry.shape, bias->shape[0])) return {std::move(*layout), Evidence::companion};
  }
  if (const auto evidence = depthwise(entry, parts, siblings)) {
    return {convolution_layout(rank, entry.shape[0]), *evidence};
  }
  const bool square = entry.shape[0] == entry.shape[1];
  const bool contradicted = is_vector(bias) && bias->shape[0] == entry.shape[0] && !square;
  if (says_transposed(parts) && !contradicted) return {transposed_convolution_layout(rank, 1), Evidence::known_name};
  const bool decided = contradicted && (rank > 3 || says_convolution(parts));
  return {convolution_layout(rank, 1), decided ? Evidence::companion : Evidence::shape};
}

std::optional<StoredLayout> batched_product(const io::Entry& entry, const Siblings& siblings) {
  using enum Axis;
  const Dimensions& s = entry.shape;
  const NameParts parts(entry.name);
  if (s.size() != 3 || attention_layout(entry, parts, siblings)) return std::nullopt;
  const std::string_view last = parts.component(0);
  // RWKV-6 multiplies by it from the right, five at a time; the block diagonal gates of RecurrentGemma and Griffin.
  const bool is_gate =
      s[1] == s[2] && (last.ends_with("_gate_weight") || (last == "w" && parts.component(1).ends_with("_gate")));
  if (is_gate || last == "time_maa_w2" || last == "time_mix_w2")
    return StoredLayout{axes({stack, in, out}), Evidence::known_name};
  // A bias for each matrix of a stack.
  const io::Entry* bias = bias_of(entry, siblings);
  if (bias == nullptr || bias->shape.size() < 2 || bias->shape.size() > 3 || s[0] < 2) return std::nullopt;
  const bool fits = bias->shape[0] == s[0] && element_count(bias->shape).value_or(0) == s[0] * bias->shape.back();
  if (!fits || (bias->shape.back() != s[1] && bias->shape.back() != s[2])) return std::nullopt;
  const bool in_out = bias->shape.back() != s[1];
  return StoredLayout{in_out ? axes({stack, in, out}) : axes({stack, out, in}), Evidence::companion};
}

StoredLayout stack_layout(const io::Entry& entry, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::size_t rank = s.size();
  StoredLayout found{{std::vector<Axis>(rank, Axis::stack), 1, 0}, Evidence::shape};
  found.layout.axes[rank - 2] = Axis::out;
  found.layout.axes[rank - 1] = Axis::in;
  const auto decide = [&](bool in_out) {
    found.evidence = Evidence::companion;
    if (in_out) std::swap(found.layout.axes[rank - 2], found.layout.axes[rank - 1]);
    return found;
  };
  const std::int64_t rows = s[rank - 2], columns = s[rank - 1];
  const io::Entry* bias = bias_of(entry, siblings);
  if (bias != nullptr && bias->shape.size() == rank - 1 && rows != columns) {
    if (bias->shape.back() == columns) return decide(true);
    if (bias->shape.back() == rows) return decide(false);
  }
  // A gate and an up projection in one have twice as many outputs as the down projection has inputs.
  const NameParts parts(entry.name);
  const std::string_view last = parts.component(0);
  for (const auto& [own, other] : {std::pair{"gate_up_proj", "down_proj"}, std::pair{"down_proj", "gate_up_proj"}}) {
    const std::string name = with_ending(last, own, other);
    const io::Entry* partner = name.empty() ? nullptr : siblings.find(parts.sibling(name), entry);
    if (partner == nullptr || partner->shape.size() != rank) continue;
    const bool is_up = other == std::string_view("down_proj");
    const Dimensions& up = is_up ? s : partner->shape;
    const Dimensions& down = is_up ? partner->shape : s;
    const bool in_out = up[rank - 1] / 2 == down[rank - 2] && up[rank - 2] == down[rank - 1];
    const bool out_in = up[rank - 2] / 2 == down[rank - 1] && up[rank - 1] == down[rank - 2];
    if (in_out != out_in) return decide(in_out);
  }
  return found;
}

}  // namespace sigmax::audit
