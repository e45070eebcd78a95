#include "cli/matrix/svd_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/table.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using Triplet = SvdReport::Triplet;

constexpr int kSignificantDigits = 10;

// The digits of a column: aligned fixed decimals if every value is readable that way; otherwise powers of ten.
class SigmaColumn {
 public:
  explicit SigmaColumn(const std::vector<Triplet>& triplets) {
    if (triplets.empty() || triplets.front().sigma == 0) return;
    const double largest = triplets.front().sigma;
    const int exponent = static_cast<int>(std::floor(std::log10(largest)));
    decimals_ = std::clamp(kSignificantDigits - 1 - exponent, 0, kSignificantDigits + 2);
    scientific_ = exponent < -3 || exponent >= kSignificantDigits - 3 || triplets.back().sigma < 1e-5 * largest;
  }

  std::string operator()(double sigma) const {
    return scientific_ ? fmt::format("{:.{}e}", sigma, kSignificantDigits - 1)
                       : fmt::format("{:.{}f}", sigma, decimals_);
  }

 private:
  bool scientific_ = false;
  int decimals_ = 0;
};

std::string percent(double share) {
  if (share >= 0.9999995) return "100 %";
  return share >= 1e-4 || share == 0 ? fmt::format("{:.3f} %", 100 * share) : fmt::format("{:.2e} %", 100 * share);
}

std::string ratio(double relative) {
  return relative >= 1e-4 || relative == 0 ? fmt::format("{:.6f}", relative) : fmt::format("{:.3e}", relative);
}

report::Text title(const SvdReport& report, const Style& style) {
  const auto total = *std::min_element(report.matrix.begin(), report.matrix.end());
  const auto count = static_cast<std::int64_t>(report.triplets.size());
  std::string matrix = fmt::format("{} {}", to_string(report.matrix), name(report.dtype));
  if (report.shape.size() != 2) matrix += " of shape " + to_string(report.shape);
  const report::Glyphs& signs = report::glyphs(style.unicode);
  const std::size_t room = style.width > matrix.size() + 22 ? style.width - matrix.size() - 2 : 20;
  const std::string_view what = report.values_only ? "value" : "triplet";
  const std::string_view end = report.smallest ? "smallest" : "largest";
  std::string which = fmt::format("the {} {} of {} singular {}s", count, end, total, what);
  if (count == 1) which = fmt::format("the {} of {} singular {}s", end, total, what);
  if (count == total) which = fmt::format("all {} singular {}s", total, what);
  if (total == 1) which = fmt::format("its one singular {}", what);
  const std::string tensor = report::shorten(report::visible(report.tensor, style.unicode), room, signs);
  return {report::Text::Kind::plain, {{fmt::format("{}  {}", tensor, matrix)}, {which}}};
}

// The certainty of a value: both ends proven by a theorem, one proven and one with a probability, or only a lower
// bound.
std::string_view known(const Triplet& triplet) {
  if (!triplet.enclosure || !triplet.enclosure->upper) return "estimate";
  return triplet.enclosure->is_proven() ? "proven" : "probabilistic";
}

double largest_of(const SvdReport& report) {
  const Triplet& first = report.triplets.front();
  return first.relative > 0 ? first.sigma / first.relative : 0;
}

double relative_width(const Triplet& triplet, double sigma_1) {
  const double width = triplet.enclosure->upper->value() - triplet.enclosure->lower.value();
  return sigma_1 > 0 ? width / sigma_1 : width;
}

// The certainty and the accuracy: the width of the enclosure relative to sigma_1.
std::string width_of(const Triplet& triplet, double sigma_1, bool unicode) {
  const std::string_view how = known(triplet);
  if (how == "estimate") return std::string(how);
  const std::string_view mark = how == "proven" ? (unicode ? "✓" : "p") : "~";
  return fmt::format("{} {:.0e}", mark, relative_width(triplet, sigma_1));
}

// The meaning of the column's marks.
report::Text known_lines(const SvdReport& report, const Style& style) {
  const auto has = [&](std::string_view how) {
    return std::any_of(report.triplets.begin(), report.triplets.end(),
                       [how](const Triplet& each) { return known(each) == how; });
  };
  report::Text text{report::Text::Kind::words, {}};
  const auto add = [&](std::string line) { text.lines.push_back({std::move(line)}); };
  // If the ends are as far apart as the values, they tell nothing about the values in between.
  const double sigma_1 = largest_of(report);
  const bool is_close = std::all_of(report.triplets.begin(), report.triplets.end(), [&](const Triplet& each) {
    return known(each) == "estimate" || relative_width(each, sigma_1) <= 1e-3;
  });
  if (has("proven")) {
    add(fmt::format(
        "{} proven: the i-th singular value lies in an interval this wide, relative to sigma_1; {}",
        style.unicode ? "✓" : "p",
        is_close ? "no value was missed" : "an interval this wide leaves room for values that were missed"));
  }
  if (has("probabilistic")) {
    const auto each = std::find_if(report.triplets.begin(), report.triplets.end(),
                                   [](const Triplet& one) { return known(one) == "probabilistic"; });
    add(fmt::format("~ the same holds, except with probability {:.0e} over the run's own random start",
                    each->enclosure->failure_probability()));
  }
  if (has("estimate")) {
    add(fmt::format(
        "estimate: except for rounding, the i-th singular value is at {} this; a value may have been missed",
        report.smallest ? "most" : "least"));
  }
  return text;
}

