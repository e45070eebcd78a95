#include "cli/svd_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using Json = nlohmann::ordered_json;
using Triplet = SvdReport::Triplet;

constexpr int kDigits = 10;

// Digits of a column: fixed decimals where all values have a reading in them, one under the other; powers of ten
// otherwise.
class SigmaColumn {
 public:
  explicit SigmaColumn(const std::vector<Triplet>& triplets) {
    if (triplets.empty() || triplets.front().sigma == 0) return;
    const double largest = triplets.front().sigma;
    const int exponent = static_cast<int>(std::floor(std::log10(largest)));
    decimals_ = std::clamp(kDigits - 1 - exponent, 0, kDigits + 2);
    scientific_ = exponent < -3 || exponent >= kDigits - 3 || triplets.back().sigma < 1e-5 * largest;
  }

  std::string operator()(double sigma) const {
    return scientific_ ? fmt::format("{:.{}e}", sigma, kDigits - 1) : fmt::format("{:.{}f}", sigma, decimals_);
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

std::string title(const SvdReport& report, const Style& style) {
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
  return fmt::format("{}  {}\n{}\n", report::shorten(report::visible(report.tensor, style.unicode), room, signs),
                     matrix, which);
}

// How a value is known: by a theorem with both ends, by one and a probability, or not beyond being a lower bound.
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

// How it is known, and to what: the width of the enclosure relative to sigma_1.
std::string width_of(const Triplet& triplet, double sigma_1, bool unicode) {
  const std::string_view how = known(triplet);
  if (how == "estimate") return std::string(how);
  const std::string_view mark = how == "proven" ? (unicode ? "✓" : "p") : "~";
  return fmt::format("{} {:.0e}", mark, relative_width(triplet, sigma_1));
}

// What the marks of the column mean.
std::string known_lines(const SvdReport& report, const Style& style) {
  const auto has = [&](std::string_view how) {
    return std::any_of(report.triplets.begin(), report.triplets.end(),
                       [how](const Triplet& each) { return known(each) == how; });
  };
  std::string text;
  const auto add = [&](std::string_view line) {
    for (const std::string& part : report::wrap(line, std::max<std::size_t>(style.width, 40))) text += part + '\n';
  };
  // Ends as far apart as values are say nothing of what lies between them.
  const double sigma_1 = largest_of(report);
  const bool is_close = std::all_of(report.triplets.begin(), report.triplets.end(), [&](const Triplet& each) {
    return known(each) == "estimate" || relative_width(each, sigma_1) <= 1e-3;
  });
  if (has("proven")) {
    add(fmt::format("{} proven: the i-th singular value lies in an interval this wide, relative to sigma_1; {}",
                    style.unicode ? "✓" : "p",
                    is_close ? "none was missed" : "so wide a one leaves room for values that were missed"));
  }
  if (has("probabilistic")) {
    const auto each = std::find_if(report.triplets.begin(), report.triplets.end(),
                                   [](const Triplet& one) { return known(one) == "probabilistic"; });
    add(fmt::format("~ the same, except with probability {:.0e} over the run's own random start",
                    each->enclosure->failure_probability()));
  }
  if (has("estimate")) {
    add(fmt::format("estimate: the true value is no {}, except for rounding; that none was missed is not shown",
                    report.smallest ? "larger" : "smaller"));
  }
  return text.empty() ? text : text + '\n';
}

std::string enclosure_lines(const Enclosure& enclosure) {
  std::string text = fmt::format("sigma_1    at least {}\n", report::round_trip(enclosure.lower.value()));
  const auto& upper = enclosure.upper;
  if (!upper) return text + "           no upper end was reached\n";
  const std::string certainty = upper->certainty() == Certainty::proven
                                    ? std::string("proven, rounding included")
                                    : fmt::format("wrong with probability {:.0e}", upper->failure_probability());
  return text + fmt::format("           at most  {}  ({})\n", report::round_trip(upper->value()), certainty);
}

// Rounding to storage moved the weight by at most u |A|_F in the 2-norm, and so each singular value (Weyl).
std::string precision_lines(const SvdReport& report) {
  const auto below = std::find_if(report.triplets.begin(), report.triplets.end(),
                                  [&](const Triplet& each) { return each.sigma <= report.rounding; });
  if (below == report.triplets.end() || report.rounding == 0) return {};
  return fmt::format("precision  from sigma_{} on below {}, what rounding to {} may add\n", below->index,
                     report::significant(report.rounding, 2), name(report.dtype));
}

// `text` on as many lines as it takes, the first behind `label`.
std::string labeled(std::string_view label, std::string_view text, const Style& style) {
  const std::string blanks(label.size(), ' ');
  std::string lines;
  for (const std::string& part : report::wrap(text, std::max<std::size_t>(style.width, 40) - label.size())) {
    lines += (lines.empty() ? std::string(label) : blanks) + part + '\n';
  }
  return lines;
}

std::string method_lines(const SvdReport& report, const Style& style) {
  const std::string effort =
      fmt::format("{} of the matrix, {}", plural(report.reads, "read"), report::duration_text(report.seconds));
  return labeled("method     ", fmt::format("{}: {}; {}", report.method, report.in_words, effort), style);
}

// How good the vectors in the file are.
std::string output_lines(const SvdReport& report, const Style& style) {
  if (report.output.empty()) return {};
  const bool can_be_smaller = !report.of_vectors && report.method != "randomized";
  return labeled("output     ",
                 fmt::format("u, s and vt in {}, with residuals of at most {:.1e}{}",
                             report::visible(report.output, style.unicode), largest_residual(report),
                             can_be_smaller ? "; --accuracy vectors makes them smaller" : ""),
                 style);
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json enclosure_json(const std::optional<Enclosure>& enclosure) {
  if (!enclosure) return {};
  Json json = {{"lower", number(enclosure->lower.value())},
               {"upper", Json()},
               {"kind", std::string(report::kind(*enclosure))},
               {"failure_probability", Json()}};
  if (const auto& upper = enclosure->upper) {
    json["upper"] = number(upper->value());
    json["failure_probability"] = upper->failure_probability();
  }
  return json;
}

}  // namespace

std::string svd_as_table(const SvdReport& report, const Style& style) {
  const SigmaColumn sigma(report.triplets);
  const double sigma_1 = largest_of(report);
  std::string text = title(report, style) + '\n';
  std::string head = fmt::format("{:>6}  {:>16}  {:>15}  {:>11}", "i", "sigma_i", "sigma_i/sigma_1",
                                 report.smallest ? "energy left" : "energy");
  if (!report.values_only) head += "  residual";
  head += "  width";
  text += style.color ? fmt::format("\x1b[1m{}\x1b[0m\n", head) : head + '\n';
  for (const Triplet& each : report.triplets) {
    text += fmt::format("{:>6}  {:>16}  {:>15}  {:>11}", each.index, sigma(each.sigma), ratio(each.relative),
                        percent(each.energy));
    if (!report.values_only) text += fmt::format("  {:>8.1e}", each.residual);
    text += "  " + width_of(each, sigma_1, style.unicode) + '\n';
  }
  text += '\n' + known_lines(report, style);
  if (report.sigma_1) text += enclosure_lines(*report.sigma_1);
  text += fmt::format("Frobenius  {}\n", report::significant(report.frobenius, kDigits));
  text += precision_lines(report);
  return text + method_lines(report, style) + output_lines(report, style);
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

std::string svd_as_csv(const SvdReport& report) {
  std::string text = "index,sigma,relative,energy,residual,lower,upper,known\r\n";
  for (const Triplet& each : report.triplets) {
    const auto& e = each.enclosure;
    text += fmt::format("{},{},{},{},{},{},{},{}\r\n", each.index, report::round_trip(each.sigma),
                        report::round_trip(each.relative), report::round_trip(each.energy),
                        report.values_only ? std::string() : report::round_trip(each.residual),
                        e ? report::round_trip(e->lower.value()) : std::string(),
                        e && e->upper ? report::round_trip(e->upper->value()) : std::string(), known(each));
  }
  return text;
}

std::string svd_as_json(const SvdReport& report) {
  Json triplets = Json::array();
  for (const Triplet& each : report.triplets) {
    triplets.push_back({{"index", each.index},
                        {"sigma", number(each.sigma)},
                        {"relative", number(each.relative)},
                        {"energy", number(each.energy)},
                        {"residual", report.values_only ? Json() : number(each.residual)},
                        {"lower", Json()},
                        {"upper", Json()},
                        {"known", std::string(known(each))},
                        {"failure_probability", Json()}});
    if (!each.enclosure) continue;
    triplets.back()["lower"] = number(each.enclosure->lower.value());
    if (!each.enclosure->upper) continue;
    triplets.back()["upper"] = number(each.enclosure->upper->value());
    triplets.back()["failure_probability"] = each.enclosure->failure_probability();
  }
  const Json json = {{"schema", "sigmax.svd/1"},
                     {"file", report::valid_utf8(report.file)},
                     {"source", report::valid_utf8(report.source)},
                     {"tensor", report::valid_utf8(report.tensor)},
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
                     {"frobenius", number(report.frobenius)},
                     {"storage_rounding", number(report.rounding)},
                     {"sigma_max", enclosure_json(report.sigma_1)},
                     {"triplets", std::move(triplets)}};
  return json.dump(2, ' ', true) + '\n';
}

}  // namespace sigmax::cli
