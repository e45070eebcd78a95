#include "sigmax/io/pytorch/pytorch_uses.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "sigmax/io/pytorch/pytorch_module.hpp"

namespace sigmax::io {
namespace {

// The places of the arguments: weight, groups, transposed, stride, padding, dilation, output padding.
constexpr std::nullopt_t kNone = std::nullopt;
constexpr WeightOperator kOperators[] = {
    {"conv1d", "Conv", 1, 6, kNone, 3, 4, 5},
    {"conv2d", "Conv", 1, 6, kNone, 3, 4, 5},
    {"conv3d", "Conv", 1, 6, kNone, 3, 4, 5},
    {"conv_transpose1d", "ConvTranspose", 1, 6, kNone, 3, 4, 7, 5},
    {"conv_transpose2d", "ConvTranspose", 1, 6, kNone, 3, 4, 7, 5},
    {"conv_transpose3d", "ConvTranspose", 1, 6, kNone, 3, 4, 7, 5},
    {"_convolution", "Conv", 1, 8, 6, 3, 4, 5, 7},
    {"convolution", "Conv", 1, 8, 6, 3, 4, 5, 7},
    {"_convolution_mode", "Conv", 1, 6, kNone, 3, 4, 5},
    {"mkldnn_convolution", "Conv", 1, 6, kNone, 4, 3, 5},
    {"thnn_conv2d", "Conv", 1, kNone, kNone, 4, 5},
    {"bilinear", "Bilinear", 2},
    {"matmul", "MatMul", 1},
    {"bmm", "MatMul", 1},
};

constexpr PadOperator kPadOperators[] = {
    {"pad", ""},
    {"constant_pad_nd", "constant"},
    {"reflection_pad1d", "reflect"},
    {"reflection_pad2d", "reflect"},
    {"reflection_pad3d", "reflect"},
    {"replication_pad1d", "replicate"},
    {"replication_pad2d", "replicate"},
    {"replication_pad3d", "replicate"},
};

}  // namespace

const WeightOperator* weight_operator(std::string_view name) {
  const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                   [name](const WeightOperator& op) { return op.name == name; });
  return found == std::end(kOperators) ? nullptr : found;
}

const PadOperator* pad_operator(std::string_view name) {
  const auto* found = std::find_if(std::begin(kPadOperators), std::end(kPadOperators),
                                   [name](const PadOperator& op) { return op.name == name; });
  return found == std::end(kPadOperators) ? nullptr : found;
}

bool may_convolve(std::string_view name) {
  const std::size_t at = name.find("conv");
  return at != std::string_view::npos && name.substr(at).rfind("convert", 0) != 0;
}

std::optional<StatedPadding::Kind> padding_of_word(std::string_view word) {
  // An odd entry goes to the end, as in torch.nn.functional.
  if (word == "same") return StatedPadding::Kind::same_upper;
  if (word == "valid") return StatedPadding::Kind::valid;
  return std::nullopt;
}

Usage ProgramUse::of(const Dimensions& shape) const {
  Usage use = usage;
  if (!use.convolution) return use;
  const Dimensions taps = taps_of(shape);
  if (taps.empty()) {
    use.convolution.reset();
    return use;
  }
  ConvolutionSettings& settings = *use.convolution;
  for (Dimensions* list : {&settings.stride, &settings.dilation, &settings.pad_low, &settings.pad_high}) {
    *list = for_each_axis(std::move(*list), taps.size());
  }
  if (use.op == "ConvTranspose") {
    settings.output_padding = for_each_axis(std::move(settings.output_padding), taps.size());
  } else {
    settings.output_padding.clear();
  }
  if (settings.input_size.size() != taps.size()) settings.input_size.clear();
  const bool transposed = use.op == "ConvTranspose";
  resolve_padding(settings, {padding, {}}, taps, transposed);
  for (const ProgramPadding& one : before) {
    fold_padding(settings, one.pairs ? torch_padding(*one.pairs, one.mode, taps.size()) : std::nullopt, transposed);
  }
  return use;
}

void ProgramUses::add(std::string_view holder, std::string_view attribute, ProgramUse use) {
  constexpr std::size_t kMostUses = 16;
  std::vector<ProgramUse>& uses = known[{std::string(holder), std::string(attribute)}];
  const Usage& mine = use.usage;
  const bool is_known = std::any_of(uses.begin(), uses.end(), [&](const ProgramUse& other) {
    return other.usage.op == mine.op && other.usage.input == mine.input && other.usage.groups == mine.groups &&
           other.usage.convolution == mine.convolution && other.padding == use.padding && other.before == use.before;
  });
  if (!is_known && uses.size() < kMostUses) uses.push_back(std::move(use));
}

std::vector<Usage> ProgramUses::of(const std::string& holder, const std::string& attribute,
                                   const Dimensions& shape) const {
  if (const auto found = known.find({holder, attribute}); found != known.end()) {
    std::vector<Usage> uses;
    for (const ProgramUse& use : found->second) uses.push_back(use.of(shape));
    return uses;
  }
  if (auto use = usage_by_class(holder, attribute, shape)) return {std::move(*use)};
  if (!is_kernel(shape)) return {};
  if (has_others) {
    Usage use = unknown_kernel(false);
    use.declared = false;
    return {std::move(use)};
  }
  // Whatever it is for, it is not what its shape looks like.
  Usage other;
  other.op = "Unknown";
  return {std::move(other)};
}

}  // namespace sigmax::io