// Rounding to storage moved the weight by at most u |A|_F in the 2-norm, and therefore each singular value by at most
// as much (Weyl).
void add_precision(report::Facts& facts, const SvdReport& report) {
  const auto below = std::find_if(report.triplets.begin(), report.triplets.end(),
                                  [&](const Triplet& each) { return each.sigma <= report.rounding; });
  if (below == report.triplets.end() || report.rounding == 0) return;
  facts.facts.push_back(
      {.label = "precision  ",
       .text = fmt::format("from sigma_{} on, values are no larger than what rounding to {} can add ({})", below->index,
                           name(report.dtype), report::significant(report.rounding, 2)),
       .wraps = false});
}

// The accuracy of the vectors in the file.
void add_output(report::Facts& facts, const SvdReport& report, const Style& style) {
  if (report.output.empty()) return;
  const bool can_be_smaller = !report.of_vectors && report.method != "randomized";
  facts.facts.push_back({.label = "output     ",
                         .text = fmt::format("u, s and vt in {}, with residuals of at most {:.1e}{}",
                                             report::visible(report.output, style.unicode), largest_residual(report),
                                             can_be_smaller ? "; --accuracy vectors makes them smaller" : "")});
}

report::Facts facts_of(const SvdReport& report, const Style& style) {
  report::Facts facts;
  if (report.sigma_1) facts.facts.push_back({.label = "sigma_1    ", .value = *report.sigma_1});
  facts.facts.push_back({.label = "Frobenius  ", .text = report::significant(report.frobenius, kSignificantDigits)});
  add_precision(facts, report);
  const std::string effort =
      fmt::format("{} of the matrix, {}", plural(report.reads, "read"), report::duration_text(report.seconds));
  facts.facts.push_back(
      {.label = "method     ", .text = fmt::format("{}: {}; {}", report.method, report.in_words, effort)});
  add_output(facts, report, style);
  return facts;
}

std::vector<report::Column> columns_of(const SvdReport& report) {
  using report::Column;
  constexpr unsigned kAll = report::terminal | report::data | report::figure;
  constexpr unsigned kData = report::data | report::figure;
  std::vector<Column> columns = {
      {.key = "index", .heading = "i", .uses = kAll, .least_width = 6},
      {.key = "sigma", .heading = "sigma_i", .uses = kAll, .least_width = 16},
      {.key = "relative", .heading = "sigma_i/sigma_1", .uses = kAll},
      {.key = "energy", .heading = report.smallest ? "energy left" : "energy", .uses = kAll, .least_width = 11},
      {.key = "residual", .heading = "residual", .uses = kAll},
      {.key = "width", .heading = "width", .alignment = report::Alignment::left, .uses = report::terminal},
      {.key = "lower", .heading = "lower", .uses = kData},
      {.key = "upper", .heading = "upper", .uses = kData},
      {.key = "known", .heading = "known", .uses = kData},
      {.key = "failure_probability", .heading = "failure probability", .uses = report::figure}};
  if (report.values_only) columns[4].uses = kData;
  return columns;
}

report::Table triplets_of(const SvdReport& report, bool unicode) {
  report::Table triplets;
  triplets.columns = columns_of(report);
  const SigmaColumn sigma(report.triplets);
  const double sigma_1 = largest_of(report);
  for (const Triplet& each : report.triplets) {
    const report::Record ends = report::members_of(each.enclosure);
    report::Value residual;
    if (!report.values_only) residual = each.residual;
    triplets.rows.push_back({.cells = {{.value = each.index},
                                       {.value = each.sigma, .text = sigma(each.sigma)},
                                       {.value = each.relative, .text = ratio(each.relative)},
                                       {.value = each.energy, .text = percent(each.energy)},
                                       {.value = residual, .text = fmt::format("{:.1e}", each.residual)},
                                       {.text = width_of(each, sigma_1, unicode)},
                                       {.value = ends[0].value},
                                       {.value = ends[1].value},
                                       {.value = known(each)},
                                       {.value = ends[3].value}}});
  }
  triplets.total = triplets.rows.size();
  return triplets;
}

}  // namespace

std::string svd_as_table(const SvdReport& report, const Style& style) {
  report::Document document;
  document.push_back({title(report, style)});
  document.push_back({triplets_of(report, style.unicode), "", true});
  report::Text known = known_lines(report, style);
  const bool any_known = !known.lines.empty();
  document.push_back({std::move(known), "", true});
  document.push_back({facts_of(report, style), "", any_known});
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

double largest_residual(const SvdReport& report) noexcept {
  double largest = 0;
  for (const Triplet& each : report.triplets) largest = std::max(largest, each.residual);
  return largest;
}

std::string svd_as_values(const SvdReport& report) {
  std::string text;
  for (const Triplet& each : report.triplets) text += report::round_trip(each.sigma) + '\n';
  return text;
}

std::string svd_as_csv(const SvdReport& report) { return report::write_csv(triplets_of(report, true)); }

std::string svd_as_json(const SvdReport& report) {
  return report::write_json({{"schema", "sigmax.svd/1"},
                             {"file", report.file},
                             {"source", report.source},
                             {"tensor", report.tensor},
                             {"shape", report.shape},
                             {"matrix", report.matrix},
                             {"dtype", std::string(name(report.dtype))},
                             {"which", report.smallest ? "smallest" : "largest"},
                             {"method", report.method},
                             {"outcome", report.outcome},
                             {"accuracy", report.of_vectors ? "vectors" : "values"},
                             {"tolerance", report.tolerance},
                             {"seed", report.seed.number},
                             {"stream", report.seed.stream},
                             {"products", report.products},
                             {"reads", report.reads},
                             {"seconds", report.seconds},
                             {"threads", report.threads},
                             {"frobenius", report.frobenius},
                             {"storage_rounding", report.rounding},
                             {"sigma_max", report.sigma_1},
                             {"triplets", report::records_of(triplets_of(report, true))}});
}

}  // namespace sigmax::cli
