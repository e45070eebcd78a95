#include "sigmax/io/onnx/onnx_convolution.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace sigmax::io::onnx {
namespace {

constexpr std::size_t kMostImageAxes = 8;

// As many entries as there are axes; `otherwise` for each axis if there is no such attribute. Nothing if it has another
// number of entries.
std::optional<Dimensions> list_of(const Model& model, const Node& node, std::string_view attribute, std::size_t entries,
                                  std::int64_t otherwise) {
  const auto found = model.integers(node, attribute, entries + 1);
  if (!found) return Dimensions(entries, otherwise);
  return found->size() == entries ? std::optional(Dimensions(found->begin(), found->end())) : std::nullopt;
}

std::size_t axes_of(const Model& model, const Node& node, const Dimensions& kernel, const Dimensions& input_size) {
  if (kernel.size() >= 3) return kernel.size() - 2;
  if (!input_size.empty()) return input_size.size();
  for (const std::string_view attribute : {"kernel_shape", "strides", "dilations"}) {
    if (const auto list = model.integers(node, attribute, kMostImageAxes + 1)) return list->size();
  }
  return 0;
}

}  // namespace

std::uint32_t kernel_input(const Node& node) {
  static constexpr std::array<std::string_view, 4> kFirst = {"Conv", "ConvTranspose", "FusedConv", "ConvInteger"};
  if (!node.domain.empty() && node.domain != "com.microsoft") return kNone;
  if (node.op == "QLinearConv") return 3;
  return std::ranges::find(kFirst, node.op) == kFirst.end() ? kNone : 1;
}

bool is_transposed_convolution(const Node& node) { return node.op == "ConvTranspose"; }

std::optional<ConvolutionSettings> convolution_settings(const Model& model, const Node& node, const Dimensions& kernel,
                                                        const Dimensions& input_size) {
  const std::size_t axes = axes_of(model, node, kernel, input_size);
  if (axes == 0 || axes > kMostImageAxes) return std::nullopt;
  const bool transposed = is_transposed_convolution(node);
  auto strides = list_of(model, node, "strides", axes, 1), dilations = list_of(model, node, "dilations", axes, 1),
       pads = list_of(model, node, "pads", 2 * axes, 0);
  auto appended = transposed ? list_of(model, node, "output_padding", axes, 0) : std::optional(Dimensions());
  if (!strides || !dilations || !pads || !appended) return std::nullopt;
  ConvolutionSettings settings;
  settings.stride = std::move(*strides);
  settings.dilation = std::move(*dilations);
  settings.output_padding = std::move(*appended);
  if (input_size.size() == axes) settings.input_size = input_size;
  const auto half = pads->begin() + static_cast<std::ptrdiff_t>(axes);
  settings.pad_low.assign(pads->begin(), half);
  settings.pad_high.assign(half, pads->end());

  StatedPadding stated;
  const std::string_view automatic = model.text(node, "auto_pad");
  if (automatic == "VALID") stated.kind = StatedPadding::Kind::valid;
  if (automatic == "SAME_UPPER") stated.kind = StatedPadding::Kind::same_upper;
  if (automatic == "SAME_LOWER") stated.kind = StatedPadding::Kind::same_lower;
  if (transposed && model.find(node, "output_shape") != nullptr) {
    // Some exporters write batch and channels in front.
    auto size = model.integers(node, "output_shape", kMostImageAxes + 2).value_or(std::vector<std::int64_t>());
    if (size.size() == axes + 2) size.erase(size.begin(), size.begin() + 2);
    if (size.size() == axes) stated.output_size.assign(size.begin(), size.end());
  }
  Dimensions taps = kernel.size() == axes + 2 ? taps_of(kernel) : Dimensions();
  if (taps.empty()) taps = list_of(model, node, "kernel_shape", axes, 0).value_or(Dimensions());
  if (!taps.empty() && taps.front() > 0) {
    resolve_padding(settings, stated, taps, transposed);
  } else if (stated.kind != StatedPadding::Kind::listed || !stated.output_size.empty()) {
    settings.pad_low.clear();
    settings.pad_high.clear();
  }
  return settings;
}

}  // namespace sigmax::io::onnx
