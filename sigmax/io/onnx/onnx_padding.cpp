#include "sigmax/io/onnx/onnx_padding.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sigmax::io::onnx {
namespace {

using Padding = ConvolutionSettings::Padding;

// Nodes that are looked through on the way to the image: a malformed graph may go in a circle.
constexpr int kMostNodes = 16;

std::optional<Padding> mode_of(std::string_view mode) {
  if (mode.empty() || mode == "constant") return Padding::zeros;
  if (mode == "reflect") return Padding::reflect;
  if (mode == "edge") return Padding::replicate;
  if (mode == "wrap") return Padding::circular;
  return std::nullopt;
}

// Pads for every axis of a value of this rank, all low ones before all high ones; nothing if they are not known.
std::optional<std::vector<std::int64_t>> pads_of(const Dataflow& flow, Parameters& parameters, const Node& node,
                                                 std::size_t rank) {
  auto pads = parameters.integers(node, 1, "pads");
  if (!pads) return std::nullopt;
  if (flow.input(node, 3) == kNone) return pads->size() == 2 * rank ? std::move(pads) : std::nullopt;
  const auto axes = parameters.integers(node, 3, "");
  if (!axes || pads->size() != 2 * axes->size()) return std::nullopt;
  std::vector<std::int64_t> all(2 * rank, 0);
  std::vector<bool> is_given(rank, false);
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const std::int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + static_cast<std::int64_t>(rank) : (*axes)[i];
    if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return std::nullopt;
    const auto d = static_cast<std::size_t>(axis);
    if (is_given[d]) return std::nullopt;
    is_given[d] = true;
    all[d] = (*pads)[i];
    all[rank + d] = (*pads)[axes->size() + i];
  }
  return all;
}

std::optional<ImagePadding> padding_of(const Model& model, const Dataflow& flow, Parameters& parameters,
                                       const Node& node, std::size_t axes) {
  const auto mode = mode_of(model.text(node, "mode"));
  const std::size_t rank = axes + 2;
  const auto pads = mode ? pads_of(flow, parameters, node, rank) : std::nullopt;
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const auto in_range = [](std::int64_t pad) { return pad >= 0 && pad <= kMost; };
  if (!pads || !std::ranges::all_of(*pads, in_range)) return std::nullopt;
  for (const std::size_t d : {std::size_t{0}, std::size_t{1}, rank, rank + 1}) {
    if ((*pads)[d] != 0) return std::nullopt;  // of the batch or of channels
  }
  const auto from = [&](std::size_t first) {
    const auto begin = pads->begin() + static_cast<std::ptrdiff_t>(first);
    return Dimensions(begin, begin + static_cast<std::ptrdiff_t>(axes));
  };
  return ImagePadding{from(2), from(rank + 2), *mode};
}

}  // namespace

void fold_pads(const Model& model, const Dataflow& flow, const std::vector<bool>& constant, Parameters& parameters,
               std::uint32_t image, bool transposed, ConvolutionSettings& settings) {
  const std::size_t axes = settings.stride.size();
  for (int step = 0; step < kMostNodes && image != kNone; ++step) {
    const std::uint32_t index = flow.values()[image].node;
    if (index == kNone) return;
    const Node& node = model.nodes[index];
    if (!node.domain.empty() || flow.function(node) != kNone) return;
    if (node.op == "Pad") {
      // What is padded with may come from the image only if it is computed.
      const std::uint32_t value = flow.input(node, 2);
      auto padding = value == kNone || constant[value] ? padding_of(model, flow, parameters, node, axes) : std::nullopt;
      fold_padding(settings, padding, transposed);
    } else if (node.op != "Identity" && node.op != "Cast") {
      return;
    }
    image = flow.input(node, 0);
  }
}

}  // namespace sigmax::io::onnx
