#include "sigmax/audit/result.hpp"

namespace sigmax::audit {

std::string_view name(GateOutcome::Verdict verdict) noexcept {
  switch (verdict) {
    case GateOutcome::Verdict::passed: return "passed";
    case GateOutcome::Verdict::tripped: return "tripped";
    case GateOutcome::Verdict::not_judged: return "not_judged";
  }
  return "not_judged";
}

}  // namespace sigmax::audit
