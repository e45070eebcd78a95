#include "sigmax/audit/roles/no_weight.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "sigmax/audit/roles/quantized.hpp"
#include "sigmax/audit/roles/tensor_name.hpp"
#include "sigmax/audit/roles/training_state.hpp"
#include "sigmax/audit/roles/weight_name.hpp"

namespace sigmax::audit {
namespace {

// The two halves of torch.nn.utils.weight_norm: W = g v / |v|.
const char* normalized_weight(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
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

// Normalization scales.

// One axis at most is longer than 1: [1, 1, 1, c], [c, 1, 1].
bool is_vector_in_more_axes(const Dimensions& shape) {
  return std::count_if(shape.begin(), shape.end(), [](std::int64_t extent) { return extent > 1; }) <= 1;
}

// A name does not make a matrix a scale: layers that normalize and multiply in one (`layernorm_qkv`) are called so too.
std::optional<Evidence> normalization_scale(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  if (is_one_of(name.last, {"running_mean", "running_var", "moving_mean", "moving_variance"})) {
    return Evidence::known_name;
  }
  const bool is_gamma = is_one_of(name.last, {"gamma", "beta"});
  const bool named = is_gamma || (name.last == "weight" &&
                                  has_word(name.module, {"norm", "layernorm", "batchnorm", "groupnorm", "rmsnorm",
                                                         "instancenorm", "ln", "bn", "gn", "grn"}) &&
                                  !is_layer(name.module));
  const bool is_vector = is_vector_in_more_axes(entry.shape);
  // A norm's scale and shift have one shape, since both go entry by entry. (A layer with one input or one output may
  // have a bias of its weight's shape.)
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

const char* buffer(const io::Entry& entry, const WeightName& name) {
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
  if (last == "cluster_size") return "how often the entries of a codebook were chosen";
  if (is_one_of(last, {"a_log", "a_logs", "time_decay", "time_first", "time_faaaa"}) ||
      (last.starts_with("time_mix_") && is_vector_in_more_axes(entry.shape))) {
    return "decay of a state space: multiplied entry by entry";
  }
  if (loose && entry.shape.size() == 2 && entry.shape[0] == 1 && has_word(last, {"token"}) && !is_layer(last)) {
    return "token: one vector, which takes the place of an input";
  }
  return nullptr;
}

// Haiku's `b` [stack, out] next to `w` [stack, in, out], and the two rows of a GRU's biases, which Keras 3 numbers.
bool is_bias_of_more_axes(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  const auto sibling = [&](std::string_view last) { return siblings.find(name.parts.sibling(last), entry); };
  if (name.parts.component(0) == "b" && name.parts.has_slashes()) {
    const io::Entry* weight = sibling("w");
    return weight != nullptr && weight->shape.size() == entry.shape.size() + 1 &&
           weight->shape.front() == entry.shape.front() && weight->shape.back() == entry.shape.back();
  }
  if (name.last != "2" || name.module != "vars" || entry.shape.size() != 2 || entry.shape[0] != 2) return false;
  const io::Entry *input = sibling("0"), *recurrent = sibling("1");
  return input != nullptr && recurrent != nullptr && input->shape.size() == 2 && recurrent->shape.size() == 2 &&
         input->shape[1] == entry.shape[1] && recurrent->shape[1] == entry.shape[1];
}

// Tokens, latent arrays and constant inputs [1, n, d] by name. The table of a vector quantizer is looked up.
bool is_loose_table(const io::Entry& entry, const WeightName& name, std::string_view named_by) {
  const auto components = name.parts.components();
  const bool is_looked_up = std::any_of(components.begin(), components.end(), [](std::string_view c) {
    return has_word(c, {"codebook", "codebooks", "quantize", "quantizer", "quantizers", "vq"});
  });
  if (entry.shape[0] != 1 || is_looked_up || is_layer(named_by)) return false;
  return has_word(named_by, {"token", "tokens", "embed", "embeds", "embedding", "embeddings", "emb", "latent",
                             "latents", "noise", "const", "queries"}) ||
         (name.last == "input" && name.module == "input");
}

// Three dimensions or more that are not a kernel: [1, n, d] is added to activations, [1, 1, n, n] to attention scores.
const char* table(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
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
  return is_loose_table(entry, name, named_by) ? "table of one entry along the first axis: added to activations"
                                               : nullptr;
}

// A square window of an odd width over several channels: [1, 64, 3, 3] is the last layer of a segmentation.
bool is_shaped_as_a_kernel(const Dimensions& shape) {
  constexpr std::int64_t kWidest = 11;
  return shape.size() == 4 && shape[1] > 1 && shape[2] == shape[3] && shape[2] % 2 == 1 && shape[2] >= 3 &&
         shape[2] <= kWidest;
}

// By its name alone.
bool may_be_a_kernel(const WeightName& name) {
  const auto components = name.parts.components();
  // Haiku's and Keras's own names, which follow that of the layer.
  const bool is_of_a_layer = (name.last == "w" && name.parts.has_slashes()) || name.module == "vars";
  return is_of_a_layer || name.last.ends_with("weight") || name.last.ends_with("kernel") || name.is_weight() ||
         is_layer(name.last) || std::any_of(components.begin(), components.end(), [](std::string_view c) {
           return has_word(c, {"expert", "experts", "moe"});
         });
}

}  // namespace

std::optional<NoMatrix> no_weight(const io::Entry& entry, const Siblings& siblings) {
  const WeightName name(entry);
  if (auto reason = companion_of_a_quantized_weight(entry, siblings)) return reason;
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
  if (is_bias_of_more_axes(entry, name, siblings)) return NoMatrix{"bias: added entry by entry", Evidence::companion};
  if (const char* what = buffer(entry, name)) return NoMatrix{what, Evidence::known_name};
  if (const char* what = table(entry, name, siblings)) return NoMatrix{what, Evidence::known_name};
  if (entry.shape.size() < 3 || may_be_a_kernel(name)) return std::nullopt;
  if (is_vector_in_more_axes(entry.shape) && name.last != "w")
    return NoMatrix{"vector in more axes: not a matrix", Evidence::shape};
  if (entry.shape.size() > 3 && entry.shape[0] == 1 && !is_shaped_as_a_kernel(entry.shape)) {
    return NoMatrix{
        "one entry along the first axis: a stack of weights, a kernel, or a table that is added; --as says "
        "which",
        Evidence::shape, true};
  }
  return std::nullopt;
}

}  // namespace sigmax::audit
