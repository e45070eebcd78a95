#include "sigmax/audit/roles/no_weight.hpp"

#include <algorithm>
#include <array>
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
// the codes, `fc.weight.1` the scales. A real tensor below `weight`, beside codes below the same, is no weight.
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
  const bool named = has_word(name.last, {"scale", "scales", "qscale", "absmax", "qzeros", "scb"}) ||
                     name.last.ends_with("zero_point") || name.last.ends_with("zero_points") ||
                     is_one_of(name.last, {"quant_map", "nested_quant_map", "g_idx"});
  if (quantized_by(entry, siblings).empty()) return named ? std::optional(Evidence::known_name) : std::nullopt;
  // In a model that is known to be quantized less of a name is enough: `qscales`, `wscale1`.
  const bool hinted = name.last.find("scale") != std::string::npos || name.last.find("zero") != std::string::npos;
  return named || hinted ? std::optional(Evidence::companion) : std::nullopt;
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

bool is_optimizer_slot(std::string_view last) {
  return is_one_of(last, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg",
                          "acc_delta", "grad_avg", "max_exp_avg_sqs", "exp_avg_diff", "neg_pre_grad", "exp_avg_slow",
                          "exp_avg_sq_row", "exp_avg_sq_col"});
}

std::optional<Evidence> optimizer_state(const io::Entry& entry, const Name& name) {
  const std::string file = lower_case(entry.file.stem().string());
  if (has_word(file, {"optimizer", "optimizers", "optim"}) || file.starts_with("rng_state") ||
      file.starts_with("random_states") || file == "scheduler" || file == "scaler") {
    return Evidence::container;
  }
  const auto components = name.parts.components();
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    if (is_one_of(lower_case(components[i]),
                  {"optimizer", "optimizers", "optim", "optimizer_state", "optimizer_states", "optimizer_state_dict",
                   "optim_state_dict", "optim_state", "opt_state", "opt_state_dict"})) {
      return Evidence::container;
    }
  }
  // Optimizer.state_dict(): `state`, the parameter's number, the slot.
  if (components.size() == 3 && components[0] == "state" && is_number(components[1])) return Evidence::container;
  return is_optimizer_slot(name.last) ? std::optional(Evidence::known_name) : std::nullopt;
}

// The tensor that `entry` is a running average of: one of the same shape that has the rest of its name below one of the
// keys under which models are kept. Some libraries take the dots out of the names of averages.
const io::Entry* averaged(const io::Entry& entry, const Name& name, const Siblings& siblings) {
  const auto fits = [&](const io::Entry* other) {
    return other != nullptr && other != &entry && other->shape == entry.shape;
  };
  const auto components = name.parts.components();
  std::string before;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    if (!is_average(components[i])) {
      before += components[i];
      continue;
    }
    std::string rest;
    for (std::size_t j = i + 1; j < components.size(); ++j) rest += components[j];
    for (const std::string_view key : {"", "model", "params", "state_dict", "model_state_dict", "module", "net",
                                       "network", "online_model", "weights", "generator"}) {
      for (const std::string& outer : {std::string(), before}) {
        std::string counterpart = outer;
        counterpart += key;
        counterpart += rest;
        const io::Entry* other = siblings.find_squeezed(counterpart);
        if (fits(other)) return other;
      }
    }
    return nullptr;
  }
  if (!has_word(entry.file.stem().string(), {"ema"})) return nullptr;
  const io::Entry* other = siblings.find_elsewhere(entry.name, entry);
  return fits(other) && !has_word(other->file.stem().string(), {"ema"}) ? other : nullptr;
}

// Buffers and parameters that are added or multiplied entry by entry.

