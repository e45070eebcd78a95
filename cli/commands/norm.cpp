#include "cli/commands/norm.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/proofs.hpp"
#include "cli/target.hpp"
#include "cli/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

std::string render_json(const NamedMatrix& named, const NormRequest& options, const norms::NormResult& result,
                        const Target& target) {
  report::Record record = {{"schema", "sigmax.norm/1"},    {"file", target.path.string()},
                           {"source", named.file},         {"tensor", named.name},
                           {"shape", named.shape},         {"matrix", named.matrix().shape()},
                           {"batch", named.blocks.size()}, {"dtype", name(named.matrix().dtype())},
                           {"ord", options.ord},           {"meaning", result.meaning},
                           {"value", result.value}};
  for (report::Member& end : report::members_of(result.enclosure)) record.push_back(std::move(end));
  return report::write_json(record);
}

// The library does not know the matrix's name.
norms::NormResult norm_of(const NamedMatrix& named, const NormRequest& options, Context& context) {
  try {
    return norms::norm_of_blocks(named.blocks, options.norm, context);
  } catch (const Error&) {
    require_finite(named, "its norms do not exist", context);
    throw;
  }
}

std::string render_text(const NamedMatrix& named, const norms::NormResult& result, const Style& style) {
  const std::string count = named.blocks.size() == 1 ? "" : fmt::format("{} blocks ", named.blocks.size());
  const std::string matrix = fmt::format("{}  {}{} {}", report::visible(named.name, style.unicode), count,
                                         to_string(named.matrix().shape()), name(named.matrix().dtype()));
  report::Document document;
  document.push_back({report::Text{.lines = {{matrix}}}});
  document.push_back(
      {report::Facts{{{.label = result.meaning + ": ", .text = report::round_trip(result.value), .wraps = false}}}});
  if (result.enclosure) document.push_back({report::Facts{{{.label = "  ", .value = *result.enclosure}}}});
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

}  // namespace

int run_norm(const NormRequest& options, Context& context) {
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
    case NormRequest::Format::text: print(render_text(named, result, style_of(1, options.common.color))); break;
    case NormRequest::Format::value: print(report::round_trip(result.value) + '\n'); break;
    case NormRequest::Format::json: print(render_json(named, options, result, target)); break;
  }
  return kSuccess;
}

}  // namespace sigmax::cli
