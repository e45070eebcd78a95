#include "cli/matrix/cond_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <optional>
#include <utility>

#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"
#include "sigmax/sensitivity/digits.hpp"

namespace sigmax::cli {
namespace {

std::string norm_name(const std::string& ord) {
  if (ord == "fro") return "Frobenius norm";
  return ord == "inf" ? "infinity-norm" : ord + "-norm";
}

// A number inside an enclosure: between the ends, or the one end that says something.
std::optional<double> value_of(const Enclosure& known) {
  if (!known.upper) return std::nullopt;
  const double lower = known.lower.value();
  const double upper = known.upper->value();
  return lower > 0 ? std::sqrt(lower) * std::sqrt(upper) : upper;
}

// The digits that both ends share, and how they are known.
std::string known_text(const Enclosure& known, const report::Glyphs& signs) {
  std::string digits = report::enclosure(known, signs);
  if (!known.upper) return digits;
  if (known.is_proven()) return fmt::format("{} {}", digits, signs.proven);
  return fmt::format("{} {} (wrong with probability {:.0e})", digits, signs.probabilistic, known.failure_probability());
}

report::Value record_of(const std::optional<sensitivity::PowerBound>& bound) {
  if (!bound) return {};
  const std::optional<UpperBound>& constant = bound->constant;
  return report::Record{{"rate", bound->rate},
                        {"constant", constant ? report::Value(constant->value()) : report::Value()}};
}

report::Value record_of(const std::optional<sensitivity::PseudospectralRadius>& found, double change) {
  if (!found) return {};
  return report::Record{
      {"change", change}, {"value", found->value}, {"lower", found->lower.value()}, {"converged", found->converged}};
}

report::Value record_of(const std::optional<PowerFigures>& found) {
  if (!found) return {};
  const std::optional<sensitivity::Kreiss>& kreiss = found->kreiss;
  return report::Record{{"spectral_radius", found->spectral_radius},
                        {"departure", found->departure.value},
                        {"departure_bounds", report::members_of(found->departure.enclosure)},
                        {"eigenvector_condition", report::members_of(found->eigenvector_condition)},
                        {"numerical_radius", report::members_of(found->numerical_radius)},
                        {"pseudospectral_radius", record_of(found->pseudospectral, found->change)},
                        {"kreiss_lower", kreiss ? report::Value(kreiss->lower.value()) : report::Value()},
                        {"decay", record_of(found->decay)},
                        {"growth", record_of(std::optional(found->growth))}};
}

// |A^k| <= c rate^k
std::string power_text(const sensitivity::PowerBound& bound, const report::Glyphs& signs) {
  const std::string constant = report::significant(bound.constant->value(), 4, report::Rounding::up);
  if (bound.rate == 1) return fmt::format("|A^k| <= {} for every k {}", constant, signs.proven);
  return fmt::format("|A^k| <= {} {}^k for every k {}", constant,
                     report::significant(bound.rate, 6, report::Rounding::up), signs.proven);
}

// A search that did not end has found a point, and perhaps not the outermost one.
std::string pseudospectral_text(const sensitivity::PseudospectralRadius& found, const report::Glyphs& signs) {
  const std::string radius =
      found.converged
          ? report::significant(found.value, 6)
          : fmt::format("{}{}", signs.at_least, report::significant(found.lower.value(), 6, report::Rounding::down));
  return fmt::format("radius {} for changes of up to {:g} % of |A|_2", radius, 100 * kChange);
}

// For weights that are applied again and again, as recurrent ones are.
report::Facts powers(const PowerFigures& found, const report::Glyphs& signs) {
  report::Facts facts;
  const auto add = [&](const char* label, std::string text) {
    facts.facts.push_back({.label = label, .text = std::move(text)});
  };
  add("spectral radius:  ", report::significant(found.spectral_radius, 6));
  if (found.pseudospectral) add("pseudospectral:   ", pseudospectral_text(*found.pseudospectral, signs));
  if (found.numerical_radius) add("numerical radius: ", known_text(*found.numerical_radius, signs));
  add("departure:        ", report::significant(found.departure.value, 6) + " from normality (Henrici)");
  add("eigenvectors:     ", found.eigenvector_condition.upper
                                ? "condition number " + known_text(found.eigenvector_condition, signs)
                                : "no basis of them could be shown");
  if (found.spectral_radius > 1) {
    add("powers:           ", "not shown to stay bounded: a computed eigenvalue is above 1 in magnitude");
    return facts;
  }
  if (found.kreiss) {
    const std::string least = report::significant(found.kreiss->lower.value(), 6, report::Rounding::down);
    add("Kreiss constant:  ", fmt::format("{}{}", signs.at_least, least));
  }
  add("powers:           ", found.growth.constant ? power_text(found.growth, signs) : "no bound could be proven");
  if (found.decay && found.decay->constant) add("                  ", power_text(*found.decay, signs));
  return facts;
}

std::string range_text(const sensitivity::Digits& digits) {
  const std::string least = fmt::format("{:.1f}", digits.least);
  const std::string most = fmt::format("{:.1f}", digits.most);
  return least == most ? most : fmt::format("{} to {}", least, most);
}

std::string lost_text(const CondReport& report) {
  if (report.result.singular) return "all";
  const sensitivity::Digits lost = sensitivity::digits_lost(report.result.number);
  return std::isinf(lost.most) ? fmt::format("at least {:.1f}", lost.least) : range_text(lost);
}

// Without an upper end of the condition number the least is 0.
sensitivity::Digits digits_kept(const CondReport& report, DType type) {
  if (report.result.singular) return {0, 0};
  return sensitivity::digits_kept(report.result.number, type);
}

std::string kept_text(const CondReport& report) {
  const auto of = [&](DType type) {
    const sensitivity::Digits kept = digits_kept(report, type);
    if (kept.most < 0.05) return std::string("none");
    const bool open = !report.result.number.upper && !report.result.singular;
    return open ? fmt::format("at most {:.1f}", kept.most) : range_text(kept);
  };
  std::string stored = fmt::format("{} of the {:.1f} that {} holds", of(report.dtype),
                                   sensitivity::digits_held(report.dtype), name(report.dtype));
  if (report.dtype == DType::f64) return stored;
  return fmt::format("{}, {} of double's {:.1f}", stored, of(DType::f64), sensitivity::digits_held(DType::f64));
}

report::Value record_of(const sensitivity::Digits& digits) {
  return report::Record{{"lower", digits.least}, {"upper", digits.most}};
}

// JSON has no infinity: what is known to be infinite has null as both ends, and is proven.
report::Record condition_record(const sensitivity::Condition& result) {
  if (!result.singular) return report::members_of(result.number);
  return {{"lower", {}}, {"upper", {}}, {"kind", "proven"}, {"failure_probability", 0.0}};
}

}  // namespace

std::optional<PowerFigures> power_figures(const Tensor& matrix, Context& context) {
  const std::int64_t order = matrix.shape()[0];
  if (order != matrix.shape()[1] || order > kLargestForPowers) return std::nullopt;
  const bounds::EigenvalueDisks disks = sensitivity::eigenvalue_disks(matrix, context);
  double radius = 0;
  for (const std::complex<double>& value : disks.values) radius = std::max(radius, std::abs(value));
  PowerFigures found{.spectral_radius = radius,
                     .departure = sensitivity::departure_from_normality(matrix, context),
                     .eigenvector_condition = disks.condition,
                     .growth = sensitivity::power_bound(matrix, 1, context)};
  if (order <= kLargestForNumericalRadius) {
    found.numerical_radius = norms::numerical_radius(matrix, norms::NormOptions{}, context).enclosure;
  }
  // No end rests on it, so that the start need not be drawn.
  found.change =
      kChange * norms::norm(matrix, norms::Spectral{}, {.enclose = false, .random = RandomState{}}, context).value;
  if (order <= kLargestForPseudospectrum && found.change > 0 && std::isfinite(found.change)) {
    found.pseudospectral = sensitivity::pseudospectral_radius(matrix, found.change, context);
  }
  if (order <= kLargestForKreiss) found.kreiss = sensitivity::kreiss_constant(matrix, context);
  if (radius > 0 && radius < 1) found.decay = sensitivity::power_bound(matrix, std::sqrt(radius), context);
  return found;
}

report::Record cond_record(const CondReport& report) {
  const sensitivity::Condition& result = report.result;
  constexpr double kUnknown = std::numeric_limits<double>::infinity();  // null
  const sensitivity::Digits lost =
      result.singular ? sensitivity::Digits{kUnknown, kUnknown} : sensitivity::digits_lost(result.number);
  report::Record record = {{"schema", "sigmax.cond/1"},
                           {"file", report.file},
                           {"source", report.source},
                           {"tensor", report.tensor},
                           {"shape", report.shape},
                           {"matrix", report.matrix},
                           {"dtype", name(report.dtype)},
                           {"ord", report.ord},
                           {"value", result.value},
                           {"condition", condition_record(result)},
                           {"singular", result.singular},
                           {"norm", report::members_of(result.norm)},
                           {"sigma_min", report::members_of(result.sigma_min)},
                           {"distance_to_singularity", value_of(result.distance)},
                           {"distance", report::members_of(result.distance)},
                           {"digits_lost", record_of(lost)},
                           {"digits_kept", record_of(digits_kept(report, report.dtype))},
                           {"digits_kept_f64", record_of(digits_kept(report, DType::f64))},
                           {"non_normality", record_of(report.powers)}};
  return record;
}

report::Document cond_document(const CondReport& report, bool unicode) {
  const sensitivity::Condition& result = report.result;
  const report::Glyphs& signs = report::glyphs(unicode);
  const std::string norm = norm_name(report.ord);
  report::Document document;
  document.push_back({report::Text{.lines = {{fmt::format("{}  {} {}", report::visible(report.tensor, unicode),
                                                          to_string(report.matrix), name(report.dtype))}}}});
  const std::string label = fmt::format("condition number, {}: ", norm);
  if (result.singular) {
    document.push_back({report::Facts{
        {{.label = label, .text = "infinite; a row or column is zero, or two of them are equal up to sign"}}}});
  } else {
    // Without an upper end the value is only the lower one, which may be trivial.
    const std::string value = report::significant(result.value, report::kEnclosureDigits);
    document.push_back(
        {report::Facts{{{.label = label, .text = result.number.upper ? value : "not bounded from above"}}}});
    document.push_back({report::Facts{{{.label = "  ", .value = result.number}}}});
  }
  if (!result.number.upper && !result.singular) {
    document.push_back({report::Text{.lines = {{"  the matrix may be singular, as far as is known"}}}});
  }
  report::Facts facts;
  if (result.sigma_min) facts.facts.push_back({.label = "sigma_min:   ", .text = known_text(*result.sigma_min, signs)});
  const bool nothing_known = !result.distance.upper && result.distance.lower.value() == 0;
  facts.facts.push_back({.label = "distance:    ",
                         .text = nothing_known ? fmt::format("unknown, {}", norm)
                                               : fmt::format("{} to a matrix of lower rank, {}",
                                                             known_text(result.distance, signs), norm)});
  facts.facts.push_back({.label = "digits lost: ", .text = lost_text(report)});
  facts.facts.push_back({.label = "digits kept: ", .text = kept_text(report)});
  document.push_back({std::move(facts)});
  if (report.powers) document.push_back({.content = powers(*report.powers, signs), .spaced = true});
  return document;
}

}  // namespace sigmax::cli
