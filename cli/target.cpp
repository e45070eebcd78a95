#include "cli/target.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "cli/closest_names.hpp"
#include "sigmax/audit/role.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

// A tensor, and which matrix of it if it is a stack.
struct Found {
  const io::Entry* entry = nullptr;
  std::optional<Dimensions> index;
};

bool is_matrix(const io::Entry& entry) {
  return entry.shape.size() >= 2 && is_real(entry.dtype) && element_count(entry.shape).value_or(0) > 0;
}

const io::Entry& only_matrix(const io::Checkpoint& checkpoint, const std::filesystem::path& path) {
  // What the audit takes for weights; what only has the shape of a matrix where there is none.
  const audit::Siblings siblings(checkpoint.entries);
  std::vector<const io::Entry*> matrices, shaped;
  for (const io::Entry& entry : checkpoint.entries) {
    if (!is_matrix(entry)) continue;
    shaped.push_back(&entry);
    if (std::holds_alternative<audit::MatrixPlan>(audit::classify(entry, siblings))) matrices.push_back(&entry);
  }
  if (matrices.empty()) matrices = std::move(shaped);
  if (matrices.size() == 1) return *matrices.front();
  if (matrices.empty()) {
    throw Error(fmt::format("{}: none of its {} tensors is a matrix of real numbers; `sigmax ls` lists them",
                            path.string(), checkpoint.entries.size()));
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(matrices.size(), 8); ++i) names.push_back(matrices[i]->name);
  throw Error(fmt::format("{0} holds {1} matrices; name one, as in {0}:{2}\n  {3}{4}", path.string(), matrices.size(),
                          names.front(), fmt::join(names, "\n  "),
                          matrices.size() > names.size() ? "\n  ... (`sigmax ls` lists all)" : ""));
}

const io::Entry* find_name(const io::Checkpoint& checkpoint, std::string_view name) {
  for (const io::Entry& entry : checkpoint.entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// `0, 3` of `name[0, 3]`; nothing if it is no list of numbers.
std::optional<Dimensions> parse_index(std::string_view text) {
  Dimensions index;
  while (true) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0) return std::nullopt;
    index.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return index;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
}

Found find_entry(const io::Checkpoint& checkpoint, const Target& target) {
  if (!target.tensor) return {&only_matrix(checkpoint, target.path), {}};
  const std::string_view wanted = *target.tensor;
  if (const io::Entry* entry = find_name(checkpoint, wanted)) return {entry, {}};
  if (const auto bracket = wanted.rfind('['); wanted.ends_with(']') && bracket != std::string_view::npos) {
    const io::Entry* entry = find_name(checkpoint, wanted.substr(0, bracket));
    auto index = parse_index(wanted.substr(bracket + 1, wanted.size() - bracket - 2));
    if (entry != nullptr && index) return {entry, std::move(index)};
  }
  std::vector<std::string> names;
  for (const io::Entry& entry : checkpoint.entries) names.push_back(entry.name);
  const std::vector<std::string> close = closest_names(wanted, names, 5);
  throw Error(fmt::format("{} has no tensor '{}'{}", target.path.string(), wanted,
                          close.empty() ? std::string("; `sigmax ls` lists its tensors")
                                        : fmt::format("; did you mean\n  {}", fmt::join(close, "\n  "))));
}

void require_matrix(const io::Entry& entry) {
  if (!entry.load) throw Error(fmt::format("'{}' cannot be read: {}", entry.name, entry.unreadable));
  if (entry.shape.size() < 2) {
    throw Error(
        fmt::format("'{}' has the shape {}; a matrix needs two dimensions", entry.name, to_string(entry.shape)));
  }
  if (!is_real(entry.dtype)) {
    throw Error(fmt::format("'{}' has the type {}; f64, f32, f16 and bf16 are read as real numbers", entry.name,
                            entry.dtype_name));
  }
  if (element_count(entry.shape).value_or(0) == 0) {
    throw Error(fmt::format("'{}' has the shape {}, without entries", entry.name, to_string(entry.shape)));
  }
}

// Which matrix a tensor is, as the audit takes it. One that the audit would skip is taken as [first, rest].
audit::MatrixPlan plan_of(const io::Checkpoint& checkpoint, const io::Entry& entry, const Messages& messages) {
  auto classified = audit::classify(entry, audit::Siblings(checkpoint.entries));
  if (auto* plan = std::get_if<audit::MatrixPlan>(&classified)) return std::move(*plan);
  messages.note(fmt::format("'{}': an audit would skip it: {}", report::visible(entry.name),
                            std::get<audit::NoMatrix>(classified).reason));
  return *audit::plan_of({audit::AssumedRole::Kind::dense, 1}, entry);
}

// Member `index` of a stack.
Tensor member(const io::Entry& entry, const audit::MatrixPlan& plan, const Dimensions& index, const std::string& path) {
  const Dimensions stack = audit::stack_shape(plan.layout, entry.shape);
  bool inside = index.size() == stack.size();
  for (std::size_t d = 0; inside && d < index.size(); ++d) inside = index[d] < stack[d];
  if (!inside) {
    throw Error(fmt::format("{0}:{1}{2} is not there: '{1}' stacks {3} matrices, {1}{4} the first", path, entry.name,
                            to_string(index), to_string(stack), to_string(Dimensions(stack.size(), 0))));
  }
  std::int64_t linear = 0;
  for (std::size_t d = 0; d < index.size(); ++d) linear = linear * stack[d] + index[d];
  return audit::blocks_of(entry.load(), plan.layout)[static_cast<std::size_t>(linear)];
}

}  // namespace

Target parse_target(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text, {}};
  for (auto colon = text.rfind(':'); colon != std::string::npos && colon > 0; colon = text.rfind(':', colon - 1)) {
    const std::string path = text.substr(0, colon);
    if (std::filesystem::exists(path, ignored)) return {path, text.substr(colon + 1)};
  }
  return {text.substr(0, text.find(':')), {}};
}

NamedMatrix find_matrix(const io::Checkpoint& checkpoint, const Target& target, const Messages& messages) {
  const auto [found, index] = find_entry(checkpoint, target);
  const io::Entry& entry = *found;
  require_matrix(entry);
  const audit::MatrixPlan plan = plan_of(checkpoint, entry, messages);
  if (plan.batch > 1) {
    if (!index) {
      const Dimensions stack = audit::stack_shape(plan.layout, entry.shape);
      throw Error(fmt::format("'{}' stacks {} matrices {}; name one, as in {}:{}{}", entry.name, plan.batch,
                              to_string(Dimensions{plan.rows, plan.columns}), target.path.string(), entry.name,
                              to_string(Dimensions(stack.size(), 0))));
    }
    return {entry.name + to_string(*index), entry.shape, member(entry, plan, *index, target.path.string())};
  }
  if (index) {
    throw Error(fmt::format("'{}' is one matrix and no stack; name it without {}", entry.name, to_string(*index)));
  }
  const Dimensions matrix = {plan.rows, plan.columns};
  if (entry.shape != matrix) {
    messages.note(fmt::format("'{}' has the shape {}, taken for the matrix {}: its axes are {}", entry.name,
                              to_string(entry.shape), to_string(matrix), audit::layout_text(plan.layout)));
  } else if (plan.layout.axes.front() == audit::Axis::in) {
    messages.note(fmt::format("'{}' is stored {}; taken for its transpose, whose rows are outputs", entry.name,
                              audit::layout_text(plan.layout)));
  }
  return {entry.name, entry.shape, audit::blocks_of(entry.load(), plan.layout).front()};
}

}  // namespace sigmax::cli
