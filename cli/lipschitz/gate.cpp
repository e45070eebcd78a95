#include "cli/lipschitz/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "cli/lipschitz/report.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::cli {
namespace {

using Figure = std::variant<FigureRange, Reason>;

std::string same_key(std::string_view spelling) { return std::string(spelling); }

const Vocabulary& figures_of_networks() {
  static const Vocabulary kVocabulary = {
      {"lipschitz", "upper", "lower", "ratio", "product", "walk", "inequality", "refused", "output", "pair", "local"},
      same_key,
      "upper or ratio",
      ""};
  return kVocabulary;
}

Figure one_value(double value) { return FigureRange{value, value}; }

Figure known_or_missing(const std::optional<UpperBound>& bound) {
  return bound ? one_value(bound->value()) : Figure(Reason::missing);
}

// The largest_figure; nothing where there is none, or one has no bound.
template <class Bounds>
Figure largest_figure(const Bounds& bounds) {
  if (bounds.empty()) return Reason::missing;
  double most = 0;
  for (const auto& each : bounds) {
    if (!each.upper) return Reason::missing;
    most = std::max(most, each.upper->value());
  }
  return one_value(most);
}

Figure ratio_range(const lipschitz::NetworkEnclosure& result) {
  if (!result.upper || !result.lower) return Reason::missing;
  const double upper = result.upper->value();
  const double lower = result.lower->bound.value();
  if (lower == 0) return upper == 0 ? Figure(Reason::missing) : one_value(kInfinity);
  const double ratio = upper / lower;
  return FigureRange{std::nextafter(ratio, 0.0), std::nextafter(ratio, kInfinity)};
}

Figure network_figure(const std::string& key, const LipschitzReport& report) {
  const lipschitz::NetworkEnclosure& result = report.result;
  if (key == "upper") return known_or_missing(result.upper);
  if (key == "product") return known_or_missing(result.walk.product);
  if (key == "walk") return known_or_missing(result.walk.bound);
  if (key == "inequality") return known_or_missing(result.inequality);
  if (key == "ratio") return ratio_range(result);
  if (key == "refused") return one_value(static_cast<double>(result.walk.refused.size()));
  if (key == "output") return largest_figure(report.outputs);
  if (key == "pair") return largest_figure(report.pairs);
  if (key == "local") return largest_figure(report.local);
  if (key == "lower") return result.lower ? one_value(result.lower->bound.value()) : Figure(Reason::missing);
  // The constant is not negative, whatever else is known.
  return FigureRange{result.lower ? result.lower->bound.value() : 0, result.upper ? result.upper->value() : kInfinity,
                     !result.upper};
}

std::string why_no_figure(const std::string& key, const LipschitzReport& report) {
  if (key == "output" && report.outputs.empty()) return "output has no value without --per-output";
  if (key == "pair" && report.pairs.empty()) return "pair has no value without --per-pair";
  if (key == "local" && report.local.empty()) return "local has no value without --around";
  if ((key == "lower" || key == "ratio") && report.no_lower) return key + " has no value with --no-lower";
  if (key == "inequality" && report.norm != lipschitz::VectorNorm::two) {
    return fmt::format("inequality has no value with --ord {}: it is about the 2-norm", ord(report.norm));
  }
  if (!report.result.upper) return key + " has no value: the network has no bound";
  return key + " has no value";
}

}  // namespace

NetworkGate::NetworkGate(std::string source) : source_(std::move(source)) {
  root_ = parse_expression(source_, figures_of_networks());
}

Verdict NetworkGate::judge(const LipschitzReport& report) const {
  return cli::judge(*root_, [&](const std::string& key) { return network_figure(key, report); });
}

NetworkGateOutcome judged(const NetworkGate& gate, const LipschitzReport& report) {
  using Outcome = audit::GateOutcome::Verdict;
  Verdict verdict = gate.judge(report);
  NetworkGateOutcome outcome{gate.source(), Outcome::passed, std::move(verdict.readings), {}};
  for (const Doubt& doubt : verdict.doubts) {
    outcome.missing.push_back(doubt.reason == Reason::lower_only
                                  ? "only a lower end of " + doubt.key + " is known: the network has no bound"
                                  : why_no_figure(doubt.key, report));
  }
  if (!outcome.missing.empty()) outcome.verdict = Outcome::not_judged;
  if (verdict.tripped) outcome.verdict = Outcome::tripped;
  return outcome;
}

std::string in_words(const std::vector<Reading>& readings) {
  std::string text;
  for (const auto& [key, value] : readings) {
    const bool equal = !value.starts_with("in ") && !value.starts_with("at ");
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", key, equal ? "= " : "", value);
  }
  return text;
}

}  // namespace sigmax::cli
