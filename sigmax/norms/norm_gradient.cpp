#include "sigmax/norms/norm_gradient.hpp"

#include <utility>

namespace sigmax::norms {

std::string_view message(GradientKind kind) {
  switch (kind) {
    case GradientKind::unique: return "gradient";
    case GradientKind::subgradient: return "subgradient (one of several)";
    case GradientKind::generalized: return "generalized gradient (one of several)";
  }
  return "";
}

void not_unique(NormGradient& norm, GradientKind kind, std::string note) {
  norm.kind = kind;
  norm.note = std::move(note);
}

}  // namespace sigmax::norms
