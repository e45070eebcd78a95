// What proofs need of the system.
#pragma once

#include "cli/terminal.hpp"

namespace sigmax::cli {

/// Says so if this machine's BLAS does not support proofs by factorization: proven ends are wide then.
void tell_if_proofs_are_wide(const Messages& messages);

}  // namespace sigmax::cli
