#include "sigmax/audit/roles/graph_role.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/graph_layout.hpp"
#include "sigmax/audit/roles/graph_operators.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"

namespace sigmax::audit {
namespace {

using Decision = std::variant<MatrixPlan, NoMatrix>;

Decision refused(std::string reason) { return NoMatrix{std::move(reason), Evidence::graph}; }

// It is multiplied with, so that a check of the weights must not pass over it.
Decision unread(std::string reason) { return NoMatrix{std::move(reason), Evidence::graph, true}; }

Decision rearranged(const io::Usage& use) {
  return unread(fmt::format("the graph rearranges it before {} uses it: the resulting matrix is not known", use.op));
}

// The plan of a layout that has been found, with its blocks.
Decision planned(const io::Entry& entry, Role role, Layout layout) {
  MatrixPlan plan = make_plan(role, Evidence::graph, std::move(layout), entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

// The map between these axes, in the operator's order.
Decision linear_map(const io::Entry& entry, const io::Usage& use, std::vector<Axis> axes) {
  auto layout = through(entry, use, {std::move(axes), 1, 0});
  if (!layout) return rearranged(use);
  const bool stacked = std::find(layout->axes.begin(), layout->axes.end(), Axis::stack) != layout->axes.end();
  return planned(entry, stacked ? Role::expert_stack : Role::dense, std::move(*layout));
}

Decision convolution(const io::Entry& entry, const io::Usage& use, bool transposed) {
  if (use.groups < 1) {
    return unread(
        fmt::format("if it is a kernel of {}, its number of groups is not known: say it, as in --as NAME={}:2", use.op,
                    transposed ? "transposed_convolution" : "convolution"));
  }
  // Exporters give a kernel another axis of extent 1 by Unsqueeze: its outputs stay in front.
  const bool in_front = use.squeezed && !use.gathered && !transposed && entry.shape.size() >= 3;
  const std::size_t rank = in_front ? entry.shape.size() : operand_rank(entry, use);
  if (rank < 3) return rearranged(use);
  Layout layout = transposed ? transposed_convolution_layout(rank, use.groups) : convolution_layout(rank, use.groups);
  auto placed = in_front ? std::optional(layout) : through(entry, use, std::move(layout));
  if (!placed) return rearranged(use);
  const Dimensions& shape = placed->view.empty() ? entry.shape : placed->view;
  if (use.groups > 1 && shape[placed->split] % placed->groups != 0) {
    return unread(fmt::format("{} has {} groups, which do not divide its {} channels", use.op, placed->groups,
                              shape[placed->split]));
  }
  Decision decision = planned(entry, Role::convolution, std::move(*placed));
  auto& plan = std::get<MatrixPlan>(decision);
  // What it does to an image is not a convolution: each output entry takes its taps from elsewhere.
  if (use.op == "DeformConv") {
    plan.convolution.reset();
  } else {
    plan.convolution = ConvolutionPlan{transposed, {}, false};
  }
  return decision;
}

// Whether the spatial axes are stored in the order in which the operator sees them.
bool keeps_spatial_order(const io::Usage& use) {
  if (use.permutation.empty()) return true;
  return use.permutation.size() >= 3 && std::is_sorted(use.permutation.begin() + 2, use.permutation.end());
}

// What all convolutions of the kernel agree on.
void add_settings(const io::Entry& entry, ConvolutionPlan& plan) {
  const Map map = plan.transposed ? Map::transposed_convolution : Map::convolution;
  bool first = true;
  for (const io::Usage& use : entry.used_by) {
    if (map_of(use) != map || use.gathered || !use.computed_by.empty()) continue;
    if (!use.convolution || !keeps_spatial_order(use)) {
      plan.has_settings = false;
      plan.settings = {};
      return;
    }
    if (first) plan.settings = *use.convolution;
    if (!first) io::keep_common(plan.settings, *use.convolution);
    first = false;
    plan.has_settings = true;
  }
}

Decision product(const io::Entry& entry, const io::Usage& use, bool right) {
  const std::size_t rank = operand_rank(entry, use);
  if (rank < 2) return rearranged(use);
  std::vector<Axis> axes(rank, Axis::stack);
  axes[rank - 2] = right ? Axis::in : Axis::out;
  axes[rank - 1] = right ? Axis::out : Axis::in;
  return linear_map(entry, use, std::move(axes));
}

std::vector<std::string> gates_of(std::string_view op) {
  if (op == "LSTM") return {"input gate", "output gate", "forget gate", "cell gate"};
  if (op == "GRU") return {"update gate", "reset gate", "new gate"};
  return {};
}

// [directions, gates hidden, columns].
std::optional<Decision> recurrent(const io::Entry& entry, const io::Usage& use) {
  // Exporters order the gates and add the axis of the directions by Unsqueeze, after which nothing else moves: what a
  // matrix is called tells the order in which it is stored.
  if (use.squeezed && entry.shape.size() == 2) return std::nullopt;
  const bool in_front = use.squeezed && entry.shape.size() == 3;
  if (!in_front && operand_rank(entry, use) != 3) return rearranged(use);
  Layout layout{{Axis::stack, Axis::out, Axis::in}, 1, 0};
  auto placed = in_front ? std::optional(layout) : through(entry, use, layout);
  if (!placed) return rearranged(use);
  MatrixPlan plan = make_plan(Role::recurrent, Evidence::graph, std::move(*placed), entry.shape);
  if (plan.batch > 2) return unread(fmt::format("{} directions; {} has at most two", plan.batch, use.op));
  for (std::int64_t d = 0; d < plan.batch; ++d) {
    const std::string direction = plan.batch == 1 ? "" : d == 0 ? "forward " : "backward ";
    if (plan.batch > 1) plan.parts.push_back({direction + "direction", d, 0, plan.rows});
    add_gates(plan, gates_of(use.op), d, direction);
  }
  return plan;
}

Decision embedding(const io::Entry& entry, const io::Usage& use) {
  const bool in_front = use.squeezed && use.order.empty() && entry.shape.size() == 2;
  const auto rank = static_cast<std::int64_t>(in_front ? 2 : operand_rank(entry, use));
  const std::int64_t axis = use.axis < 0 ? use.axis + rank : use.axis;
  if (axis < 0 || axis >= rank) return rearranged(use);
  std::vector<Axis> axes(static_cast<std::size_t>(rank), Axis::width);
  axes[static_cast<std::size_t>(axis)] = Axis::entries;
  auto placed = through(entry, use, {std::move(axes), 1, 0});
  if (!placed && in_front) placed = Layout{{Axis::entries, Axis::width}, 1, 0};
  if (!placed) return rearranged(use);
  return make_plan(Role::embedding, Evidence::graph, std::move(*placed), entry.shape);
}

// A table of matrices of which Gather takes some, to be multiplied with: `product` has the axes of one, or of several
// behind the axis that is looked up.
std::optional<Decision> looked_up(const io::Entry& entry, const io::Usage& gather, const io::Usage& product) {
  const auto map = map_of(product);
  const bool right = map == Map::right;
  if (gather.axis != 0 || !gather.permutation.empty() || gather.reshaped || product.reshaped) return std::nullopt;
  if (!right && map != Map::left) return std::nullopt;
  const std::size_t rank = entry.shape.size();
  std::vector<Axis> axes(rank, Axis::stack);
  axes[rank - 2] = right ? Axis::in : Axis::out;
  axes[rank - 1] = right ? Axis::out : Axis::in;
  MatrixPlan plan = make_plan(Role::expert_stack, Evidence::graph, {std::move(axes), 1, 0}, entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

Decision einsum(const io::Entry& entry, const io::Usage& use) {
  auto axes = einsum_axes(use);
  if (!axes || axes->size() != operand_rank(entry, use)) {
    return unread(fmt::format("Einsum '{}' is not read as a product with a matrix", use.equation));
  }
  if (std::find(axes->begin(), axes->end(), Axis::in) == axes->end()) {
    return refused(fmt::format("used entry by entry (Einsum '{}'): not a linear map", use.equation));
  }
  return linear_map(entry, use, std::move(*axes));
}

Decision experts(const io::Entry& entry, const io::Usage& use) {
  if (entry.shape.size() != 3 || use.reshaped) return rearranged(use);
  return planned(entry, Role::expert_stack, {{Axis::stack, Axis::out, Axis::in}, 1, 0});
}

std::optional<Decision> decide(const io::Entry& entry, const io::Usage& use, Map map) {
  switch (map) {
    case Map::convolution: return convolution(entry, use, false);
    case Map::transposed_convolution: return convolution(entry, use, true);
    case Map::left: return product(entry, use, false);
    case Map::right: return product(entry, use, true);
    case Map::experts: return experts(entry, use);
    case Map::recurrent: return recurrent(entry, use);
    case Map::embedding: return embedding(entry, use);
    case Map::einsum: break;
  }
  return einsum(entry, use);
}

// A product with what the graph computes from the tensor, or a table of it: another matrix, whose entries are not known
// here.
std::optional<Decision> computed_weight(const std::vector<io::Usage>& uses, bool with_tables) {
  const auto is_weight = [with_tables](const io::Usage& use) {
    const auto map = map_of(use);
    return !use.computed_by.empty() && map && (with_tables || map != Map::embedding);
  };
  const auto use = std::find_if(uses.begin(), uses.end(), is_weight);
  if (use == uses.end()) return std::nullopt;
  return unread(fmt::format("the graph computes a weight of {} from it ({}): that matrix is not read", use->op,
                            use->computed_by));
}

// Whether a vector that the graph computes a weight from becomes a matrix: it is given the shape of one, or a shape
// that is not known, or no constant that takes part is a matrix.
bool becomes_a_matrix(const io::Usage& use) {
  const auto longer = std::count_if(use.view.begin(), use.view.end(), [](std::int64_t extent) { return extent != 1; });
  return !use.computed_by.empty() && (use.of_vectors || (use.reshaped && (use.view.empty() || longer > 1)));
}

// Larger means that more is known: a matrix, a weight that is not read, no weight.
int knowledge(const std::optional<Decision>& decision) {
  if (!decision) return 0;
  const auto* none = std::get_if<NoMatrix>(&*decision);
  return none == nullptr ? 3 : none->is_weight ? 2 : 1;
}

}  // namespace

std::optional<Decision> vector_role(const io::Entry& entry) {
  for (const io::Usage& use : entry.used_by) {
    const auto map = map_of(use);
    if (!map || use.gathered || !use.computed_by.empty() || !use.reshaped || use.squeezed) continue;
    auto decision = decide(entry, use, *map);
    if (knowledge(decision) == 2) return decision;
    const auto* plan = decision ? std::get_if<MatrixPlan>(&*decision) : nullptr;
    if (plan == nullptr) continue;
    const bool depthwise = plan->role == Role::convolution && plan->batch > 1;
    if (depthwise || std::min(plan->rows, plan->columns) > 1) return decision;
  }
  std::vector<io::Usage> computed;
  std::copy_if(entry.used_by.begin(), entry.used_by.end(), std::back_inserter(computed), becomes_a_matrix);
  return computed_weight(computed, false);
}

namespace {

std::optional<Decision> by_uses(const io::Entry& entry) {
  const auto& uses = entry.used_by;
  if (uses.empty()) return std::nullopt;
  if (std::any_of(uses.begin(), uses.end(), [](const io::Usage& use) { return use.op == "Bilinear"; })) {
    return unread("bilinear form, [out, in, in]: not a linear map");
  }
  if (std::any_of(uses.begin(), uses.end(), [](const io::Usage& use) { return use.op == "Unknown"; })) {
    return unread(
        "the program of the file uses it in no convolution or product that is read: which matrix it is, is "
        "not known");
  }
  std::optional<Decision> best, table;
  bool undecided = false, multiplied = false;
  for (const io::Usage& use : uses) {
    const auto map = map_of(use);
    if (!map || use.gathered || !use.computed_by.empty()) continue;
    if (map == Map::embedding && entry.shape.size() > 2) {
      for (const io::Usage& product : uses) {
        if (!product.gathered) continue;
        if (auto stack = looked_up(entry, use, product)) return stack;
      }
    }
    std::optional<Decision> decision = decide(entry, use, *map);
    if (map != Map::embedding) multiplied = true;
    if (!decision) {
      undecided = true;
      continue;
    }
    if (map == Map::embedding && entry.shape.size() == 2 && knowledge(decision) > knowledge(table)) table = decision;
    if (knowledge(decision) > knowledge(best)) best = std::move(decision);
  }
  if (!multiplied) {
    if (auto computed = computed_weight(uses, knowledge(best) < 3)) return computed;
  }
  // A tied embedding is multiplied with as well, transposed.
  if (knowledge(table) == 3) return table;
  if (best || undecided) return best;
  const auto is_none = [](const io::Usage& use) { return !use.computed_by.empty() || is_no_map(use); };
  if (!std::all_of(uses.begin(), uses.end(), is_none)) return std::nullopt;
  const io::Usage& use = uses.front();
  if (is_entrywise(use)) {
    return refused(fmt::format("used entry by entry ({}): not a linear map", use.op));
  }
  return refused(fmt::format("input {} of {}: not a linear map", use.input, use.op));
}

}  // namespace

std::optional<Decision> graph_role(const io::Entry& entry) {
  auto decision = by_uses(entry);
  auto* plan = decision ? std::get_if<MatrixPlan>(&*decision) : nullptr;
  if (plan != nullptr && plan->convolution) add_settings(entry, *plan->convolution);
  if (decision && entry.used_by.front().declared) {
    std::visit([](auto& found) { found.evidence = Evidence::container; }, *decision);
  }
  return decision;
}

}  // namespace sigmax::audit
