#include "sigmax/audit/roles/stack_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

using Axes = std::vector<Axis>;

StoredLayout stored(Axes axes, Evidence evidence) { return {{std::move(axes), 1, 0}, evidence}; }

// `axes` with that of the stack in front of the one at `place`.
Axes with_stack(Axes axes, std::size_t place) {
  axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(place), Axis::stack);
  return axes;
}

// RWKV-6 multiplies by it from the right, five at a time; the block diagonal gates of RecurrentGemma and Griffin; the
// products of Gemma and PaliGemma, by name, with or without an axis for the layers in front.
std::optional<LayoutOrDoubt> of_a_known_family(const io::Entry& entry, const NameParts& parts) {
  using enum Axis;
  const Dimensions& s = entry.shape;
  const std::string_view last = parts.component(0);
  const bool is_gate =
      s[1] == s[2] && (last.ends_with("_gate_weight") || (last == "w" && parts.component(1).ends_with("_gate")));
  if (s.size() == 3 && (is_gate || is_one_of(last, {"time_maa_w2", "time_mix_w2"}))) {
    return stored({stack, in, out}, Evidence::known_name);
  }
  const std::string_view einsum = is_one_of(last, {"w", "kernel", "weight"}) ? parts.component(1) : last;
  if (!einsum.ends_with("einsum")) return std::nullopt;
  Axes axes;
  if (einsum == "q_einsum") axes = {out, in, out};
  if (is_one_of(einsum, {"kv_einsum", "qkv_einsum"})) axes = {stack, out, in, out};
  if (einsum == "attn_vec_einsum") axes = {in, in, out};
  if (einsum == "gating_einsum") axes = {stack, in, out};
  if (axes.size() + 1 == s.size()) axes = with_stack(std::move(axes), 0);
  if (axes.size() == s.size()) return stored(std::move(axes), Evidence::known_name);
  return Doubt{"multiplied by an equation that is not in the file; --as says which matrix it is", Evidence::known_name};
}

// A matrix with the axes `s` from `first` on whose bias has the axes `b`: [in, out], [out, in], and attention layers
// with an axis for the heads.
std::optional<Axes> with_bias(const Dimensions& s, const Dimensions& b, bool outputs_last) {
  using enum Axis;
  const auto is = [](std::int64_t a, std::int64_t c) { return a == c; };
  if (s.size() == 2 && b.size() == 1) {
    if (!is(b[0], s[0]) && !is(b[0], s[1])) return std::nullopt;
    const bool in_out = is(s[0], s[1]) ? outputs_last : is(b[0], s[1]);
    return in_out ? Axes{in, out} : Axes{out, in};
  }
  if (s.size() == 3 && b.size() == 2) {
    const bool behind = is(b[0], s[1]) && is(b[1], s[2]), before = is(b[0], s[0]) && is(b[1], s[1]);
    if (behind && (!before || outputs_last)) return Axes{in, out, out};
    return before && !behind ? std::optional(Axes{out, out, in}) : std::nullopt;
  }
  if (s.size() < 3 || b.size() != 1) return std::nullopt;
  // One output axis, and all others are summed over.
  const bool last = is(b[0], s.back()), first = is(b[0], s.front());
  if (!last && !first) return std::nullopt;
  Axes axes(s.size(), kernel);
  const bool at_the_end = last && (!first || outputs_last);
  axes[at_the_end ? s.size() - 1 : 0] = out;
  axes[at_the_end ? s.size() - 2 : 1] = in;
  if (s.size() == 3) axes = at_the_end ? Axes{in, in, out} : Axes{out, in, in};
  return axes;
}

// A bias for each matrix of a stack: [stack, out], [stack, 1, out], [stack, heads, width].
std::optional<LayoutOrDoubt> by_bias(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const io::Entry* bias = bias_of(entry, siblings);
  if (bias == nullptr || bias->shape.size() < 2 || bias->shape[0] != s[0] || s[0] < 2) return std::nullopt;
  Dimensions own(bias->shape.begin() + 1, bias->shape.end());
  if (own.size() == 2 && own[0] == 1) own.erase(own.begin());
  auto axes = with_bias({s.begin() + 1, s.end()}, own, keeps_outputs_last(parts));
  if (!axes) return std::nullopt;
  return stored(with_stack(std::move(*axes), 0), Evidence::companion);
}