const char* buffer(const io::Entry& entry, const Name& name) {
  const std::string_view last = name.last;
  const bool loose = !name.is_weight();
  if (is_one_of(last, {"inv_freq", "cos_cached", "sin_cached", "cos_cache", "sin_cache", "freqs_cis", "freqs"}) ||
      (loose && has_word(name.module, {"rotary", "rope"}))) {
    return "rotary position table";
  }
  if (has_word(last, {"mask", "masks", "tril", "triu", "alibi", "slopes"}) && !has_word(last, {"token"})) {
    return "attention mask";
  }
  const bool relative = has_word(last, {"relative"}) || last.starts_with("rel_pos") || last == "attention_biases";
  if ((loose && relative) || is_one_of(name.module, {"relative_attention_bias", "relative_position_bias"})) {
    return "relative position table: added to attention scores";
  }
  if (loose && has_word(last, {"bias"})) {
    return last == "bias" && entry.shape.size() == 4 && entry.shape[0] == 1 && entry.shape[1] == 1
               ? "attention mask"
               : "bias: added entry by entry";
  }
  if (is_one_of(last, {"a_log", "a_logs", "time_decay", "time_first", "time_faaaa"}) || last.starts_with("time_mix_")) {
    return "decay of a state space: multiplied entry by entry";
  }
  if (is_one_of(last, {"gamma", "beta", "running_mean", "running_var", "moving_mean", "moving_variance"}) ||
      (last == "weight" &&
       has_word(name.module,
                {"norm", "layernorm", "batchnorm", "groupnorm", "rmsnorm", "instancenorm", "ln", "bn", "gn", "grn"}) &&
       !is_layer(name.module))) {
    return "normalization scale: multiplied entry by entry";
  }
  if (name.module == "bilinear" && entry.shape.size() == 3) return "bilinear form: not a linear map";
  return nullptr;
}

// Three dimensions or more that are no kernel: [1, n, d] is added to activations, [1, 1, n, n] to attention scores.
const char* table(const io::Entry& entry, const Name& name) {
  // PyTorch's tutorial on transformers keeps it as `pe` [n, 1, d]; others as [n, d].
  if (is_one_of(name.last, {"pe", "positional_encoding", "position_encoding", "pos_encoding"})) {
    return "position table: added to activations";
  }
  if (entry.shape.size() < 3) return nullptr;
  const std::string_view named_by = is_one_of(name.last, {"weight", "embedding"}) ? name.module : name.last;
  if (has_word(named_by, {"pos", "position", "positions", "positional", "posembed"}) && !is_layer(named_by)) {
    return "position table: added to activations";
  }
  return nullptr;
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

std::optional<NoMatrix> no_weight(const io::Entry& entry, const Siblings& siblings) {
  const Name name(entry);
  if (const auto evidence = scale_of_a_weight(entry, name, siblings)) {
    return NoMatrix{"scale or zero point: multiplied or added entry by entry" + quantized_by(entry, siblings),
                    evidence};
  }
  if (const char* what = normalized_weight(entry, name, siblings)) {
    return NoMatrix{what, Evidence::companion, std::string_view(what).starts_with("direction")};
  }
  if (averaged(entry, name, siblings) != nullptr) {
    return NoMatrix{"running average of another tensor of the checkpoint", Evidence::companion};
  }
  const auto components = name.parts.components();
  const bool is_shadow = std::any_of(components.begin(), components.end(), [](std::string_view component) {
    return is_one_of(component, {"shadow_params", "swa_state"});
  });
  if (is_shadow) return NoMatrix{"running average of the weights", Evidence::known_name};
  if (const auto evidence = optimizer_state(entry, name)) return NoMatrix{"optimizer state", evidence};
  if (const char* what = buffer(entry, name)) return NoMatrix{what, Evidence::known_name};
  if (const char* what = table(entry, name)) return NoMatrix{what, Evidence::known_name};
  if (entry.shape.size() >= 3 && entry.shape[0] == 1 && !may_be_a_kernel(name)) {
    return NoMatrix{"one entry along the first axis, and no name of a kernel: added to activations", Evidence::shape};
  }
  return std::nullopt;
}

}  // namespace sigmax::audit
