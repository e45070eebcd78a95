// The norms of extremal matrices in closed form. Internal to norms/.
#pragma once

#include <optional>

#include "sigmax/norms/equivalence/extremal.hpp"
#include "sigmax/norms/equivalence/norm_form.hpp"

namespace sigmax::norms {

/// Nothing where no closed form is known.
std::optional<double> norm_of(const Extremal& a, const NormForm& form);

}  // namespace sigmax::norms
