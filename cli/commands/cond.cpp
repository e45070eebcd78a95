#include "cli/commands/cond.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/matrix/cond_report.hpp"
#include "cli/matrix/target.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/estimate.hpp"

namespace sigmax::cli {
namespace {

// Where nothing is proven (`--certify none`, large matrices, and those that may be singular), the norms of the inverse
// are known through the singular values at best. Hager and Higham's vector, or random ones, say more in their norms,
// still from below.
void take_estimate(sensitivity::Condition& result, const NamedMatrix& named, const CondRequest& options,
                   const sensitivity::ConditionOptions& how, Context& context) {
  const Tensor& matrix = named.matrix();
  if (matrix.shape()[0] != matrix.shape()[1] || options.ord == "2") return;
  sensitivity::EstimateOptions estimate;
  estimate.condition = how;
  estimate.random = how.certify.random;
  const sensitivity::Estimator estimator = options.ord == "fro"
                                               ? sensitivity::Estimator(sensitivity::RandomizedInverse{})
                                               : sensitivity::Estimator(sensitivity::HagerHigham{});
  sensitivity::Condition found =
      sensitivity::estimate_condition(matrix, options.norm, estimator, estimate, context).from_below;
  if (!(found.value > result.value)) return;
  found.sigma_min = result.sigma_min;
  // In the Frobenius norm it is sigma_min, which may be known better.
  if (options.ord == "fro") found.distance = result.distance;
  result = found;
}

// The library does not know the matrix's name.
sensitivity::Condition condition_of(const NamedMatrix& named, const CondRequest& options, Context& context) {
  sensitivity::ConditionOptions how;
  how.certify = options.certify.options();
  how.certify.random = options.seed ? random_state(*options.seed) : drawn_random_state();
  how.sigma_min = true;
  try {
    sensitivity::Condition found = sensitivity::condition(named.matrix(), options.norm, how, context);
    if (!found.number.upper && !found.singular) take_estimate(found, named, options, how, context);
    return found;
  } catch (const Error&) {
    require_finite(named, "it has no condition number", context);
    throw;
  }
}

}  // namespace

int run_cond(const CondRequest& options, Context& context) {
  const Messages messages(options.common);
  const Target target = parse_target(options.target);
  const io::Checkpoint checkpoint = open_target(target, context);
  const NamedMatrix named = find_matrix(checkpoint, target, options.roles, Stacks::one_by_one, messages);
  context.check_cancel();

  const bool only_value = options.format == CondRequest::Format::value;
  CondReport report = [&]() -> CondReport {
    const ProgressLine progress(context, "cond", options.common);
    return io::while_intact(named.matrix(), [&]() -> CondReport {
      return {target.path.string(),
              named.file,
              named.name,
              named.shape,
              named.matrix().shape(),
              named.matrix().dtype(),
              options.ord,
              condition_of(named, options, context),
              only_value ? std::nullopt : power_figures(named.matrix(), context)};
    });
  }();
  tell_if_proofs_are_wide(messages);
  switch (options.format) {
    case CondRequest::Format::text: {
      const Style style = style_of(1, options.common.color);
      print(report::write_terminal(cond_document(report, style.unicode), {style.width, style.color, style.unicode}));
      break;
    }
    case CondRequest::Format::value: print(report::round_trip(report.result.value) + '\n'); break;
    case CondRequest::Format::json: print(report::write_json(cond_record(report))); break;
  }
  const std::int64_t side = std::min(report.matrix[0], report.matrix[1]);
  if (options.certify.demands_proof(side) && report.result.kind() != norms::Known::proven) {
    messages.finding("not proven", fmt::format("{}: no proven upper end of the condition number", named.name));
    return kNotReached;
  }
  return kSuccess;
}

}  // namespace sigmax::cli
