#include "sigmax/audit/roles/no_weight.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

using Names = std::initializer_list<std::string_view>;

// True for the name of a layer that has a matrix, whatever else its name says.
bool is_layer(std::string_view component) {
  return has_word(component,
                  {"proj", "projection", "linear", "fc", "mlp", "dense", "conv", "block", "layer", "layers"});
}

// True if a word of the list is in the component, and it is not a layer's name (`bias_proj`) that merely begins so.
bool ends_as(std::string_view component, Names words) {
  return has_word(component, words) &&
         (!is_layer(component) ||
          std::any_of(words.begin(), words.end(), [&](std::string_view word) { return component.ends_with(word); }));
}

// A name in the lower case that the lists below are in.
struct Name {
  explicit Name(const io::Entry& entry)
      : parts(entry.name), last(lower_case(parts.component(0))), module(lower_case(parts.component(1))) {}

  bool is_weight() const {
    return is_one_of(last, {"weight", "kernel", "weights", "embedding", "weight_orig", "original"});
  }

  NameParts parts;
  std::string last;    // `weight`
  std::string module;  // what it belongs to: `query`
};

// Scales and zero points.

constexpr std::array<std::string_view, 9> kScaleSuffixes = {
    "_scale_inv", "_scale_2", "_global_scale", "_scale", "_scales", "_zero_points", "_zero_point", "_zeros", "_zp"};

bool is_beside(const Name& name, const io::Entry& entry, const Siblings& siblings, Names companions) {
  return std::any_of(companions.begin(), companions.end(), [&](std::string_view companion) {
    return siblings.find(name.parts.sibling(companion), entry) != nullptr;
  });
}

// A tensor subclass that pickles itself by a function of its own has its members listed under its name: `fc.weight.0`
// the codes, `fc.weight.1` the scales. A real tensor below `weight`, next to codes below the same, is not a weight.
bool is_part_of_quantized(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  constexpr std::array<std::string_view, 16> kCodes = {
      "0",     "1",     "2", "3", "4", "5", "6", "7", "8", "data", "int_data", "qdata", "_data", "quantized_data",
      "codes", "packed"};
  const bool below_weight = name.module.ends_with("weight") || name.module == "kernel";
  if (!below_weight || name.is_weight()) return false;
  return std::any_of(kCodes.begin(), kCodes.end(), [&](std::string_view code) {
    const io::Entry* other = siblings.find(name.parts.sibling(code), entry);
    return other != nullptr && other != &entry && other->shape.size() >= 2 && !is_real(other->dtype) &&
           other->dtype != DType::boolean;
  });
}

std::optional<Evidence> scale_of_a_weight(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  const std::string_view own = name.parts.component(0);
  for (const std::string_view suffix : kScaleSuffixes) {
    if (!name.last.ends_with(suffix)) continue;
    const std::string stem(own.substr(0, own.size() - suffix.size()));
    for (const char* kind : {"", "_packed", "_blocks", "_quantized", "_qdata"}) {
      if (siblings.find(name.parts.sibling(stem + kind), entry) != nullptr) return Evidence::companion;
    }
  }
  const bool beside_codes = is_beside(name, entry, siblings, {"qweight", "weight_packed", "W_q", "trellis"});
  const io::Entry* const weight = siblings.find(name.parts.sibling("weight"), entry);
  const bool beside_integers = weight != nullptr && weight != &entry && !is_real(weight->dtype);
  if ((beside_codes || beside_integers) &&
      (is_one_of(name.last, {"scale", "scales", "zero", "zeros", "qzeros", "biases", "s", "z", "zero_point"}) ||
       has_word(name.last, {"scale", "scales", "absmax"}))) {
    return Evidence::companion;
  }
  if (is_part_of_quantized(entry, name, siblings)) return Evidence::container;
  if (name.is_weight()) return std::nullopt;
  const bool named = ends_as(name.last, {"scale", "scales", "qscale", "absmax", "qzeros", "scb"}) ||
                     name.last.ends_with("zero_point") || name.last.ends_with("zero_points") ||
                     is_one_of(name.last, {"quant_map", "nested_quant_map", "g_idx"});
  if (quantized_by(entry, siblings).empty()) return named ? std::optional(Evidence::known_name) : std::nullopt;
  // In a model that is known to be quantized less of a name is enough: `qscales`, `wscale1`.
  const bool hinted = name.last.find("scale") != std::string::npos || name.last.find("zero") != std::string::npos;
  return named || (hinted && !is_layer(name.last)) ? std::optional(Evidence::companion) : std::nullopt;
}

