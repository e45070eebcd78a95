#include "cli/certify/gate.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"

namespace sigmax::cli {
namespace {

std::optional<double> decimal(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

double share_of(std::size_t count, std::size_t all) {
  return all == 0 ? 0 : static_cast<double>(count) / static_cast<double>(all);
}

}  // namespace

AccuracyGate::AccuracyGate(std::string source) : source_(std::move(source)) {
  static const RE2 form(R"(\s*(?:(certified|attacked)\s*\(\s*([^()\s]+)\s*\)|(clean))\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*)");
  std::string of_radius;
  std::string radius;
  std::string clean;
  std::string number;
  const auto fail = [this] {
    throw Error(
        fmt::format("--fail-if takes certified(EPS), attacked(EPS) or clean, compared with a share between 0 and "
                    "1, such as 'certified(0.1) < 0.5'; got '{}'",
                    source_));
  };
  if (!RE2::FullMatch(source_, form, &of_radius, &radius, &clean, &relation_, &number)) fail();
  if (clean.empty()) {
    quantity_ = of_radius == "certified" ? Quantity::certified : Quantity::attacked;
    radius_ = decimal(radius);
    if (!radius_) fail();
  }
  const auto found = decimal(number);
  if (!found) fail();
  number_ = *found;
}

double AccuracyGate::value(const lipschitz::CertifiedAccuracy& result) const {
  const std::size_t all = result.inputs.size();
  if (quantity_ == Quantity::clean) return share_of(result.correct, all);
  for (const lipschitz::RadiusResult& at : result.radii) {
    if (at.radius != radius_) continue;
    return share_of(quantity_ == Quantity::certified ? at.robust() : at.unbroken(), all);
  }
  throw Error(fmt::format("--fail-if '{}': there is no such radius", source_));
}

bool AccuracyGate::trips(const lipschitz::CertifiedAccuracy& result) const {
  const double found = value(result);
  if (relation_ == ">") return found > number_;
  if (relation_ == ">=") return found >= number_;
  if (relation_ == "<") return found < number_;
  if (relation_ == "<=") return found <= number_;
  if (relation_ == "==") return found == number_;
  return found != number_;
}

}  // namespace sigmax::cli
