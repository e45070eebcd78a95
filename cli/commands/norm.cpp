#include "cli/commands/norm.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/proofs.hpp"
#include "cli/target.hpp"
#include "cli/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string render_json(const NamedMatrix& named, const NormOptions& options, const norms::NormResult& result,
                        const Target& target) {
  Json json = {{"schema", "sigmax.norm/1"},
               {"file", report::valid_utf8(target.path.string())},
               {"source", report::valid_utf8(named.file)},
               {"tensor", report::valid_utf8(named.name)},
               {"shape", named.shape},
               {"matrix", named.matrix().shape()},
               {"batch", named.blocks.size()},
               {"dtype", std::string(name(named.matrix().dtype()))},
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

// The library does not know what the matrix is called.
norms::NormResult norm_of(const NamedMatrix& named, const NormOptions& options, Context& context) {
  try {
    return norms::norm_of_blocks(named.blocks, options.norm, context);
  } catch (const Error&) {
    require_finite(named, "its norms do not exist", context);
    throw;
  }
}

std::string render_text(const NamedMatrix& named, const norms::NormResult& result, const Style& style) {
  const std::string count = named.blocks.size() == 1 ? "" : fmt::format("{} blocks ", named.blocks.size());
  std::string text = fmt::format("{}  {}{} {}\n", report::visible(named.name, style.unicode), count,
                                 to_string(named.matrix().shape()), name(named.matrix().dtype()));
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
  const io::Checkpoint checkpoint = open_target(target, context);
  const NamedMatrix named = find_matrix(checkpoint, target, options.roles, Stacks::block_diagonal, messages);
  context.check_cancel();

  norms::NormResult result;
  {
    const ProgressLine progress(context, "norm", options.common);
    result = io::while_intact(named.matrix(), [&] { return norm_of(named, options, context); });
  }
  if (result.enclosure) tell_if_proofs_are_wide(messages);
  switch (options.format) {
    case NormOptions::Format::text: print(render_text(named, result, style_of(1, options.common.color))); break;
    case NormOptions::Format::value: print(report::round_trip(result.value) + '\n'); break;
    case NormOptions::Format::json: print(render_json(named, options, result, target)); break;
  }
  return kSuccess;
}

}  // namespace sigmax::cli