// The two halves of torch.nn.utils.weight_norm: W = g v / |v|.
const char* normalized_weight(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  constexpr std::pair<std::string_view, std::string_view> kHalves[] = {{"weight_g", "weight_v"},
                                                                       {"original0", "original1"}};
  for (const auto& [magnitude, direction] : kHalves) {
    if (name.last == magnitude && is_beside(name, entry, siblings, {direction})) {
      return "magnitude of a weight under weight normalization";
    }
    if (name.last == direction && is_beside(name, entry, siblings, {magnitude})) {
      return "direction of a weight under weight normalization: the weight itself, g v / |v|, is not stored; remove "
             "the parametrization before saving";
    }
  }
  return nullptr;
}

// State of training.

// Names that only optimizers use.
bool is_optimizer_slot(std::string_view component) {
  return is_one_of(component, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg",
                               "acc_delta", "grad_avg", "max_exp_avg_sqs", "exp_avg_diff", "neg_pre_grad",
                               "exp_avg_slow", "exp_avg_sq_row", "exp_avg_sq_col"});
}

// Names that stand for an optimizer's state inside an optimizer.
bool is_slot_of_an_optimizer(std::string_view component) {
  return is_optimizer_slot(component) || is_one_of(component, {"mu",
                                                               "nu",
                                                               "m",
                                                               "v",
                                                               "trace",
                                                               "momentum",
                                                               "momentums",
                                                               "momentum_matrix",
                                                               "velocity",
                                                               "velocities",
                                                               "sum",
                                                               "prev",
                                                               "step",
                                                               "step_size",
                                                               "ax",
                                                               "eta",
                                                               "hessian",
                                                               "row_var",
                                                               "col_var",
                                                               "state1",
                                                               "state2",
                                                               "accumulator",
                                                               "accumulators",
                                                               "fp32_param",
                                                               "fp32_from_fp16_params",
                                                               "fp32_from_fp16",
                                                               "fp32_flat_groups",
                                                               "single_partition_of_fp32_groups",
                                                               "master_params",
                                                               "param_groups",
                                                               "base_optimizer_state"});
}

bool is_called_as_a_weight(std::string_view last) {
  return last.ends_with("weight") || last.ends_with("kernel") ||
         is_one_of(last, {"weights", "embedding", "weight_orig", "original", "w"});
}

// Whether what lies below the key `optimizer` is state. A part of a model may be called so too.
bool holds_optimizer_state(std::span<const std::string_view> below) {
  const std::string last = lower_case(below.back());
  for (std::size_t i = 0; i < below.size(); ++i) {
    const std::string lowered = lower_case(below[i]);
    const bool is_layer_itself = i + 2 == below.size() && is_called_as_a_weight(last);  // `optimizer.v.weight`
    if (is_optimizer_slot(lowered) || (is_slot_of_an_optimizer(lowered) && !is_layer_itself)) return true;
    if (is_one_of(lowered, {"state", "states", "vars", "variables"}) && !is_called_as_a_weight(last)) return true;
  }
  return is_number(last);
}

std::optional<Evidence> optimizer_state(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  const std::string file = lower_case(entry.file.stem().string());
  if (has_word(file, {"optimizer", "optimizers", "optim"}) || file.starts_with("rng_state") ||
      file.starts_with("random_states") || file == "scheduler" || file == "scaler") {
    return Evidence::container;
  }
  const auto components = name.parts.components();
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    const std::string key = lower_case(components[i]);
    if (is_one_of(key, {"optimizer_state", "optimizer_states", "optimizer_state_dict", "optim_state_dict",
                        "optim_state", "opt_state", "opt_state_dict"})) {
      return Evidence::container;
    }
    if (is_one_of(key, {"optimizer", "optimizers", "optim"}) && holds_optimizer_state(components.subspan(i + 1))) {
      return Evidence::container;
    }
  }
  // Optimizer.state_dict(): `state`, the parameter's number, the slot.
  if (components.size() >= 3 && name.parts.component(2) == "state" && is_number(name.parts.component(1)) &&
      (is_slot_of_an_optimizer(name.last) ||
       (!is_called_as_a_weight(name.last) &&
        is_beside(name, entry, siblings, {"step", "exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg"})))) {
    return Evidence::container;
  }
  return is_optimizer_slot(name.last) ? std::optional(Evidence::known_name) : std::nullopt;
}

