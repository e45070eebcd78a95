#include "sigmax/audit/roles/kernel_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

// The name of the tensor `name` of the module that holds this one's layer: `mixer.A_log` for `mixer.conv1d.weight`.
std::string beside_module(const io::Entry& entry, const NameParts& parts, std::string_view name) {
  const auto at = static_cast<std::size_t>(parts.component(1).data() - entry.name.data());
  return entry.name.substr(0, at) += name;
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

// The layer that a kernel belongs to: `conv2d` of `conv2d/kernel` and `conv2d/vars/0`.
std::string layer_of(const NameParts& parts) {
  return lower_case(parts.component(parts.component(1) == "vars" ? 2 : 1));
}

// [kernel..., out, in]: the transposed layers of Keras, Haiku and TensorFlow.
Layout transposed_channels_last_layout(std::size_t rank) {
  Layout layout = channels_last_layout(rank, 1);
  std::swap(layout.axes[rank - 2], layout.axes[rank - 1]);
  return layout;
}

// The layouts that a bias of that length allows, each at most once. Where two are the same matrix, one stands for both.
struct Allowed {
  bool first = false;                         // [out, in, kernel...]
  std::optional<std::int64_t> second_groups;  // [in, out / groups, kernel...]
  bool last = false;                          // [kernel..., in, out]
  bool before_last = false;                   // [kernel..., out, in]
  bool product = false;                       // [kernel..., in, multiplier]
};

Allowed allowed_by(const Dimensions& s, std::int64_t outputs) {
  const std::size_t rank = s.size();
  Allowed allowed;
  allowed.first = s[0] == outputs;
  if (outputs > 0 && s[1] > 0 && outputs % s[1] == 0 && s[0] % (outputs / s[1]) == 0) {
    allowed.second_groups = outputs / s[1];
  }
  allowed.last = s[rank - 1] == outputs;
  allowed.before_last = s[rank - 2] == outputs;
  allowed.product = s[rank - 2] > 1 && outputs % s[rank - 2] == 0 && outputs / s[rank - 2] == s[rank - 1];
  return allowed;
}

Doubt none_fits(std::int64_t outputs) {
  return {fmt::format("a bias of {} next to it fits no layout of a kernel; --as says which matrix it is", outputs),
          Evidence::companion};
}

// The only one of them, or doubt.
LayoutOrDoubt only(std::vector<Layout> layouts, std::int64_t outputs) {
  if (layouts.empty()) return none_fits(outputs);
  if (layouts.size() == 1) return StoredLayout{std::move(layouts[0]), Evidence::companion};
  return Doubt{fmt::format("a bias of {} next to it fits the layouts {} and {}; --as says which", outputs,
                           layout_text(layouts[0]), layout_text(layouts[1])),
               Evidence::companion};
}

// PyTorch's [out, in, kernel...] and [in, out, kernel...].
LayoutOrDoubt outputs_first(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::size_t rank = s.size();
  const io::Entry* bias = bias_of(entry, siblings);
  const bool has_bias = bias != nullptr && bias->shape.size() == 1;
  const Allowed allowed = has_bias ? allowed_by(s, bias->shape[0]) : Allowed{true, 1, false, false, false};
  const bool transposed = says_transposed(parts);
  if (!allowed.first) {
    if (allowed.second_groups && (*allowed.second_groups == 1 || !allowed.last)) {
      const Evidence evidence = allowed.last ? Evidence::shape : Evidence::companion;
      return StoredLayout{transposed_convolution_layout(rank, *allowed.second_groups), evidence};
    }
    std::vector<Layout> others;
    if (allowed.second_groups) others.push_back(transposed_convolution_layout(rank, *allowed.second_groups));
    if (allowed.last) others.push_back(channels_last_layout(rank, 1));
    if (others.empty() && allowed.before_last) others.push_back(transposed_channels_last_layout(rank));
    if (!allowed.second_groups && !allowed.last && allowed.product) {
      others.push_back(depthwise_channels_last_layout(s));
    }
    return only(std::move(others), bias->shape[0]);
  }
  if (const auto evidence = depthwise(entry, parts, siblings)) {
    return StoredLayout{convolution_layout(rank, s[0]), *evidence};
  }
  const bool square = s[0] == s[1];
  const bool decided = has_bias && !square && (!allowed.last || bias->shape[0] == 1);
  if (transposed && !(has_bias && !square)) {
    return StoredLayout{transposed_convolution_layout(rank, 1), Evidence::known_name};
  }
  const bool is_known = decided && (rank > 3 || says_convolution(parts));
  return StoredLayout{convolution_layout(rank, 1), is_known ? Evidence::companion : Evidence::shape};
}

// A window as wide as high: what a stack of matrices has only by chance.
bool has_a_square_window(const Dimensions& shape) {
  constexpr std::int64_t kWidest = 32;
  const auto window = static_cast<std::ptrdiff_t>(shape.size()) - 2;
  return window > 1 && shape[0] <= kWidest &&
         std::all_of(shape.begin(), shape.begin() + window, [&](std::int64_t extent) { return extent == shape[0]; });
}

// What Flax, Haiku, Keras and TensorFlow keep under the layer's name, without a look at the bias.
Layout layout_by_layer(const io::Entry& entry, const NameParts& parts) {
  const Dimensions& s = entry.shape;
  const std::size_t rank = s.size();
  const std::string layer = layer_of(parts);
  // Flax keeps its transposed kernels as all others; its layers are called ConvTranspose_0.
  if (layer.find("_transpose") != std::string::npos) return transposed_channels_last_layout(rank);
  if (says_depthwise(parts) && s[rank - 2] == 1 && s[rank - 1] > 1) return channels_last_layout(rank, s[rank - 1]);
  const bool is_keras = layer.starts_with("depthwise_conv1d") || layer.starts_with("depthwise_conv2d");
  if (is_keras || (says_depthwise(parts) && s[rank - 1] == 1)) return depthwise_channels_last_layout(s);
  return channels_last_layout(rank, 1);
}

bool has_outputs(const Layout& layout, const Dimensions& s, std::int64_t outputs) {
  const std::size_t rank = s.size();
  if (layout.axes[rank - 2] == Axis::out) return s[rank - 2] == outputs;
  if (layout.groups > 1 && layout.split == rank - 2) return s[rank - 2] * s[rank - 1] == outputs;
  return s[rank - 1] == outputs;
}

LayoutOrDoubt outputs_last(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::size_t rank = s.size();
  Layout named = layout_by_layer(entry, parts);
  const io::Entry* bias = bias_of(entry, siblings);
  if (bias != nullptr && bias->shape.size() == 1) {
    const std::int64_t outputs = bias->shape[0];
    if (has_outputs(named, s, outputs)) return StoredLayout{std::move(named), Evidence::known_name};
    const Allowed allowed = allowed_by(s, outputs);
    std::vector<Layout> others;
    if (allowed.last) others.push_back(channels_last_layout(rank, 1));
    if (allowed.before_last) others.push_back(transposed_channels_last_layout(rank));
    if (allowed.product) others.push_back(depthwise_channels_last_layout(s));
    if (allowed.first) others.push_back(convolution_layout(rank, 1));
    return only(std::move(others), outputs);
  }
  const std::string layer = layer_of(parts);
  const bool is_patch = has_word(layer, {"embedding", "embeddings", "patch", "stem"});
  const bool is_one_matrix = rank == 3 && s[0] == 1;  // both as a stack and as a kernel
  if (says_convolution(parts) || says_depthwise(parts) || has_a_square_window(s) || is_patch || is_one_matrix) {
    return StoredLayout{std::move(named), Evidence::known_name};
  }
  return Doubt{"a stack of matrices or a convolution kernel: nothing tells which; --as does", Evidence::shape};
}

}  // namespace

bool keeps_outputs_last(const NameParts& parts) {
  const std::string_view last = parts.component(0);
  if (is_one_of(last, {"kernel", "pointwise_kernel"})) return true;
  const std::string_view layer = parts.component(1);
  const bool is_haiku = layer.starts_with("conv1_d") || layer.starts_with("conv2_d") || layer.starts_with("conv3_d");
  if (last == "w" && is_haiku) return true;
  return parts.has_slashes() &&
         (is_one_of(last, {"w", "weights"}) || (parts.component(1) == "vars" && is_number(last)));
}

LayoutOrDoubt kernel_layout(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  if (entry.shape.size() == 3) {
    if (auto axes = attention_axes(entry, parts, siblings)) {
      return StoredLayout{{std::move(*axes), 1, 0}, Evidence::known_name};
    }
  }
  if (is_one_of(parts.component(0), {"depthwise_kernel", "depthwise_weights"})) {
    return StoredLayout{depthwise_channels_last_layout(entry.shape), Evidence::known_name};
  }
  return keeps_outputs_last(parts) ? outputs_last(entry, parts, siblings) : outputs_first(entry, parts, siblings);
}

}  // namespace sigmax::audit
