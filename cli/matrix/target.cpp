#include "cli/matrix/target.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/audit/roles/role.hpp"
#include "sigmax/audit/roles/unread.hpp"
#include "sigmax/core/closest_names.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

// A tensor, and which matrix of it if it is a stack.
struct Found {
  const io::Entry* entry = nullptr;
  std::optional<Dimensions> index;
};

// An unreadable tensor counts: nobody is to get another one in its place. If a .npy file has arrays one after another,
// the first one is meant, as in NumPy's own reader.
bool is_matrix(const io::Entry& entry) {
  if (entry.appended) return false;
  if (audit::may_be_unread_weight(entry)) return true;
  return entry.shape.size() >= 2 && is_real(entry.dtype) && element_count(entry.shape).value_or(0) > 0;
}

using Candidates = std::vector<const io::Entry*>;

std::string cut_list(const std::vector<std::string>& lines, std::size_t total) {
  return fmt::format("\n  {}{}", fmt::join(lines, "\n  "),
                     total > lines.size() ? "\n  ... (`sigmax ls` lists all)" : "");
}

constexpr std::size_t kListed = 8;

const io::Entry& only_matrix(const io::Checkpoint& checkpoint, const std::filesystem::path& path,
                             const RoleOverrides& roles) {
  // What the audit takes for weights; what only has the shape of a matrix where there is none.
  const audit::Siblings siblings(checkpoint.entries, audit::configs_of(checkpoint));
  Candidates matrices, shaped;
  for (const io::Entry& entry : checkpoint.entries) {
    const bool is_vector_of_a_graph = entry.shape.size() == 1 && !entry.used_by.empty();
    if (!is_matrix(entry) && !is_vector_of_a_graph) continue;
    if (is_matrix(entry)) shaped.push_back(&entry);
    const auto classified = audit::classify(entry, siblings, assumed_role(roles, entry.name));
    const auto* other = std::get_if<audit::NoMatrix>(&classified);
    const bool is_unread =
        other != nullptr && (other->is_weight || (!other->evidence && audit::may_be_unread_weight(entry, siblings)));
    if (other == nullptr || is_unread) matrices.push_back(&entry);
  }
  if (matrices.empty()) matrices = std::move(shaped);
  if (matrices.size() == 1) return *matrices.front();
  if (matrices.empty()) {
    if (checkpoint.entries.size() == 1 && !checkpoint.entries[0].unreadable.empty()) {
      throw FileError(path.string(), fmt::format("tensor '{}'", checkpoint.entries[0].name),
                      checkpoint.entries[0].unreadable);
    }
    throw Error(fmt::format("{}: no matrix of real numbers among its {}; `sigmax ls` shows what there is",
                            path.string(), plural(checkpoint.entries.size(), "tensor")));
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(matrices.size(), kListed); ++i) {
    names.push_back(checkpoint.label(*matrices[i]));
  }
  throw Error(fmt::format("{0} holds {1} matrices; name one, as in {0}:{2}{3}", path.string(), matrices.size(),
                          names.front(), cut_list(names, matrices.size())));
}

[[noreturn]] void refuse_ambiguous(const Candidates& all, const Target& target) {
  std::vector<std::string> lines;
  bool several_files = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const io::Entry& entry = *all[i];
    several_files |= entry.file != all.front()->file;
    if (i >= kListed) continue;
    const std::string place = entry.provenance.empty() ? std::string() : ", " + entry.provenance;
    lines.push_back(fmt::format("{}@{}  {} {}  {}{}", entry.name, i + 1, to_string(entry.shape), entry.dtype_name,
                                entry.file.filename().string(), place));
  }
  throw Error(fmt::format("{0} has {1} tensors called '{2}'; name one by its number, as in {0}:{2}@2{3}{4}",
                          target.path.string(), all.size(), all.front()->name,
                          several_files ? ", or name its file instead of the folder" : "",
                          cut_list(lines, all.size())));
}

