#include "cli/matrix/norm_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "sigmax/report/document.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/operator_norm.hpp"
#include "sigmax/report/table.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

constexpr int kDigits = 10;

report::Record record_of_matrix(const NamedMatrix& named, const Target& target) {
  return {{"schema", "sigmax.norm/1"},    {"file", target.path.string()},
          {"source", named.file},         {"tensor", named.name},
          {"shape", named.shape},         {"matrix", named.matrix().shape()},
          {"batch", named.blocks.size()}, {"dtype", name(named.matrix().dtype())}};
}

// Without ends, how the value is known is still said.
void add_norm(report::Record& record, const norms::NamedResult& each) {
  record.push_back({"ord", norms::spelling_of(each.norm)});
  record.push_back({"meaning", each.result.meaning});
  record.push_back({"value", each.result.value});
  for (report::Member& end : report::members_of(each.result.enclosure)) {
    if (end.key == "kind") end.value = norms::message(each.result.kind());
    record.push_back(std::move(end));
  }
  record.push_back({"method", report::text_or_nothing(each.result.method)});
}

std::string matrix_line(const NamedMatrix& named, const Style& style) {
  const std::string count = named.blocks.size() == 1 ? "" : fmt::format("{} blocks ", named.blocks.size());
  return fmt::format("{}  {}{} {}", report::visible(named.name, style.unicode), count,
                     to_string(named.matrix().shape()), name(named.matrix().dtype()));
}

std::string_view sign_of(norms::Known kind, bool unicode) {
  switch (kind) {
    case norms::Known::proven: return unicode ? "✓" : "p";
    case norms::Known::probabilistic: return "~";
    case norms::Known::lower_only: return unicode ? "≥" : ">";
    case norms::Known::computed: return "";
  }
  return "";
}

// The digits on which the ends agree, or both ends; a sign for how they are known.
std::string value_text(const norms::NormResult& result, const Style& style) {
  const report::Glyphs& signs = report::glyphs(style.unicode);
  if (!result.enclosure) return report::significant(result.value, kDigits);
  if (!result.enclosure->upper) {
    return fmt::format("{} {}", report::significant(result.value, kDigits, report::Rounding::down),
                       sign_of(result.kind(), style.unicode));
  }
  return fmt::format("{} {}", report::enclosure(*result.enclosure, signs, kDigits),
                     sign_of(result.kind(), style.unicode));
}

report::Text legend_of(const std::vector<norms::NamedResult>& results, bool unicode) {
  report::Text text{report::Text::Kind::words, {}};
  const auto add = [&](norms::Known kind, std::string_view meaning) {
    const bool occurs = std::any_of(results.begin(), results.end(),
                                    [kind](const norms::NamedResult& each) { return each.result.kind() == kind; });
    const std::string_view sign = sign_of(kind, unicode);
    if (occurs) text.lines.push_back({fmt::format("{}{}{}", sign, sign.empty() ? "" : " ", meaning)});
  };
  add(norms::Known::proven, "proven, rounding included: the digits shown, or between the two numbers");
  add(norms::Known::probabilistic, "the same, except with a small probability");
  add(norms::Known::lower_only, "the norm is at least this");
  add(norms::Known::computed, "no sign: computed, without ends; --enclose finds them");
  return text;
}

std::string_view meaning_of(ConvolutionQuestion question) {
  switch (question) {
    case ConvolutionQuestion::every_size: return "largest operator norm over all image sizes";
    case ConvolutionQuestion::input_size: return "operator norm at this image size";
    case ConvolutionQuestion::circular: return "operator norm of the circular convolution of this size";
  }
  return "operator norm";
}

std::string method_of(const ConvolutionNorm& norm) {
  std::string lower(name(norm.lower_by)), upper(name(norm.upper_by));
  std::replace(lower.begin(), lower.end(), '_', ' ');
  std::replace(upper.begin(), upper.end(), '_', ' ');
  return lower == upper ? lower : fmt::format("{} from below, {} from above", lower, upper);
}

}  // namespace

