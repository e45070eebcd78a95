#include "sigmax/audit/roles/role.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/graph_role.hpp"
#include "sigmax/audit/roles/kernel_layout.hpp"
#include "sigmax/audit/roles/quantized.hpp"
#include "sigmax/audit/roles/stack_layout.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"
#include "sigmax/audit/roles/tensor_name.hpp"
#include "sigmax/audit/roles/training_state.hpp"
#include "sigmax/audit/roles/unread.hpp"

namespace sigmax::audit {
namespace {

std::optional<std::string> not_a_number(const io::Entry& entry, const Siblings& siblings) {
  if (!entry.unreadable.empty()) return entry.unreadable;
  if (is_integer(entry.dtype)) {
    return may_be_unread_weight(entry, siblings)
               ? fmt::format("{}: integers, which may be a quantized weight, are not read{}", name(entry.dtype),
                             quantized_by(entry, siblings))
               : fmt::format("{}: integers are not weights", name(entry.dtype));
  }
  if (!is_real(entry.dtype)) {
    const std::string spelled = entry.dtype == DType::unknown ? entry.dtype_name : std::string(name(entry.dtype));
    return fmt::format("{}: recognized, but values of this type are not read", spelled);
  }
  return std::nullopt;
}

std::optional<std::string> not_a_matrix(const io::Entry& entry) {
  const auto count = element_count(entry.shape);
  if (!count || *count == 0) return "empty: no entries";
  if (entry.shape.empty()) return "scalar: not a matrix";
  if (entry.shape.size() == 1) return "vector: not a matrix";
  return std::nullopt;
}

// Gates in the order in which a stack holds them.
std::vector<std::string> pytorch_gates(std::int64_t count) {
  switch (count) {
    case 4: return {"input gate", "forget gate", "cell gate", "output gate"};
    case 3: return {"reset gate", "update gate", "new gate"};
    default: return {};
  }
}

std::vector<std::string> keras_gates(std::int64_t count) {
  if (count == 3) return {"update gate", "reset gate", "new gate"};
  return pytorch_gates(count);
}

// `weight_ih_l0_reverse` of PyTorch's LSTM, GRU and RNN in its kind, `ih`, and what is around that: `weight_`,
// `_l0_reverse`. Nothing for other names.
struct RecurrentName {
  std::string_view before, kind, after;
};

std::optional<RecurrentName> recurrent_name(std::string_view last) {
  std::string_view rest = last;
  if (rest.ends_with("_reverse")) rest.remove_suffix(8);
  const bool reverse = rest.size() != last.size();
  const auto layer = rest.rfind("_l");
  const bool numbered = layer != std::string_view::npos && is_number(rest.substr(layer + 2));
  if (reverse && !numbered) return std::nullopt;
  if (numbered) rest = rest.substr(0, layer);
  if (rest.size() < 9 || !is_one_of(rest.substr(rest.size() - 2), {"ih", "hh", "hr"})) return std::nullopt;
  const std::string_view before = rest.substr(0, rest.size() - 2);
  if (!before.ends_with("weight_")) return std::nullopt;
  return RecurrentName{before, rest.substr(rest.size() - 2), last.substr(rest.size())};
}

std::optional<MatrixPlan> pytorch_recurrent(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const auto name = recurrent_name(parts.component(0));
  if (entry.shape.size() != 2 || !name) return std::nullopt;
  MatrixPlan plan = make_plan(Role::recurrent, Evidence::known_name, {{Axis::out, Axis::in}, 1, 0}, entry.shape);
  if (name->kind == "hr") return plan;
  // weight_hh is [gates hidden, hidden]; with a projection, [gates hidden, projected] next to weight_hr [projected,
  // hidden].
  const auto shape_of = [&](std::string_view kind) -> const Dimensions* {
    const std::string other = std::string(name->before) + std::string(kind) + std::string(name->after);
    const io::Entry* found = siblings.find(parts.sibling(other), entry);
    return found != nullptr && found->shape.size() == 2 ? &found->shape : nullptr;
  };
  std::int64_t hidden = 0;
  if (const Dimensions* projection = shape_of("hr")) {
    hidden = (*projection)[1];
  } else if (const Dimensions* recurrent = shape_of("hh")) {
    hidden = (*recurrent)[1];
  }
  if (hidden > 0 && plan.rows % hidden == 0) add_gates(plan, pytorch_gates(plan.rows / hidden), 0, "");
  return plan;
}

// Keras: `kernel` [in, gates hidden] next to `recurrent_kernel` [hidden, gates hidden].
std::optional<MatrixPlan> keras_recurrent(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  if (entry.shape.size() != 2 || !is_one_of(parts.component(0), {"kernel", "recurrent_kernel"})) return std::nullopt;
  const io::Entry* recurrent = siblings.find(parts.sibling("recurrent_kernel"), entry);
  if (recurrent == nullptr || recurrent->shape.size() != 2 || recurrent->shape[1] != entry.shape[1]) {
    return std::nullopt;
  }
  MatrixPlan plan = make_plan(Role::recurrent, Evidence::companion, {{Axis::in, Axis::out}, 1, 0}, entry.shape);
  const std::int64_t hidden = recurrent->shape[0];
  if (hidden > 0 && plan.rows % hidden == 0) add_gates(plan, keras_gates(plan.rows / hidden), 0, "");
  return plan;
}

bool says_experts(const NameParts& parts) {
  const auto components = parts.components();
  return std::any_of(components.begin(), components.end(), [](std::string_view c) {
    return has_word(c, {"expert", "experts", "moe"});
  });
}

// The layer itself must be called so: the projections of an `embed` module are dense.
bool says_embedding(const NameParts& parts) {
  const std::string_view last = parts.component(0);
  const std::string_view layer = is_one_of(last, {"weight", "weight_orig"}) ? parts.component(1) : last;
  return (has_word(layer, {"embed", "embedding", "embeddings", "emb", "wte", "wpe", "embd"}) &&
          !has_word(layer, {"proj", "projection", "linear", "fc", "dense", "mlp", "out", "norm"})) ||
         is_one_of(layer, {"shared", "W_E", "W_pos", "positional_embedding"});
}

// DBRX keeps the matrices of all experts below each other, [experts ffn, hidden]: w1 and v1 [out, in], w2 [in, out].
// How many there are, config.json alone tells.
std::optional<MatrixPlan> dbrx_experts(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const bool fused = parts.component(1) == "mlp" && parts.component(2) == "experts" &&
                     is_one_of(parts.component(0), {"w1", "v1", "w2"});
  const io::ModelConfig* config = siblings.config(entry);
  if (!fused || config == nullptr || config->experts.value_or(1) == 1) return std::nullopt;
  if (entry.shape[0] % *config->experts != 0 || entry.shape[0] == *config->experts) return std::nullopt;
  Layout layout{{Axis::out, Axis::in}, *config->experts, 0};
  if (parts.component(0) == "w2") std::swap(layout.axes[0], layout.axes[1]);
  MatrixPlan plan = make_plan(Role::expert_stack, Evidence::companion, std::move(layout), entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

MatrixPlan two_dimensional(const io::Entry& entry, const Siblings& siblings) {
  if (auto plan = dbrx_experts(entry, siblings)) return *plan;
  if (auto plan = pytorch_recurrent(entry, siblings)) return *plan;
  if (auto plan = keras_recurrent(entry, siblings)) return *plan;
  // A table that is looked up has no bias: `class_embed` of DETR is a layer.
  if (says_embedding(NameParts(entry.name)) && !has_output_bias(entry, siblings)) {
    return make_plan(Role::embedding, Evidence::known_name, {{Axis::entries, Axis::width}, 1, 0}, entry.shape);
  }
  StoredLayout stored = dense_layout(entry, siblings);
  return make_plan(Role::dense, stored.evidence, std::move(stored.layout), entry.shape);
}

using Decision = std::variant<MatrixPlan, NoMatrix>;

MatrixPlan stack_of_experts(const io::Entry& entry, const Siblings& siblings, bool by_name) {
  StoredLayout stored = stack_layout(entry, siblings);
  const Evidence evidence = stored.evidence == Evidence::shape && by_name ? Evidence::known_name : stored.evidence;
  MatrixPlan plan = make_plan(Role::expert_stack, evidence, std::move(stored.layout), entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

Role role_of(const std::vector<Axis>& axes) {
  const auto has = [&](Axis axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
  if (has(Axis::kernel)) return Role::convolution;
  return has(Axis::stack) ? Role::expert_stack : Role::dense;
}

Decision more_dimensional(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const bool experts = says_experts(parts);
  if (experts || entry.shape.size() > 5) return stack_of_experts(entry, siblings, experts);
  if (entry.shape.size() == 3 && entry.shape[0] == 1 && says_embedding(parts)) {
    return make_plan(Role::embedding, Evidence::known_name, {{Axis::stack, Axis::entries, Axis::width}, 1, 0},
                     entry.shape);
  }
  auto found = batched_product(entry, siblings);
  if (!found) found = kernel_layout(entry, siblings);
  if (const auto* doubt = std::get_if<Doubt>(&*found)) return NoMatrix{doubt->reason, doubt->evidence, true};
  StoredLayout& stored = std::get<StoredLayout>(*found);
  const Role role = role_of(stored.layout.axes);
  MatrixPlan plan = make_plan(role, stored.evidence, std::move(stored.layout), entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

Decision by_evidence(const io::Entry& entry, const Siblings& siblings, const std::optional<AssumedRole>& assumed) {
  if (assumed) {
    if (auto plan = plan_of(*assumed, entry)) return std::move(*plan);
    return NoMatrix{"left out by --as", Evidence::user};
  }
  auto decision = graph_role(entry);
  const auto* none = decision ? std::get_if<NoMatrix>(&*decision) : nullptr;
  if (decision && (none == nullptr || !none->is_weight)) return std::move(*decision);
  // A scale of a weight is none, though the graph computes a weight from it.
  if (auto reason = no_weight(entry, siblings); reason && !(decision && reason->evidence == Evidence::shape)) {
    return std::move(*reason);
  }
  if (decision) return std::move(*decision);
  return entry.shape.size() == 2 ? two_dimensional(entry, siblings) : more_dimensional(entry, siblings);
}

}  // namespace

std::string_view name(Role role) noexcept {
  switch (role) {
    case Role::dense: return "dense";
    case Role::convolution: return "convolution";
    case Role::recurrent: return "recurrent";
    case Role::embedding: return "embedding";
    case Role::expert_stack: return "expert_stack";
  }
  return "dense";
}

std::string_view name(Evidence evidence) noexcept {
  switch (evidence) {
    case Evidence::user: return "user";
    case Evidence::graph: return "graph";
    case Evidence::companion: return "companion";
    case Evidence::container: return "container";
    case Evidence::known_name: return "name";
    case Evidence::shape: return "shape";
  }
  return "shape";
}

std::variant<MatrixPlan, NoMatrix> classify(const io::Entry& entry, const Siblings& siblings,
                                            const std::optional<AssumedRole>& assumed) {
  if (assumed && assumed->kind == AssumedRole::Kind::skip) return NoMatrix{"left out by --as", Evidence::user};
  const bool is_vector = entry.shape.size() == 1 && element_count(entry.shape).value_or(0) > 0;
  auto vector = is_vector ? vector_role(entry) : std::nullopt;
  if (auto reason = not_a_number(entry, siblings)) {
    // Multiplied with as a matrix, whatever its type: texts and truth values aside.
    if (vector && entry.dtype != DType::boolean && entry.dtype != DType::string) {
      if (entry.unreadable.empty() && is_integer(entry.dtype)) {
        reason = fmt::format("{}: integers that the graph makes a weight of are not read", name(entry.dtype));
      }
      return NoMatrix{std::move(*reason), Evidence::graph, true};
    }
    // Quantized or not, the state of an optimizer is not the model's.
    if (entry.shape.size() >= 2) {
      if (auto state = state_of_training(entry, siblings)) return std::move(*state);
    }
    return NoMatrix{std::move(*reason), std::nullopt};
  }
  if (vector && !assumed) return std::move(*vector);
  if (!assumed) {
    if (auto packed = packed_weight(entry, siblings)) return std::move(*packed);
  }
  if (auto reason = not_a_matrix(entry)) return NoMatrix{std::move(*reason), std::nullopt};
  Decision decision = by_evidence(entry, siblings, assumed);
  const auto* plan = std::get_if<MatrixPlan>(&decision);
  if (plan != nullptr && plan->batch > kMostMatrices) {
    return NoMatrix{fmt::format("{} matrices: more than {} in one tensor are not measured", plan->batch, kMostMatrices),
                    plan->evidence, true};
  }
  return decision;
}

}  // namespace sigmax::audit