// Copies of weights that the checkpoint holds too.
std::optional<NoMatrix> copy_of_a_weight(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  constexpr const char* kAverage = "running average of another tensor of the checkpoint";
  const auto copy = copy_by_name(entry.name);
  if (copy && siblings.original(entry) != nullptr) {
    return NoMatrix{copy->kind == Copy::Kind::master
                        ? "the optimizer's copy of another tensor of the checkpoint, in full precision"
                        : kAverage,
                    Evidence::companion};
  }
  // A list in the order of the model's parameters.
  if (copy && copy->is_numbered && siblings.has_original_of(entry.shape)) {
    return NoMatrix{"running average of the weights", Evidence::container};
  }
  const auto is_other_of_same_shape = [&](const io::Entry* other) {
    return other != nullptr && other != &entry && other->shape == entry.shape;
  };
  // The average next to the table of a vector quantizer: `embed` and `embed_avg`.
  const std::string_view own = name.parts.component(0);
  if (name.last.ends_with("_avg") &&
      is_other_of_same_shape(siblings.find(name.parts.sibling(own.substr(0, own.size() - 4)), entry))) {
    return NoMatrix{kAverage, Evidence::companion};
  }
  if (has_word(entry.file.stem().string(), {"ema"})) {
    const io::Entry* other = siblings.find_elsewhere(entry.name, entry);
    if (is_other_of_same_shape(other) && !has_word(other->file.stem().string(), {"ema"})) {
      return NoMatrix{kAverage, Evidence::companion};
    }
  }
  const auto components = name.parts.components();
  const bool is_shadow = std::any_of(components.begin(), components.end(), [](std::string_view component) {
    return is_one_of(component, {"shadow_params", "swa_state"});
  });
  if (is_shadow) return NoMatrix{"running average of the weights", Evidence::known_name};
  return std::nullopt;
}

// Normalization scales.

// One axis at most is longer than 1: [1, 1, 1, c], [c, 1, 1].
bool is_vector_in_more_axes(const Dimensions& shape) {
  return std::count_if(shape.begin(), shape.end(), [](std::int64_t extent) { return extent > 1; }) <= 1;
}

// A name does not make a matrix a scale: layers that normalize and multiply in one (`layernorm_qkv`) are called so too.
std::optional<Evidence> normalization_scale(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  if (is_one_of(name.last, {"running_mean", "running_var", "moving_mean", "moving_variance"})) {
    return Evidence::known_name;
  }
  const bool is_gamma = is_one_of(name.last, {"gamma", "beta"});
  const bool named = is_gamma || (name.last == "weight" &&
                                  has_word(name.module, {"norm", "layernorm", "batchnorm", "groupnorm", "rmsnorm",
                                                         "instancenorm", "ln", "bn", "gn", "grn"}) &&
                                  !is_layer(name.module));
  const bool is_vector = is_vector_in_more_axes(entry.shape);
  // What is added has the shape of what is multiplied: both go entry by entry. (A layer with one input or one output
  // may have a bias of its weight's shape.)
  if ((is_gamma || name.last == "weight") && (named || !is_vector)) {
    for (const std::string_view shift : {"bias", "beta", "gamma"}) {
      const io::Entry* other = siblings.find(name.parts.sibling(shift), entry);
      if (shift != name.last && other != nullptr && other->shape == entry.shape) return Evidence::companion;
    }
  }
  if (named && is_beside(name, entry, siblings, {"running_mean", "moving_mean"})) return Evidence::companion;
  const bool is_scale = named && is_vector && (is_gamma || entry.shape.size() > 2);
  return is_scale ? std::optional(Evidence::known_name) : std::nullopt;
}

// Buffers and parameters that are added or multiplied entry by entry.

const char* buffer(const io::Entry& entry, const Name& name) {
  const std::string_view last = name.last;
  const bool loose = !name.is_weight();
  if (is_one_of(last, {"inv_freq", "cos_cached", "sin_cached", "cos_cache", "sin_cache", "freqs_cis", "freqs"}) ||
      (loose && !is_layer(last) && has_word(name.module, {"rotary", "rope"}))) {
    return "rotary position table";
  }
  if (ends_as(last, {"mask", "masks", "tril", "triu", "alibi", "slopes"}) && !has_word(last, {"token"})) {
    return "attention mask";
  }
  const bool relative = has_word(last, {"relative"}) || last.starts_with("rel_pos") || last == "attention_biases";
  if ((loose && relative && !is_layer(last)) ||
      is_one_of(name.module, {"relative_attention_bias", "relative_position_bias"})) {
    return "relative position table: added to attention scores";
  }
  if (loose && ends_as(last, {"bias"})) {
    return last == "bias" && entry.shape.size() == 4 && entry.shape[0] == 1 && entry.shape[1] == 1
               ? "attention mask"
               : "bias: added entry by entry";
  }
  if (is_one_of(last, {"a_log", "a_logs", "time_decay", "time_first", "time_faaaa"}) ||
      (last.starts_with("time_mix_") && is_vector_in_more_axes(entry.shape))) {
    return "decay of a state space: multiplied entry by entry";
  }
  if (loose && entry.shape.size() == 2 && entry.shape[0] == 1 && has_word(last, {"token"}) && !is_layer(last)) {
    return "token: one vector, which takes the place of an input";
  }
  return nullptr;
}

