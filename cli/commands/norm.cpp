#include "cli/commands/norm.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/closest_names.hpp"
#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

struct Target {
  std::filesystem::path path;
  std::optional<std::string> tensor;
};

// Both a path and a tensor's name may hold colons: the path is the longest beginning, ended by a colon or the end, that
// exists.
Target parse_target(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text, {}};
  for (auto colon = text.rfind(':'); colon != std::string::npos && colon > 0; colon = text.rfind(':', colon - 1)) {
    const std::string path = text.substr(0, colon);
    if (std::filesystem::exists(path, ignored)) return {path, text.substr(colon + 1)};
  }
  return {text.substr(0, text.find(':')), {}};
}

bool is_matrix(const io::Entry& entry) {
  return entry.shape.size() >= 2 && is_real(entry.dtype) && element_count(entry.shape).value_or(0) > 0;
}

const io::Entry& only_matrix(const io::Checkpoint& checkpoint, const std::filesystem::path& path) {
  std::vector<const io::Entry*> matrices;
  for (const io::Entry& entry : checkpoint.entries) {
    if (is_matrix(entry)) matrices.push_back(&entry);
  }
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

const io::Entry& find_entry(const io::Checkpoint& checkpoint, const Target& target) {
  if (!target.tensor) return only_matrix(checkpoint, target.path);
  std::vector<std::string> names;
  for (const io::Entry& entry : checkpoint.entries) {
    if (entry.name == *target.tensor) return entry;
    names.push_back(entry.name);
  }
  const std::vector<std::string> close = closest_names(*target.tensor, names, 5);
  throw Error(fmt::format("{} has no tensor '{}'{}", target.path.string(), *target.tensor,
                          close.empty() ? std::string("; `sigmax ls` lists its tensors")
                                        : fmt::format("; did you mean\n  {}", fmt::join(close, "\n  "))));
}

Tensor load_matrix(const io::Entry& entry, const Messages& messages) {
  if (!entry.load) throw Error(fmt::format("'{}' cannot be read: {}", entry.name, entry.unreadable));
  if (entry.shape.size() < 2) {
    throw Error(fmt::format("'{}' has the shape {}; a norm of a matrix needs two dimensions", entry.name,
                            to_string(entry.shape)));
  }
  Tensor tensor = entry.load();
  if (tensor.rank() == 2 || tensor.size() == 0) return tensor;
  const std::int64_t rows = tensor.shape().front();
  const Dimensions matrix = {rows, tensor.size() / rows};
  messages.note(fmt::format("'{}' has the shape {}, taken for the matrix {}", entry.name, to_string(tensor.shape()),
                            to_string(matrix)));
  return tensor.reshaped(matrix);
}

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string render_json(const io::Entry& entry, const Tensor& matrix, const NormOptions& options,
                        const norms::NormResult& result, const Target& target) {
  Json json = {{"schema", "sigmax.norm/1"},
               {"file", report::valid_utf8(target.path.string())},
               {"tensor", report::valid_utf8(entry.name)},
               {"shape", entry.shape},
               {"matrix", matrix.shape()},
               {"dtype", std::string(name(matrix.dtype()))},
               {"ord", options.ord},
               {"meaning", result.meaning},
               {"value", number(result.value)},
               {"lower", Json()},
               {"upper", Json()},
               {"kind", Json()},
               {"failure_probability", Json()}};
  if (result.enclosure) {
    json["lower"] = number(result.enclosure->lower.value());
    json["kind"] = std::string(report::kind(*result.enclosure));
    if (const auto& upper = result.enclosure->upper) {
      json["upper"] = number(upper->value());
      json["failure_probability"] = upper->failure_probability();
    }
  }
  return json.dump(2, ' ', true) + '\n';
}

std::string render_text(const io::Entry& entry, const Tensor& matrix, const norms::NormResult& result,
                        const Style& style) {
  std::string text = fmt::format("{}  {} {}\n", report::visible(entry.name, style.unicode), to_string(matrix.shape()),
                                 name(matrix.dtype()));
  text += fmt::format("{}: {}\n", result.meaning, report::round_trip(result.value));
  if (!result.enclosure) return text;
  text += fmt::format("  at least {}\n", report::round_trip(result.enclosure->lower.value()));
  const auto& upper = result.enclosure->upper;
  if (!upper) return text + "  no upper end was reached\n";
  const std::string certainty = upper->certainty() == Certainty::proven
                                    ? std::string("proven, rounding included")
                                    : fmt::format("wrong with probability {:.0e}", upper->failure_probability());
  return text + fmt::format("  at most  {}  ({})\n", report::round_trip(upper->value()), certainty);
}

}  // namespace

int run_norm(const NormOptions& options, Context& context) {
  const Messages messages(options.common);
  const Target target = parse_target(options.target);
  const io::Checkpoint checkpoint = io::open_checkpoint(target.path);
  const io::Entry& entry = find_entry(checkpoint, target);
  const Tensor matrix = load_matrix(entry, messages);
  context.check_cancel();

  norms::NormResult result;
  {
    const ProgressLine progress(context, "norm", options.common);
    result = norms::norm(matrix, options.norm, context);
  }
  switch (options.format) {
    case NormOptions::Format::text:
      print(render_text(entry, matrix, result, style_of(1, options.common.colour)));
      break;
    case NormOptions::Format::value: print(report::round_trip(result.value) + '\n'); break;
    case NormOptions::Format::json: print(render_json(entry, matrix, options, result, target)); break;
  }
  return kSuccess;
}

}  // namespace sigmax::cli
