#include "cli/commands/norm.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/matrix/norm_report.hpp"
#include "cli/matrix/target.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/audit/convolution.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/norms/catalog.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/norm_of_blocks.hpp"
#include "sigmax/report/number.hpp"

namespace sigmax::cli {
namespace {

// A whole decomposition of this order takes seconds.
constexpr std::int64_t kWholeUpTo = 1024;

norms::NormOptions library_options(const NormRequest& options) {
  norms::NormOptions result;
  if (!options.enclose) result.whole_up_to = kWholeUpTo;
  return result;
}

// The library does not know the matrix's name.
template <class Compute>
auto with_name(const NamedMatrix& named, Context& context, const Compute& compute) {
  try {
    return compute();
  } catch (const Error&) {
    require_finite(named, "its norms do not exist", context);
    throw;
  }
}

norms::NormResult norm_of(const NamedMatrix& named, const NormRequest& options, Context& context) {
  return with_name(named, context, [&] {
    // The number alone needs no ends.
    if (options.format == NormRequest::Format::value) return norms::norm_of_blocks(named.blocks, options.norm, context);
    return norms::norm_of_blocks(named.blocks, options.norm, library_options(options), context);
  });
}

int run_one(const NamedMatrix& named, const NormRequest& options, const Target& target, const Messages& messages,
            Context& context) {
  norms::NormResult result;
  {
    const ProgressLine progress(context, "norm", options.common);
    result = io::while_intact(named.matrix(), [&] { return norm_of(named, options, context); });
  }
  if (result.enclosure) tell_if_proofs_are_wide(messages);
  switch (options.format) {
    case NormRequest::Format::text: print(norm_as_text(named, result, style_of(1, options.common.color))); break;
    case NormRequest::Format::value: print(report::round_trip(result.value) + '\n'); break;
    case NormRequest::Format::json: print(norm_as_json(named, target, {options.norm, result})); break;
  }
  return kSuccess;
}

int run_all(const NamedMatrix& named, const NormRequest& options, const Target& target, const Messages& messages,
            Context& context) {
  std::vector<norms::NamedResult> results;
  {
    const ProgressLine progress(context, "norm", options.common);
    results = io::while_intact(named.matrix(), [&] {
      return with_name(named, context,
                       [&] { return norms::all_norms(named.blocks, library_options(options), context); });
    });
  }
  tell_if_proofs_are_wide(messages);
  if (options.format == NormRequest::Format::json) {
    print(norms_as_json(named, target, results));
  } else {
    print(norms_as_table(named, results, style_of(1, options.common.color)));
  }
  return kSuccess;
}

// The question that the settings ask, or the one that was named.
audit::ConvolutionToMeasure asked(audit::ConvolutionToMeasure convolution, const ConvolutionRequest& request) {
  if (!request.question) return convolution;
  const bool is_circular = convolution.layer.padding_mode == PaddingMode::Circular;
  switch (*request.question) {
    case ConvolutionQuestion::every_size: convolution.input_size.reset(); break;
    case ConvolutionQuestion::input_size:
      if (!convolution.input_size) throw Error("--conv question=input_size needs a size, as in input=32x32");
      if (is_circular)
        throw Error("--conv question=input_size does not go with mode=circular; that is question=circular");
      break;
    case ConvolutionQuestion::circular:
      if (!convolution.input_size) throw Error("--conv question=circular needs a size, as in input=32x32");
      if (!is_circular) throw Error("--conv question=circular needs mode=circular");
      break;
  }
  return convolution;
}

int run_convolution(const io::Checkpoint& checkpoint, const NormRequest& options, const Target& target,
                    const Messages& messages, Context& context) {
  const ConvolutionRequest& request = *options.convolution;
  NamedConvolution named = find_convolution(checkpoint, target, options.roles, request.stated, messages);
  named.convolution = asked(std::move(named.convolution), request);
  const audit::ConvolutionToMeasure& convolution = named.convolution;
  if (!request.stated.settings.input_size.empty() && !convolution.input_size &&
      request.question != ConvolutionQuestion::every_size) {
    // What is wrong with it is said by the geometry itself.
    const ConvolutionGeometry geometry(
        convolution.layer, io::for_each_axis(request.stated.settings.input_size, convolution.layer.axes.size()));
    throw Error(
        fmt::format("--conv input: images of {} x {} entries take too much memory; question=every_size has a norm "
                    "that is nearly the same",
                    geometry.rows(), geometry.columns()));
  }
  ConvolutionNormOptions how;
  how.relative_width = request.relative_width;
  std::optional<ConvolutionNorm> norm;
  {
    const ProgressLine progress(context, "norm", options.common);
    norm = io::while_intact(convolution.kernel, [&] {
      return convolution.input_size
                 ? convolution_norm(convolution.kernel, ConvolutionGeometry(convolution.layer, *convolution.input_size),
                                    how, context)
                 : convolution_norm(convolution.kernel, convolution.layer, how, context);
    });
  }
  tell_if_proofs_are_wide(messages);
  switch (options.format) {
    case NormRequest::Format::text: print(convolution_as_text(named, *norm, style_of(1, options.common.color))); break;
    case NormRequest::Format::value: print(report::round_trip(norm->estimate) + '\n'); break;
    case NormRequest::Format::json: print(convolution_as_json(named, target, *norm)); break;
  }
  return kSuccess;
}

}  // namespace

int run_norm(const NormRequest& options, Context& context) {
  const Messages messages(options.common);
  const Target target = parse_target(options.target);
  const io::Checkpoint checkpoint = open_target(target, context);
  if (options.convolution) return run_convolution(checkpoint, options, target, messages, context);
  const NamedMatrix named = find_matrix(checkpoint, target, options.roles, Stacks::block_diagonal, messages);
  context.check_cancel();

  return options.all ? run_all(named, options, target, messages, context)
                     : run_one(named, options, target, messages, context);
}

}  // namespace sigmax::cli
