#include "cli/terminal/proofs.hpp"

#include "sigmax/bounds/blas_support.hpp"

namespace sigmax::cli {

void tell_if_proofs_are_wide(const Messages& messages) {
  if (bounds::blas_supports_proofs()) return;
  messages.warning(
      "the BLAS library does not form inner products in double precision, so no factorization proves anything; "
      "the proven ends come from norms and are wide");
}

}  // namespace sigmax::cli
