// `sigmax svd`: singular triplets of one matrix, printed and written to a file.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code: kNotReached if the tolerance was not met, or a proof that was asked for not found. Throws
/// what the library throws; Error with the closest names if the tensor is not there, and with the largest count if it
/// has fewer singular values; FileError that names the first entry that is not finite.
int run_svd(const SvdOptions& options, Context& context);

}  // namespace sigmax::cli
