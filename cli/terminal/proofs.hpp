// The requirements of proofs on the system.
#pragma once

#include "cli/terminal/terminal.hpp"

namespace sigmax::cli {

/// Warns if this machine's BLAS does not support proofs by factorization, which makes proven ends wide.
void tell_if_proofs_are_wide(const Messages& messages);

}  // namespace sigmax::cli
