#include "sigmax/audit/roles/training_state.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "sigmax/audit/roles/tensor_name.hpp"
#include "sigmax/audit/roles/weight_name.hpp"

namespace sigmax::audit {
namespace {

// Names that only optimizers use.
bool is_optimizer_slot(std::string_view component) {
  return is_one_of(component, {"exp_avg",      "exp_avg_sq",   "max_exp_avg_sq", "exp_inf",         "momentum_buffer",
                               "square_avg",   "acc_delta",    "grad_avg",       "max_exp_avg_sqs", "exp_avg_diff",
                               "neg_pre_grad", "exp_avg_slow", "exp_avg_sq_row", "exp_avg_sq_col",  "adam_m",
                               "adam_v",       "adam_mu",      "adam_nu",        "lamb_m",          "lamb_v"});
}

// Names that stand for an optimizer's state inside an optimizer.
bool is_slot_of_an_optimizer(std::string_view component) {
  constexpr std::array<std::string_view, 31> kSlots = {"mu",
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
                                                       "base_optimizer_state"};
  return is_optimizer_slot(component) || std::find(kSlots.begin(), kSlots.end(), component) != kSlots.end();
}

// `Adam_1` gives `adam`: TensorFlow numbers the slots of one kind.
std::string_view without_number(std::string_view lowered) {
  const std::size_t at = lowered.rfind('_');
  return at != std::string_view::npos && is_number(lowered.substr(at + 1)) ? lowered.substr(0, at) : lowered;
}

// What TensorFlow's optimizers call their slots, below the name of a variable.
bool is_slot_of_tensorflow(std::string_view lowered) {
  return is_one_of(without_number(lowered),
                   {"adam", "adamw", "adamax", "nadam", "lamb", "adamweightdecayoptimizer", "lamboptimizer",
                    "weightdecay", "momentum", "rmsprop", "adagrad", "adadelta", "ftrl", "lars", "adafactor"});
}

// Words behind the name of a tensor that make it another tensor's slot: `fc.weight_momentum`.
constexpr std::array<std::string_view, 9> kSuffixes = {
    "_momentum", "_momentum_buffer", "_velocity", "_adam_m", "_adam_v", "_exp_avg", "_exp_avg_sq", "_grad", "_master"};

const io::Entry* of_same_shape(const std::string& name, const io::Entry& entry, const Siblings& siblings) {
  for (const char* output : {"", ":0"}) {
    const io::Entry* other = siblings.find(name + output, entry);
    if (other != nullptr && other != &entry && other->shape == entry.shape) return other;
  }
  return nullptr;
}

NoMatrix slot_of(std::string_view lowered, Evidence evidence) {
  const bool is_gradient = is_one_of(lowered, {"grad", "_grad", "main_grad"});
  return NoMatrix{is_gradient ? "gradient of another tensor" : "optimizer state", evidence};
}

// `dense/kernel/adam_m` next to `dense/kernel`: nothing but what belongs to a tensor has its name in front.
std::optional<NoMatrix> slot_of_a_tensor(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  const auto components = name.parts.components();
  const auto size_before = static_cast<std::size_t>(components.back().data() - entry.name.data());
  if (size_before > 1) {
    const std::string parent = entry.name.substr(0, size_before - 1);
    const bool is_slot = is_slot_of_an_optimizer(name.last) || is_slot_of_tensorflow(name.last) ||
                         is_one_of(name.last, {"grad", "main_grad"});
    if (is_slot && of_same_shape(parent, entry, siblings) != nullptr) return slot_of(name.last, Evidence::companion);
    const bool of_a_weight = is_called_as_a_weight(components[components.size() - 2]);
    if (of_a_weight && (is_slot_of_tensorflow(name.last) || is_one_of(name.last, {"grad", "main_grad"}))) {
      return slot_of(name.last, Evidence::known_name);
    }
  }
  for (const std::string_view suffix : kSuffixes) {
    if (!name.last.ends_with(suffix)) continue;
    const std::string own(name.parts.component(0));
    const std::string stem = own.substr(0, own.size() - suffix.size());
    if (!stem.empty() && of_same_shape(name.parts.sibling(stem), entry, siblings) != nullptr) {
      return slot_of(suffix, Evidence::companion);
    }
  }
  return std::nullopt;
}

// Whether what lies below the key `optimizer` is state. A part of a model may be called so too.
bool holds_optimizer_state(std::span<const std::string_view> below) {
  const std::string_view last = below.back();
  for (std::size_t i = 0; i < below.size(); ++i) {
    const std::string lowered = lower_case(below[i]);
    const bool is_layer_itself = i + 2 == below.size() && is_called_as_a_weight(last);  // `optimizer.v.weight`
    if (is_optimizer_slot(lowered) || (is_slot_of_an_optimizer(lowered) && !is_layer_itself)) return true;
    if (is_one_of(lowered, {"state", "states", "vars", "variables"}) && !is_called_as_a_weight(last)) return true;
  }
  return std::all_of(below.begin(), below.end(), is_number);  // a list, or lists of lists
}

// Whether the tensors of a file that is called `optimizer` look like state: a slot, or `state` and a number.
bool looks_like_optimizer_state(std::span<const std::string_view> components) {
  const bool is_weight = is_called_as_a_weight(components.back());
  for (std::size_t i = 0; i < components.size(); ++i) {
    const std::string lowered = lower_case(components[i]);
    const bool is_layer_itself = i + 2 == components.size() && is_weight;
    if (is_optimizer_slot(lowered) || (is_slot_of_an_optimizer(lowered) && !is_layer_itself)) return true;
    const bool numbered = i + 2 < components.size() && is_number(components[i + 1]);
    if (is_one_of(lowered, {"state", "states"}) && numbered && !is_weight) return true;
    if (is_one_of(lowered, {"optimizer_vars", "optimizer_variables"}) && !is_weight) return true;
  }
  return is_slot_of_tensorflow(lower_case(components.back()));
}

std::optional<Evidence> state_by_file(const io::Entry& entry, const WeightName& name) {
  const std::string file = lower_case(entry.file.stem().string());
  const bool of_an_optimizer = has_word(file, {"optimizer", "optimizers", "optim"});
  if (of_an_optimizer && looks_like_optimizer_state(name.parts.components())) return Evidence::container;
  // Generators of random numbers are words of integers.
  const bool of_random_numbers = file.starts_with("rng_state") || file.starts_with("random_states");
  const auto components = name.parts.components();
  const bool names_a_generator = std::any_of(components.begin(), components.end(), [](std::string_view component) {
    return has_word(component, {"rng", "random", "seed", "cuda", "cpu", "numpy", "generator", "key", "keys"});
  });
  if (of_random_numbers && names_a_generator && is_integer(entry.dtype)) return Evidence::container;
  return std::nullopt;
}

std::optional<Evidence> optimizer_state(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
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
  if (const auto evidence = state_by_file(entry, name)) return evidence;
  // Optimizer.state_dict(): `state`, the parameter's number, the slot.
  if (components.size() >= 3 && name.parts.component(2) == "state" && is_number(name.parts.component(1)) &&
      (is_slot_of_an_optimizer(name.last) ||
       (!is_called_as_a_weight(name.last) &&
        is_beside(name, entry, siblings, {"step", "exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg"})))) {
    return Evidence::container;
  }
  // `adam_m.0`, `exp_avg.fc.weight`; `adam_m.weight` may be a layer.
  for (std::size_t i = 0; i < components.size(); ++i) {
    const bool is_layer_itself = i + 2 == components.size() && is_called_as_a_weight(name.last);
    if (!is_layer_itself && is_optimizer_slot(lower_case(components[i]))) return Evidence::known_name;
  }
  return std::nullopt;
}

// Copies of weights that the checkpoint holds too.
std::optional<NoMatrix> copy_of_a_weight(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
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
  // TensorFlow keeps it below the variable.
  if (is_one_of(name.last, {"exponentialmovingaverage", "ema", "average"}) && name.parts.components().size() > 1) {
    const auto before = static_cast<std::size_t>(own.data() - entry.name.data()) - 1;
    if (of_same_shape(entry.name.substr(0, before), entry, siblings) != nullptr) {
      return NoMatrix{kAverage, Evidence::companion};
    }
  }
  if (has_word(entry.file.stem().string(), {"ema"})) {
    const io::Entry* other = siblings.find_elsewhere(entry.name, entry);
    if (is_other_of_same_shape(other) && !has_word(other->file.stem().string(), {"ema"})) {
      return NoMatrix{kAverage, Evidence::companion};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<NoMatrix> state_of_training(const io::Entry& entry, const Siblings& siblings) {
  const WeightName name(entry);
  if (auto reason = copy_of_a_weight(entry, name, siblings)) return reason;
  if (auto reason = slot_of_a_tensor(entry, name, siblings)) return reason;
  if (const auto evidence = optimizer_state(entry, name, siblings)) return NoMatrix{"optimizer state", evidence};
  return std::nullopt;
}

}  // namespace sigmax::audit