// The tensor called `name`, or `NAME@N`, the N-th called NAME; null if there is none.
const io::Entry* find_name(const io::Checkpoint& checkpoint, std::string_view name, const Target& target) {
  const Candidates all = checkpoint.candidates(name);
  if (all.size() > 1) refuse_ambiguous(all, target);
  return all.empty() ? nullptr : all.front();
}

// `0, 3` of `name[0, 3]`; nothing if it is not a list of numbers.
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

Found find_entry(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles) {
  if (!target.tensor) return {&only_matrix(checkpoint, target.path, roles), {}};
  const std::string_view wanted = *target.tensor;
  if (const io::Entry* entry = find_name(checkpoint, wanted, target)) return {entry, {}};
  if (const auto bracket = wanted.rfind('['); wanted.ends_with(']') && bracket != std::string_view::npos) {
    const io::Entry* entry = find_name(checkpoint, wanted.substr(0, bracket), target);
    auto index = parse_index(wanted.substr(bracket + 1, wanted.size() - bracket - 2));
    if (entry != nullptr && index) return {entry, std::move(index)};
  }
  const std::vector<std::string> close = closest_names(wanted, checkpoint.names(), 5);
  throw Error(fmt::format("{} has no tensor '{}'{}", target.path.string(), wanted,
                          close.empty() ? std::string("; `sigmax ls` lists its tensors")
                                        : fmt::format("; did you mean\n  {}", fmt::join(close, "\n  "))));
}

void require_numbers(const io::Entry& entry) {
  if (!entry.load) throw FileError(entry.file.string(), fmt::format("tensor '{}'", entry.name), entry.unreadable);
  if (!is_real(entry.dtype)) {
    throw Error(fmt::format("'{}' has the type {}; f64, f32, f16 and bf16 are read as real numbers", entry.name,
                            entry.dtype_name));
  }
  if (element_count(entry.shape).value_or(0) == 0) {
    throw Error(fmt::format("'{}' has the shape {}, without entries", entry.name, to_string(entry.shape)));
  }
}

// Which matrix a tensor is, as the audit takes it. One that the audit would skip is taken as [first, rest].
audit::MatrixPlan plan_of(const io::Checkpoint& checkpoint, const io::Entry& entry, const RoleOverrides& roles,
                          const Messages& messages) {
  auto classified = audit::classify(entry, audit::Siblings(checkpoint.entries, audit::configs_of(checkpoint)),
                                    assumed_role(roles, entry.name));
  if (auto* plan = std::get_if<audit::MatrixPlan>(&classified)) return std::move(*plan);
  if (entry.shape.size() < 2) {
    throw Error(
        fmt::format("'{}' has the shape {}; a matrix needs two dimensions", entry.name, to_string(entry.shape)));
  }
  messages.note(fmt::format("an audit would skip '{}': {}", report::visible(entry.name),
                            std::get<audit::NoMatrix>(classified).reason));
  return *audit::plan_of({audit::AssumedRole::Kind::dense, 1}, entry);
}