// `decoder/layers/` of `decoder/layers/mlp/wi/kernel`: a loop over layers without numbers of their own. Empty if there
// is none.
std::string loop_of(const io::Entry& entry, const NameParts& parts) {
  const auto components = parts.components();
  for (std::size_t i = 0; i + 2 < components.size(); ++i) {
    const std::string lowered = lower_case(components[i]);
    const bool is_loop = lowered.find("layer_stack") != std::string::npos ||
                         is_one_of(lowered, {"layers", "layer", "blocks", "block", "scan", "scanned", "encoderblock",
                                             "decoderblock", "scanned_layers", "scan_layers", "repeated_layers"});
    if (!is_loop || is_number(components[i + 1])) continue;
    return entry.name.substr(0, static_cast<std::size_t>(components[i + 1].data() - entry.name.data()));
  }
  return {};
}

// Along which of its first two axes all the tensors of the loop have as many entries as this one.
struct LoopAxis {
  std::size_t axis = 0;
  Evidence evidence = Evidence::companion;
};

std::optional<LoopAxis> axis_of_loop(const io::Entry& entry, const std::string& loop, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::vector<const io::Entry*> others = siblings.below(loop, entry);
  const auto is_shared = [&](std::size_t axis) {
    return std::all_of(others.begin(), others.end(), [&](const io::Entry* other) {
      return other->shape.size() > axis && other->shape[axis] == s[axis];
    });
  };
  const bool first = is_shared(0), second = is_shared(1);
  if (!others.empty() && first != second) return LoopAxis{first ? std::size_t{0} : 1, Evidence::companion};
  if (!first) return std::nullopt;
  // A model has far fewer layers than features.
  const auto shortest = std::min_element(s.begin(), s.end());
  const bool is_far_shorter =
      std::count_if(s.begin(), s.end(), [&](std::int64_t n) { return n <= 2 * *shortest; }) == 1;
  if (!is_far_shorter || shortest - s.begin() > 1) return std::nullopt;
  return LoopAxis{static_cast<std::size_t>(shortest - s.begin()), Evidence::known_name};
}

// The layers of a Flax model in one tensor. T5X and MaxText keep the axis of the layers second.
std::optional<LayoutOrDoubt> of_a_loop(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  using enum Axis;
  const std::size_t rank = entry.shape.size();
  const bool of_flax = parts.component(0) == "kernel" || (parts.has_slashes() && parts.component(1) != "vars");
  if (!of_flax || rank < 3 || says_convolution(parts)) return std::nullopt;
  std::string loop = loop_of(entry, parts);
  const auto heads = attention_axes(entry, parts, siblings);
  // Four axes of an attention layer are those of three and a loop, however that is called.
  if (loop.empty() && rank == 4 && heads && parts.components().size() > 2) {
    loop = entry.name.substr(0, static_cast<std::size_t>(parts.component(1).data() - entry.name.data()));
  }
  if (loop.empty()) return std::nullopt;
  const auto found = axis_of_loop(entry, loop, siblings);
  if (rank == 3) {
    if (heads && (!found || found->evidence != Evidence::companion)) return std::nullopt;
    if (found) return stored(with_stack({in, out}, found->axis), found->evidence);
  } else if (found && heads && rank == 4) {
    return stored(with_stack(*heads, found->axis), found->evidence);
  }
  return Doubt{"the layers of a loop in one tensor, with axes that nothing tells apart; --as says which matrix it is",
               Evidence::known_name};
}

// `mlp.input_linear.weight` of three axes. As a kernel of one position, [out, in, 1], it is no stack.
bool is_stack_of_linear_layers(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  constexpr std::int64_t kWidestKernel = 11;
  const Dimensions& s = entry.shape;
  const std::string_view layer = parts.component(0) == "weight" ? parts.component(1) : parts.component(0);
  const io::Entry* bias = bias_of(entry, siblings);
  const bool has_vector = bias != nullptr && bias->shape.size() == 1;
  return s.size() == 3 && !has_vector && !says_convolution(parts) && has_word(layer, {"linear", "linears"}) &&
         s[2] > kWidestKernel && s[0] > 1;
}

