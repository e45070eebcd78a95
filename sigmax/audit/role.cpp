#include "sigmax/audit/role.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string_view>

namespace sigmax::audit {
namespace {

constexpr std::array<std::string_view, 3> kRecurrentOps = {"LSTM", "GRU", "RNN"};
constexpr std::array<std::string_view, 4> kProductOps = {"MatMul", "Gemm", "MatMulInteger", "QLinearMatMul"};
constexpr std::array<std::string_view, 6> kConvolutionOps = {"Conv",        "ConvTranspose", "ConvInteger",
                                                             "QLinearConv", "FusedConv",     "DeformConv"};
constexpr std::array<std::string_view, 21> kEntrywiseOps = {
    "Add",  "Sub",  "Mul",   "Div",     "Pow", "Max",         "Min", "Mod",  "PRelu",          "Where",
    "Clip", "Less", "Equal", "Greater", "And", "LessOrEqual", "Sum", "Mean", "GreaterOrEqual", "Or",
    "Not"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view op) {
  return std::find(list.begin(), list.end(), op) != list.end();
}

template <std::size_t N>
const io::Usage* find_use(const io::Entry& entry, const std::array<std::string_view, N>& ops) {
  const auto found = std::find_if(entry.used_by.begin(), entry.used_by.end(),
                                  [&](const io::Usage& use) { return contains(ops, use.op); });
  return found == entry.used_by.end() ? nullptr : &*found;
}

std::optional<std::string> not_a_number(const io::Entry& entry) {
  if (!entry.unreadable.empty()) return entry.unreadable;
  if (is_integer(entry.dtype)) return fmt::format("{}: integers are not weights", name(entry.dtype));
  if (!is_real(entry.dtype)) {
    const std::string spelled = entry.dtype == DType::unknown ? entry.dtype_name : std::string(name(entry.dtype));
    return fmt::format("{}: recognised, but values of this type are not read", spelled);
  }
  return std::nullopt;
}

std::optional<std::string> not_a_matrix(const io::Entry& entry) {
  const auto count = element_count(entry.shape);
  if (!count || *count == 0) return "empty: no entries";
  if (entry.shape.empty()) return "scalar: not a matrix";
  if (entry.shape.size() == 1) return "vector: not a matrix";
  const auto& uses = entry.used_by;
  if (!uses.empty() &&
      std::all_of(uses.begin(), uses.end(), [](const io::Usage& use) { return contains(kEntrywiseOps, use.op); })) {
    return fmt::format("used entry by entry ({}): not a linear map", uses[0].op);
  }
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

std::vector<std::string> onnx_gates(std::string_view op) {
  if (op == "LSTM") return {"input gate", "output gate", "forget gate", "cell gate"};
  if (op == "GRU") return {"update gate", "reset gate", "new gate"};
  return {};
}

void add_gates(MatrixPlan& plan, const std::vector<std::string>& gates, std::int64_t block, const std::string& prefix) {
  const auto count = static_cast<std::int64_t>(gates.size());
  if (count == 0 || plan.rows % count != 0) return;
  const std::int64_t rows = plan.rows / count;
  for (std::int64_t i = 0; i < count; ++i) {
    plan.parts.push_back({prefix + gates[static_cast<std::size_t>(i)], block, i * rows, rows});
  }
}

// A PyTorch LSTM, GRU or RNN weight by its name: weight_ih_l0, weight_hh, weight_hr_l1_reverse, ...
std::optional<MatrixPlan> pytorch_recurrent(const io::Entry& entry, const ShapesByName& shapes) {
  static const std::regex kName(R"((.*weight_)(ih|hh|hr)(_l\d+(_reverse)?)?)");
  std::smatch match;
  if (entry.shape.size() != 2 || !std::regex_match(entry.name, match, kName)) return std::nullopt;
  MatrixPlan plan{Role::recurrent, entry.shape[0], entry.shape[1], 1, {}};
  if (match[2] == "hr") return plan;
  // weight_hh is [gates hidden, hidden]; with a projection, [gates hidden, projected] beside weight_hr [projected,
  // hidden].
  const auto shape_of = [&](const char* kind) -> const Dimensions* {
    const auto found = shapes.find(match[1].str() + kind + match[3].str());
    return found != shapes.end() && found->second.size() == 2 ? &found->second : nullptr;
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

// An input of an ONNX recurrent node: [directions, gates hidden, columns].
std::optional<MatrixPlan> onnx_recurrent(const io::Entry& entry) {
  const io::Usage* use = find_use(entry, kRecurrentOps);
  if (use == nullptr || entry.shape.size() != 3 || (use->input != 1 && use->input != 2)) return std::nullopt;
  MatrixPlan plan{Role::recurrent, entry.shape[1], entry.shape[2], entry.shape[0], {}};
  for (std::int64_t d = 0; d < plan.batch; ++d) {
    const std::string direction = plan.batch == 1 ? "" : d == 0 ? "forward " : "backward ";
    if (plan.batch > 1) plan.parts.push_back({direction + "direction", d, 0, plan.rows});
    add_gates(plan, onnx_gates(use->op), d, direction);
  }
  return plan;
}

MatrixPlan stack(const io::Entry& entry) {
  const std::size_t rank = entry.shape.size();
  MatrixPlan plan{Role::expert_stack, entry.shape[rank - 2], entry.shape[rank - 1], 1, {}};
  for (std::size_t d = 0; d + 2 < rank; ++d) plan.batch *= entry.shape[d];
  if (plan.batch == 1) {
    plan.role = Role::dense;
    return plan;
  }
  for (std::int64_t b = 0; b < plan.batch; ++b) {
    Dimensions index(rank - 2);
    std::int64_t rest = b;
    for (std::size_t d = rank - 2; d-- > 0;) {
      index[d] = rest % entry.shape[d];
      rest /= entry.shape[d];
    }
    plan.parts.push_back({to_string(index), b, 0, plan.rows});
  }
  return plan;
}

bool says_experts(const std::string& name) {
  static const std::regex kExperts(R"((^|[^a-z])(experts?|moe)([^a-z]|$))", std::regex::icase);
  return std::regex_search(name, kExperts);
}

bool says_embedding(const std::string& name) {
  static const std::regex kEmbedding(R"((^|[^a-z])(embed(dings?)?|embed_tokens|[a-z]*_embeddings?|wte|wpe)([^a-z]|$))",
                                     std::regex::icase);
  return std::regex_search(name, kEmbedding);
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

ShapesByName shapes_by_name(const io::Checkpoint& checkpoint) {
  ShapesByName shapes;
  for (const io::Entry& entry : checkpoint.entries) {
    if (entry.shape.size() >= 2) shapes.emplace(entry.name, entry.shape);
  }
  return shapes;
}

std::variant<MatrixPlan, NoMatrix> classify(const io::Entry& entry, const ShapesByName& shapes) {
  if (auto reason = not_a_number(entry)) return NoMatrix{std::move(*reason)};
  if (auto reason = not_a_matrix(entry)) return NoMatrix{std::move(*reason)};
  if (auto plan = onnx_recurrent(entry)) return *plan;
  if (auto plan = pytorch_recurrent(entry, shapes)) return *plan;
  const std::size_t rank = entry.shape.size();
  if (rank > 2) {
    const bool convolved = find_use(entry, kConvolutionOps) != nullptr;
    const bool multiplied = find_use(entry, kProductOps) != nullptr;
    if (rank > 5 || (!convolved && (multiplied || says_experts(entry.name)))) return stack(entry);
    return MatrixPlan{Role::convolution, entry.shape[0], *element_count(entry.shape) / entry.shape[0], 1, {}};
  }
  const bool gathered = std::any_of(entry.used_by.begin(), entry.used_by.end(),
                                    [](const io::Usage& use) { return use.op == "Gather" && use.input == 0; });
  const bool multiplied = find_use(entry, kProductOps) != nullptr;
  const bool embedding = gathered || (!multiplied && says_embedding(entry.name));
  return MatrixPlan{embedding ? Role::embedding : Role::dense, entry.shape[0], entry.shape[1], 1, {}};
}

}  // namespace sigmax::audit