std::string norm_as_text(const NamedMatrix& named, const norms::NormResult& result, const Style& style) {
  report::Document document;
  document.push_back({report::Text{.lines = {{matrix_line(named, style)}}}});
  document.push_back(
      {report::Facts{{{.label = result.meaning + ": ", .text = report::round_trip(result.value), .wraps = false}}}});
  if (result.enclosure) {
    document.push_back({report::Facts{{{.label = "  ", .value = *result.enclosure}}}});
    document.push_back({report::Facts{{{.label = "  by ", .text = result.method, .wraps = false}}}});
  }
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

std::string norm_as_json(const NamedMatrix& named, const Target& target, const norms::NamedResult& result) {
  report::Record record = record_of_matrix(named, target);
  add_norm(record, result);
  return report::write_json(record);
}

std::string norms_as_table(const NamedMatrix& named, const std::vector<norms::NamedResult>& results,
                           const Style& style) {
  report::Table table;
  table.columns = {
      {.key = "ord", .heading = "ord", .alignment = report::Alignment::left, .uses = report::terminal},
      {.key = "value", .heading = "value", .alignment = report::Alignment::decimal, .uses = report::terminal},
      {.key = "meaning", .heading = "norm", .alignment = report::Alignment::left, .uses = report::terminal}};
  for (const norms::NamedResult& each : results) {
    table.rows.push_back({.cells = {{.text = norms::spelling_of(each.norm)},
                                    {.value = each.result.value, .text = value_text(each.result, style)},
                                    {.text = each.result.meaning}}});
  }
  table.total = table.rows.size();
  report::Document document;
  document.push_back({report::Text{.lines = {{matrix_line(named, style)}}}});
  document.push_back({std::move(table), "", true});
  document.push_back({legend_of(results, style.unicode), "", true});
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

std::string convolution_as_text(const NamedConvolution& named, const ConvolutionNorm& norm, const Style& style) {
  const audit::ConvolutionToMeasure& convolution = named.convolution;
  report::Document document;
  document.push_back({report::Text{.lines = {{fmt::format("{}  {} {}", report::visible(named.name, style.unicode),
                                                          to_string(named.shape), name(named.dtype))}}}});
  std::string text = describe(convolution.layer);
  if (convolution.input_size) text += fmt::format(", images of {}", fmt::join(*convolution.input_size, "x"));
  if (!convolution.assumed.empty()) text += fmt::format("; assumed: {}", fmt::join(convolution.assumed, ", "));
  document.push_back({report::Text{.kind = report::Text::Kind::words, .lines = {{text}}}});
  document.push_back({report::Facts{{{.label = std::string(meaning_of(norm.question)) + ": ",
                                      .text = report::round_trip(norm.estimate),
                                      .wraps = false},
                                     {.label = "  ", .value = norm.sigma_max},
                                     {.label = "  by ", .text = method_of(norm), .wraps = false}}}});
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

std::string convolution_as_json(const NamedConvolution& named, const Target& target, const ConvolutionNorm& norm) {
  const audit::ConvolutionToMeasure& convolution = named.convolution;
  report::Value matrix;
  if (convolution.input_size) {
    const ConvolutionGeometry geometry(convolution.layer, *convolution.input_size);
    matrix = report::List{geometry.rows(), geometry.columns()};
  }
  report::Record record = {{"schema", "sigmax.norm/1"},
                           {"file", target.path.string()},
                           {"source", named.file},
                           {"tensor", named.name},
                           {"shape", named.shape},
                           {"matrix", std::move(matrix)},
                           {"batch", 1},
                           {"dtype", name(named.dtype)},
                           {"ord", "2"},
                           {"meaning", meaning_of(norm.question)},
                           {"value", norm.estimate}};
  for (report::Member& end : report::members_of(norm.sigma_max)) record.push_back(std::move(end));
  record.push_back({"method", method_of(norm)});
  record.push_back({"operator_norm", report::record_of(audit::described(convolution, norm))});
  return report::write_json(record);
}

std::string norms_as_json(const NamedMatrix& named, const Target& target,
                          const std::vector<norms::NamedResult>& results) {
  report::Record record = record_of_matrix(named, target);
  report::List all;
  for (const norms::NamedResult& each : results) {
    report::Record one;
    add_norm(one, each);
    all.emplace_back(std::move(one));
  }
  record.push_back({"norms", std::move(all)});
  return report::write_json(record);
}

}  // namespace sigmax::cli