// Member `index` of a stack.
Tensor member(const io::Entry& entry, const audit::MatrixPlan& plan, const Dimensions& index, const std::string& path) {
  const Dimensions stack = audit::stack_shape(plan.layout, entry.shape);
  bool inside = index.size() == stack.size();
  for (std::size_t d = 0; inside && d < index.size(); ++d) inside = index[d] < stack[d];
  if (!inside) {
    throw Error(fmt::format("there is no {0}:{1}{2}: '{1}' is a stack of {3} matrices; {1}{4} is the first", path,
                            entry.name, to_string(index), to_string(stack), to_string(Dimensions(stack.size(), 0))));
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

io::Checkpoint open_target(const Target& target, Context& context) {
  io::OpenOptions options;
  options.compares = [&](const std::string& name) {
    context.check_cancel();
    // What follows a name is a number or an index.
    return !target.tensor || target.tensor->starts_with(name);
  };
  return io::open_checkpoint(target.path, options);
}

NamedMatrix find_matrix(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles,
                        Stacks stacks, const Messages& messages) {
  tell_unmatched(roles, checkpoint, messages);
  const auto [found, index] = find_entry(checkpoint, target, roles);
  const io::Entry& entry = *found;
  require_numbers(entry);
  if (!target.tensor && checkpoint.entries.back().appended) {
    messages.note(fmt::format("'{}' is the first of {} arrays in the file; name another, as in {}:{}", entry.name,
                              checkpoint.entries.size(), target.path.string(), checkpoint.entries.back().name));
  }
  const std::string file = entry.file.string();
  const audit::MatrixPlan plan = plan_of(checkpoint, entry, roles, messages);
  const Dimensions matrix = {plan.rows, plan.columns};
  if (index) {
    if (plan.batch == 1) {
      throw Error(fmt::format("'{}' is one matrix, not a stack; name it without {}", entry.name, to_string(*index)));
    }
    const std::string name = entry.name + to_string(*index);
    return {name, file, entry.shape, {member(entry, plan, *index, target.path.string())}};
  }
  if (plan.batch > 1) {
    const std::string first =
        entry.name + to_string(Dimensions(audit::stack_shape(plan.layout, entry.shape).size(), 0));
    if (stacks == Stacks::one_by_one) {
      throw Error(fmt::format("'{}' stacks {} matrices {}; name one, as in {}:{}", entry.name, plan.batch,
                              to_string(matrix), target.path.string(), first));
    }
    messages.note(fmt::format(
        "'{}' has the shape {}, read as the block diagonal of {} matrices {}: its axes are {}; "
        "the first of them is {}",
        entry.name, to_string(entry.shape), plan.batch, to_string(matrix), audit::layout_text(plan.layout), first));
  } else if (entry.shape != matrix) {
    messages.note(fmt::format("'{}' has the shape {}, read as the matrix {}: its axes are {}", entry.name,
                              to_string(entry.shape), to_string(matrix), audit::layout_text(plan.layout)));
  } else if (plan.layout.axes.front() == audit::Axis::in) {
    messages.note(fmt::format("'{}' is stored {}; read as its transpose, whose rows are outputs", entry.name,
                              audit::layout_text(plan.layout)));
  }
  const Tensor tensor = entry.load();
  // What no view can show is copied.
  return {entry.name, file, entry.shape,
          io::while_intact(tensor, [&] { return audit::blocks_of(tensor, plan.layout); })};
}

namespace {

// The kernel as the audit reads it, or as a kernel in PyTorch's order with the groups and the direction that are said.
audit::MatrixPlan kernel_plan(const io::Checkpoint& checkpoint, const io::Entry& entry, const RoleOverrides& roles,
                              const io::StatedConvolution& stated) {
  using Kind = audit::AssumedRole::Kind;
  auto classified = audit::classify(entry, audit::Siblings(checkpoint.entries, audit::configs_of(checkpoint)),
                                    assumed_role(roles, entry.name));
  auto* plan = std::get_if<audit::MatrixPlan>(&classified);
  const bool is_kernel = plan != nullptr && plan->convolution;
  const bool agrees = is_kernel && stated.groups.value_or(plan->layout.groups) == plan->layout.groups &&
                      stated.transposed.value_or(plan->convolution->transposed) == plan->convolution->transposed;
  if (agrees) return std::move(*plan);
  if (entry.shape.size() < 3) {
    throw Error(fmt::format("'{}' has the shape {}; a kernel of --conv has three axes or more", entry.name,
                            to_string(entry.shape)));
  }
  const bool transposed = stated.transposed.value_or(is_kernel && plan->convolution->transposed);
  audit::MatrixPlan said = *audit::plan_of(
      {transposed ? Kind::transposed_convolution : Kind::convolution, stated.groups.value_or(1)}, entry);
  if (is_kernel) {
    said.convolution->settings = plan->convolution->settings;
    said.convolution->has_settings = plan->convolution->has_settings;
  }
  return said;
}

void require_fitting_settings(const io::Entry& entry, std::size_t axes, const io::StatedConvolution& stated) {
  const auto require = [&](const char* what, const Dimensions& list) { require_fitting(what, list, entry.name, axes); };
  require("--conv stride", stated.settings.stride);
  require("--conv dilation", stated.settings.dilation);
  require("--conv padding", stated.settings.pad_low);
  require("--conv output_padding", stated.settings.output_padding);
  require("--conv input", stated.settings.input_size);
}

}  // namespace

NamedConvolution find_convolution(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles,
                                  const io::StatedConvolution& stated, const Messages& messages) {
  tell_unmatched(roles, checkpoint, messages);
  const auto [found, index] = find_entry(checkpoint, target, roles);
  const io::Entry& entry = *found;
  require_numbers(entry);
  if (index) throw Error(fmt::format("--conv takes a whole kernel; name '{}' without an index", entry.name));
  const audit::MatrixPlan plan = kernel_plan(checkpoint, entry, roles, stated);
  require_fitting_settings(entry, static_cast<std::size_t>(std::ranges::count(plan.layout.axes, audit::Axis::kernel)),
                           stated);
  if (!plan.convolution->transposed && std::ranges::any_of(stated.settings.output_padding, std::identity())) {
    throw Error(
        fmt::format("--conv output_padding belongs to a transposed convolution, and '{}' is read as one that is "
                    "not; transposed=true says that it is",
                    entry.name));
  }
  io::StatedConvolution all;
  all.settings = plan.convolution->settings;
  all.has_mode = plan.convolution->has_settings;
  all = io::overlaid(std::move(all), stated);
  // The usual values, which the result names.
  std::vector<std::string> assumed;
  const auto fill = [&](bool is_known, const char* what, Dimensions& list, std::int64_t usual) {
    if (is_known) return;
    list = {usual};
    assumed.emplace_back(what);
  };
  fill(!all.settings.stride.empty(), "stride", all.settings.stride, 1);
  fill(!all.settings.dilation.empty(), "dilation", all.settings.dilation, 1);
  const Tensor tensor = entry.load();
  const auto read = [&] {
    return io::while_intact(
        tensor, [&] { return audit::convolution_of(tensor, plan.layout, plan.convolution->transposed, all); });
  };
  auto convolution = read();
  if (convolution && !all.says_padding()) {
    assumed.emplace_back("padding");
    for (const ConvolutionAxis& axis : convolution->layer.axes) {
      all.settings.pad_low.push_back(axis.pad_low);
      all.settings.pad_high.push_back(axis.pad_high);
    }
    convolution = read();  // an input size counts now
  }
  if (!convolution) {
    throw Error(
        fmt::format("'{}' has the shape {} and the axes {}: not a kernel of one convolution with one to three "
                    "spatial axes and these settings",
                    entry.name, to_string(entry.shape), audit::layout_text(plan.layout)));
  }
  if (std::ranges::count(convolution->assumed, "output_padding") > 0) assumed.emplace_back("output_padding");
  convolution->assumed = std::move(assumed);
  return {entry.name, entry.file.string(), entry.shape, tensor.dtype(), std::move(*convolution)};
}

void require_finite(const NamedMatrix& named, std::string_view what, Context& context) {
  std::int64_t nan = 0, infinite = 0;
  std::string first;
  for (std::size_t b = 0; b < named.blocks.size(); ++b) {
    const ScannedMatrix scanned(stored_view(named.blocks[b]), context);
    const std::optional<std::int64_t> at = scanned.first_non_finite();
    if (!at) continue;
    nan += scanned.facts().nan;
    infinite += scanned.facts().infinite;
    if (!first.empty()) continue;
    const std::int64_t columns = named.blocks[b].shape()[1];
    first = to_string(Dimensions{*at / columns, *at % columns});
    if (named.blocks.size() > 1) first += fmt::format(" of block {}", b);
  }
  if (first.empty()) return;
  throw FileError(named.file, fmt::format("'{}'", named.name),
                  fmt::format("has {}, the first at {}; {}", non_finite_count(nan, infinite), first, what));
}

}  // namespace sigmax::cli
