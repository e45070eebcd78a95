// `sigmax svd`: singular triplets of one matrix, printed and written to a file.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code: kNotReached if the tolerance was not met or a requested proof was not found. Throws what the
/// library throws; Error with the closest names if there is no such tensor, or with the largest count if it has fewer
/// singular values; FileError that names the first non-finite entry.
int run_svd(const SvdRequest& options, Context& context);

}  // namespace sigmax::cli
