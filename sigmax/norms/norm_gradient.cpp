#include "sigmax/norms/norm_gradient.hpp"

namespace sigmax::norms {

std::string_view message(GradientKind kind) {
  switch (kind) {
    case GradientKind::unique: return "gradient";
    case GradientKind::subgradient: return "subgradient (one of several)";
    case GradientKind::generalized: return "generalized gradient (one of several)";
  }
  return "";
}

}  // namespace sigmax::norms
