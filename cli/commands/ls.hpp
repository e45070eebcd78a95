// `sigmax ls`: lists the contents of a checkpoint.
#pragma once

#include "cli/options.hpp"

namespace sigmax::cli {

/// Returns the exit code. No tensor is read. Throws what open_checkpoint throws.
int run_ls(const ListOptions& options);

}  // namespace sigmax::cli