// Three dimensions or more that are not a kernel: [1, n, d] is added to activations, [1, 1, n, n] to attention scores.
const char* table(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  // PyTorch's tutorial on transformers keeps it as `pe` [n, 1, d]; others as [n, d].
  if (is_one_of(name.last, {"pe", "positional_encoding", "position_encoding", "pos_encoding"})) {
    return "position table: added to activations";
  }
  if (entry.shape.size() < 3) return nullptr;
  // Below a module that is called so lies its table [1, n, d], or the kernel with which it computes one.
  if (name.last == "weight" &&
      (entry.shape.size() > 3 || entry.shape[0] != 1 || is_beside(name, entry, siblings, {"bias"}))) {
    return nullptr;
  }
  const std::string_view named_by = is_one_of(name.last, {"weight", "embedding"}) ? name.module : name.last;
  if (has_word(named_by, {"pos", "position", "positions", "positional", "posembed"}) && !is_layer(named_by)) {
    return "position table: added to activations";
  }
  return nullptr;
}

// A square window of an odd width over several channels: [1, 64, 3, 3] is the last layer of a segmentation.
bool is_shaped_as_a_kernel(const Dimensions& shape) {
  constexpr std::int64_t kWidest = 11;
  return shape.size() == 4 && shape[1] > 1 && shape[2] == shape[3] && shape[2] % 2 == 1 && shape[2] >= 3 &&
         shape[2] <= kWidest;
}

// By its name alone.
bool may_be_a_kernel(const Name& name) {
  const auto components = name.parts.components();
  return name.last.ends_with("weight") || name.last.ends_with("kernel") || name.is_weight() || is_layer(name.last) ||
         std::any_of(components.begin(), components.end(), [](std::string_view c) {
           return has_word(c, {"expert", "experts", "moe"});
         });
}

}  // namespace

std::optional<NoMatrix> state_of_training(const io::Entry& entry, const Siblings& siblings) {
  const Name name(entry);
  if (auto reason = copy_of_a_weight(entry, name, siblings)) return reason;
  if (const auto evidence = optimizer_state(entry, name, siblings)) return NoMatrix{"optimizer state", evidence};
  return std::nullopt;
}

std::optional<NoMatrix> no_weight(const io::Entry& entry, const Siblings& siblings) {
  const Name name(entry);
  if (const auto evidence = scale_of_a_weight(entry, name, siblings)) {
    return NoMatrix{"scale or zero point: multiplied or added entry by entry" + quantized_by(entry, siblings),
                    evidence};
  }
  if (const char* what = normalized_weight(entry, name, siblings)) {
    return NoMatrix{what, Evidence::companion, std::string_view(what).starts_with("direction")};
  }
  if (auto reason = state_of_training(entry, siblings)) return reason;
  if (const auto evidence = normalization_scale(entry, name, siblings)) {
    return NoMatrix{"normalization scale: multiplied entry by entry", evidence};
  }
  if (has_word(name.module, {"bilinear", "bil", "biaffine"}) && name.is_weight() && entry.shape.size() == 3) {
    return NoMatrix{"bilinear form, [out, in, in]: not a linear map", Evidence::known_name, true};
  }
  if (const char* what = buffer(entry, name)) return NoMatrix{what, Evidence::known_name};
  if (const char* what = table(entry, name, siblings)) return NoMatrix{what, Evidence::known_name};
  if (entry.shape.size() >= 3 && entry.shape[0] == 1 && !may_be_a_kernel(name) && !is_shaped_as_a_kernel(entry.shape)) {
    return NoMatrix{"one entry along the first axis, and not named as a kernel: added to activations", Evidence::shape};
  }
  return std::nullopt;
}

}  // namespace sigmax::audit
