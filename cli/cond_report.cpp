#include "cli/cond_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

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

std::string digits_text(const CondReport& report, const sensitivity::Digits& lost) {
  const double held = sensitivity::digits_held(report.dtype);
  const std::string of = fmt::format("of the {:.1f} that {} holds", held, name(report.dtype));
  if (report.result.singular) return "all, " + of;
  if (std::isinf(lost.most)) return fmt::format("at least {:.1f} {}", lost.least, of);
  return fmt::format("{:.1f} {}", lost.most, of);
}

}  // namespace

report::Record cond_record(const CondReport& report) {
  const sensitivity::Condition& result = report.result;
  const double lost = std::log10(result.value);
  report::Record record = {{"schema", "sigmax.cond/1"},
                           {"file", report.file},
                           {"source", report.source},
                           {"tensor", report.tensor},
                           {"shape", report.shape},
                           {"matrix", report.matrix},
                           {"dtype", name(report.dtype)},
                           {"ord", report.ord},
                           {"value", result.value},
                           {"condition", report::members_of(result.number)},
                           {"singular", result.singular},
                           {"norm", report::members_of(result.norm)},
                           {"sigma_min", report::members_of(result.sigma_min)},
                           {"distance_to_singularity", value_of(result.distance)},
                           {"distance", report::members_of(result.distance)},
                           {"digits_lost", lost},
                           {"digits_kept", std::max(sensitivity::digits_held(report.dtype) - lost, 0.0)}};
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
    document.push_back(
        {report::Facts{{{.label = label,
                         .text = "infinite; the rank is below min(rows, columns), as two rows or columns "
                                 "show"}}}});
  } else {
    document.push_back(
        {report::Facts{{{.label = label, .text = report::significant(result.value, report::kEnclosureDigits)}}}});
    document.push_back({report::Facts{{{.label = "  ", .value = result.number}}}});
  }
  if (!result.number.upper && !result.singular) {
    document.push_back({report::Text{.lines = {{"  the matrix may be singular, as far as is known"}}}});
  }
  report::Facts facts;
  if (result.sigma_min) facts.facts.push_back({.label = "sigma_min:   ", .text = known_text(*result.sigma_min, signs)});
  facts.facts.push_back(
      {.label = "distance:    ",
       .text = fmt::format("{} to a matrix of lower rank, {}", known_text(result.distance, signs), norm)});
  facts.facts.push_back(
      {.label = "digits lost: ", .text = digits_text(report, sensitivity::digits_lost(result.number))});
  document.push_back({std::move(facts)});
  return document;
}

}  // namespace sigmax::cli