// [1, out, in], and the modulated kernels of StyleGAN2, [1, out, in, k, k]. A kernel of one output that is no deeper
// than kernels are stays one row, whose norm is no smaller.
std::optional<LayoutOrDoubt> of_one(const io::Entry& entry, const NameParts& parts, const Siblings& siblings) {
  using enum Axis;
  constexpr std::int64_t kWidestKernel = 11;
  const Dimensions& s = entry.shape;
  if (s[0] != 1) return std::nullopt;
  const std::string_view last = parts.component(0);
  const bool is_loose = !is_called_as_a_weight(last) || lower_case(last) == "w";
  if (s.size() == 3 && is_loose && !says_convolution(parts)) {
    const bool is_window = s[2] % 2 == 1 && s[2] >= 3 && s[2] <= kWidestKernel && !is_layer(last);
    if (is_window) return Doubt{"a stack of one matrix or a kernel with one output; --as says which", Evidence::shape};
    return stored({stack, out, in}, Evidence::shape);
  }
  if (s.size() != 5 || s[3] != s[4] || keeps_outputs_last(parts)) return std::nullopt;
  const bool is_modulated = siblings.find(parts.sibling("modulation.weight"), entry) != nullptr;
  if (!is_modulated && s[2] <= kWidestKernel) return std::nullopt;
  return stored({stack, out, in, kernel, kernel}, is_modulated ? Evidence::companion : Evidence::shape);
}

}  // namespace

std::optional<LayoutOrDoubt> batched_product(const io::Entry& entry, const Siblings& siblings) {
  using enum Axis;
  const NameParts parts(entry.name);
  if (auto found = of_a_known_family(entry, parts)) return found;
  if (auto found = by_bias(entry, parts, siblings)) return found;
  if (auto found = of_a_loop(entry, parts, siblings)) return found;
  if (is_stack_of_linear_layers(entry, parts, siblings)) return stored({stack, out, in}, Evidence::known_name);
  const io::Entry* bias = bias_of(entry, siblings);
  const bool has_one_output = bias != nullptr && bias->shape == Dimensions{1};
  return has_one_output ? std::nullopt : of_one(entry, parts, siblings);
}

StoredLayout stack_layout(const io::Entry& entry, const Siblings& siblings) {
  const Dimensions& s = entry.shape;
  const std::size_t rank = s.size();
  StoredLayout found{{std::vector<Axis>(rank, Axis::stack), 1, 0}, Evidence::shape};
  found.layout.axes[rank - 2] = Axis::out;
  found.layout.axes[rank - 1] = Axis::in;
  const auto decide = [&](bool in_out) {
    found.evidence = Evidence::companion;
    if (in_out) std::swap(found.layout.axes[rank - 2], found.layout.axes[rank - 1]);
    return found;
  };
  const std::int64_t rows = s[rank - 2], columns = s[rank - 1];
  const io::Entry* bias = bias_of(entry, siblings);
  if (bias != nullptr && bias->shape.size() == rank - 1 && rows != columns) {
    if (bias->shape.back() == columns) return decide(true);
    if (bias->shape.back() == rows) return decide(false);
  }
  // A gate and an up projection in one have twice as many outputs as the down projection has inputs.
  const NameParts parts(entry.name);
  const std::string_view last = parts.component(0);
  for (const auto& [own, other] : {std::pair{"gate_up_proj", "down_proj"}, std::pair{"down_proj", "gate_up_proj"}}) {
    const std::string name = with_ending(last, own, other);
    const io::Entry* partner = name.empty() ? nullptr : siblings.find(parts.sibling(name), entry);
    if (partner == nullptr || partner->shape.size() != rank) continue;
    const bool is_up = other == std::string_view("down_proj");
    const Dimensions& up = is_up ? s : partner->shape;
    const Dimensions& down = is_up ? partner->shape : s;
    const bool in_out = up[rank - 1] / 2 == down[rank - 2] && up[rank - 2] == down[rank - 1];
    const bool out_in = up[rank - 2] / 2 == down[rank - 1] && up[rank - 1] == down[rank - 2];
    if (in_out != out_in) return decide(in_out);
  }
  if (keeps_outputs_last(parts)) {
    decide(true);
    found.evidence = Evidence::known_name;
  }
  return found;
}

}  // namespace sigmax::audit
