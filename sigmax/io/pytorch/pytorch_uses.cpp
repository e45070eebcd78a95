#include "sigmax/io/pytorch/pytorch_uses.hpp"

#include <algorithm>
#include <iterator>

#include "sigmax/io/pytorch/pytorch_module.hpp"

namespace sigmax::io {
namespace {

constexpr WeightOperator kOperators[] = {
    {"conv1d", "Conv", 1, 6},
    {"conv2d", "Conv", 1, 6},
    {"conv3d", "Conv", 1, 6},
    {"conv_transpose1d", "ConvTranspose", 1, 6},
    {"conv_transpose2d", "ConvTranspose", 1, 6},
    {"conv_transpose3d", "ConvTranspose", 1, 6},
    {"_convolution", "Conv", 1, 8, 6},
    {"convolution", "Conv", 1, 8, 6},
    {"_convolution_mode", "Conv", 1, 6},
    {"mkldnn_convolution", "Conv", 1, 6},
    {"thnn_conv2d", "Conv", 1},
    {"bilinear", "Bilinear", 2},
    {"matmul", "MatMul", 1},
    {"bmm", "MatMul", 1},
};

}  // namespace

const WeightOperator* weight_operator(std::string_view name) {
  const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                   [name](const WeightOperator& op) { return op.name == name; });
  return found == std::end(kOperators) ? nullptr : found;
}

bool may_convolve(std::string_view name) {
  const std::size_t at = name.find("conv");
  return at != std::string_view::npos && name.substr(at).rfind("convert", 0) != 0;
}

void ProgramUses::add(std::string_view holder, std::string_view attribute, Usage use) {
  constexpr std::size_t kMostUses = 16;
  std::vector<Usage>& uses = known[{std::string(holder), std::string(attribute)}];
  const bool is_known = std::any_of(uses.begin(), uses.end(), [&use](const Usage& other) {
    return other.op == use.op && other.input == use.input && other.groups == use.groups;
  });
  if (!is_known && uses.size() < kMostUses) uses.push_back(std::move(use));
}

std::vector<Usage> ProgramUses::of(const std::string& holder, const std::string& attribute,
                                   const Dimensions& shape) const {
  if (const auto found = known.find({holder, attribute}); found != known.end()) return found->second;
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
