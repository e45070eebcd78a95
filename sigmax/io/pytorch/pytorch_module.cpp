#include "sigmax/io/pytorch/pytorch_module.hpp"

#include <utility>

#include "sigmax/io/pytorch/pytorch_call.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::size_t kMostAttributes = 4096;  // a module of torch.nn has about 30

bool is_weight(std::string_view attribute) { return attribute == "weight" || attribute == "weight_orig"; }

class Module {
 public:
  Module(const Pickle& pickle, Id module) : pickle_(pickle), call_(pickle.call(module)), state_(call_.state) {
    if (pickle_.is(state_, PickleKind::tuple) && !pickle_.items(state_).empty()) state_ = pickle_.items(state_)[0];
  }

  bool is_readable() const {
    return pickle_.is(state_, PickleKind::dict) && pickle_.items(state_).size() <= 2 * kMostAttributes;
  }

  bool has(std::string_view name) const { return pickle_.find(state_, name) != Pickle::kAbsent; }

  std::optional<std::int64_t> integer(std::string_view name) const {
    const Id id = pickle_.find(state_, name);
    return pickle_.is(id, PickleKind::integer) ? std::optional(pickle_.integer(id)) : std::nullopt;
  }

  bool truth(std::string_view name) const {
    const Id id = pickle_.find(state_, name);
    return pickle_.is(id, PickleKind::boolean) && pickle_.integer(id) != 0;
  }

  // A number or a tuple of numbers; empty for anything else.
  Dimensions numbers(std::string_view name) const {
    if (const auto one = integer(name)) return {*one};
    return pickled_integers(pickle_, pickle_.find(state_, name)).value_or(Dimensions());
  }

  std::string_view text(std::string_view name) const { return pickle_.text(pickle_.find(state_, name)); }

  std::string_view class_name() const { return pickle_.global_attribute(call_.callable); }

 private:
  const Pickle& pickle_;
  Pickle::Call call_;
  Id state_;
};

// torch.nn's own attributes. A class that does not have them moves its kernel in a way that is not known.
void add_settings(const Module& module, const Dimensions& shape, Usage& use) {
  // Modules of old versions have none.
  const std::string_view name = module.has("padding_mode") ? module.text("padding_mode") : "zeros";
  const auto mode = padding_mode(name);
  if (!mode || !module.has("stride") || !module.has("padding") || !module.has("dilation")) return;
  ProgramUse read;
  ConvolutionSettings settings;
  settings.padding = *mode;
  settings.stride = module.numbers("stride");
  settings.dilation = module.numbers("dilation");
  settings.output_padding = module.has("output_padding") ? module.numbers("output_padding") : Dimensions{0};
  if (const auto word = padding_of_word(module.text("padding"))) {
    read.padding = *word;
  } else {
    settings.pad_low = settings.pad_high = module.numbers("padding");
  }
  read.usage = std::move(use);
  read.usage.convolution = std::move(settings);
  use = read.of(shape);
}

std::optional<Usage> convolution(const Module& module, const Dimensions& shape) {
  const auto groups = module.integer("groups"), in = module.integer("in_channels"),
             out = module.integer("out_channels");
  if (!groups || !in || !out || !module.has("kernel_size") || !is_kernel(shape)) return std::nullopt;
  const bool transposed = module.truth("transposed") || module.class_name().find("Transpose") != std::string_view::npos;
  Usage use = unknown_kernel(transposed);
  const std::int64_t front = transposed ? *in : *out, behind = transposed ? *out : *in;
  const bool fits = *groups >= 1 && shape[0] == front && behind / *groups == shape[1] && behind % *groups == 0;
  // Without groups, channels that were pruned change nothing about the axes.
  if (*groups == 1 || fits) use.groups = *groups;
  add_settings(module, shape, use);
  return use;
}

Usage used_by(std::string_view op, int input) {
  Usage use;
  use.op = op;
  use.input = input;
  use.declared = true;
  return use;
}

}  // namespace

bool is_kernel(const Dimensions& shape) { return shape.size() >= 3 && shape.size() <= 5; }

Usage unknown_kernel(bool transposed) {
  Usage use = used_by(transposed ? "ConvTranspose" : "Conv", 1);
  use.groups = 0;
  return use;
}

std::optional<Usage> usage_in_module(const Pickle& pickle, Id module, std::string_view attribute,
                                     const Dimensions& shape) {
  const Module m(pickle, module);
  if (!is_weight(attribute) || !m.is_readable()) return std::nullopt;
  if (auto use = convolution(m, shape)) return use;
  if (shape.size() == 3 && m.integer("in1_features") && m.integer("in2_features") && m.integer("out_features")) {
    return used_by("Bilinear", 2);
  }
  if (shape.size() != 2) return std::nullopt;
  if (m.integer("num_embeddings") == shape[0] && m.integer("embedding_dim") == shape[1]) return used_by("Gather", 0);
  if (m.class_name() == "Conv1D" && m.integer("nf") == shape[1]) return used_by("MatMul", 1);
  return std::nullopt;
}

std::optional<Usage> usage_by_class(std::string_view class_name, std::string_view attribute, const Dimensions& shape) {
  if (!is_weight(attribute)) return std::nullopt;
  const std::string_view name = class_name.substr(class_name.rfind('.') + 1);
  const bool of_torch = class_name.find("torch.nn.modules.") != std::string_view::npos;
  if (of_torch && name == "Bilinear" && shape.size() == 3) return used_by("Bilinear", 2);
  const bool convolves = class_name.find("torch.nn.modules.conv.") != std::string_view::npos;
  if (convolves && is_kernel(shape)) return unknown_kernel(name.starts_with("ConvTranspose"));
  return std::nullopt;
}

}  // namespace sigmax::io
