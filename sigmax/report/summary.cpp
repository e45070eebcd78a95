#include "sigmax/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/order.hpp"

namespace sigmax::report {
namespace {

bool any_row(const std::vector<const audit::TensorResult*>& shown, const std::function<bool(const WeightRow&)>& holds) {
  return std::any_of(shown.begin(), shown.end(), [&](const audit::TensorResult* tensor) {
    return holds(WeightRow{tensor}) ||
           std::any_of(tensor->parts.begin(), tensor->parts.end(), [&](const audit::Part& part) {
             return holds(WeightRow{tensor, &part});
           });
  });
}

double largest_failure_probability(const audit::Result& result) {
  double largest = 0;
  for (const audit::TensorResult& tensor : result.tensors) {
    if (tensor.figures && tensor.figures->sigma_max.upper) {
      largest = std::max(largest, tensor.figures->sigma_max.upper->failure_probability());
    }
  }
  return largest;
}

// Rounded up, except that 1e-9 stays 1e-9 although the nearest double is slightly larger.
std::string probability_text(double probability) { return significant(probability * (1 - 1e-12), 1, Rounding::up); }

// How many of the convolutions that were measured as operators are proven.
std::string operator_proofs(const audit::Result& result) {
  std::size_t measured = 0, proven = 0;
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!tensor.operator_norm) continue;
    ++measured;
    if (tensor.operator_norm->norm.is_proven()) ++proven;
  }
  if (measured == 0) return {};
  return fmt::format(" Operator norms of {}: {} proven.", plural(measured, "convolution"), proven);
}

std::string proof_sentence(const audit::Result& result) {
  const audit::Summary& s = result.summary;
  std::vector<std::string> known;
  if (s.proven > 0) known.push_back(fmt::format("{} proven", s.proven));
  if (s.probabilistic > 0) {
    known.push_back(fmt::format("{} probabilistic (failure probability {} each)", s.probabilistic,
                                probability_text(largest_failure_probability(result))));
  }
  if (s.lower_only > 0) known.push_back(fmt::format("{} with a lower end only", s.lower_only));
  if (s.non_finite > 0) known.push_back(fmt::format("{} NOT MEASURED: non-finite entries", s.non_finite));
  std::string sentence = "sigma_max: ";
  for (std::size_t i = 0; i < known.size(); ++i) sentence += (i > 0 ? ", " : "") + known[i];
  return sentence + "." + operator_proofs(result);
}

std::string cell_and_name(std::string_view key, const audit::TensorResult& tensor, const Glyphs& signs) {
  return fmt::format("{} in {}", cell_text(column(key), {&tensor}, signs),
                     name_in_sentence(tensor.name, signs.unicode));
}

std::string largest_stretch(const audit::Result& result, const Glyphs& signs) {
  const bool has_norms = has_operator_norms(result);
  const std::string key = has_norms ? "operator_norm" : "sigma_max";
  for (const audit::TensorResult* tensor : select(result, key.c_str(), {})) {
    if (!tensor->figures || WeightRow{tensor}.operator_norm() == nullptr) continue;
    return fmt::format("Largest {} {}", has_norms ? "operator norm" : "sigma_max", cell_and_name(key, *tensor, signs));
  }
  return {};
}

// The largest number in the column.
std::string largest_condition(const audit::Result& result, const Glyphs& signs) {
  for (const audit::TensorResult* tensor : select(result, "condition", {})) {
    if (!tensor->figures || cell_text(column("condition"), {tensor}, signs) == signs.none) continue;
    return "largest condition " + cell_and_name("condition", *tensor, signs);
  }
  return {};
}

}  // namespace

std::vector<SkippedGroup> group_skipped(const audit::Result& result) {
  std::vector<SkippedGroup> groups;
  std::map<std::string_view, std::size_t> index;
  for (const audit::Skipped& tensor : result.skipped) {
    const auto [place, added] = index.emplace(tensor.reason, groups.size());
    if (added) groups.push_back({tensor.reason, {}});
    groups[place->second].tensors.push_back(&tensor);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.tensors.size() > b.tensors.size(); });
  return groups;
}

std::vector<std::string> summary_sentences(const audit::Result& result, const Glyphs& signs) {
  const audit::Summary& s = result.summary;
  std::vector<std::string> sentences;
  std::string unread;
  if (s.unread == 1) unread = ", 1 of which may be a weight and was NOT READ";
  if (s.unread > 1) unread = fmt::format(", {} of which may be weights and were NOT READ", s.unread);
  sentences.push_back(fmt::format("Read {}: {} audited ({} {}, {}), {} skipped{}.",
                                  plural(s.audited + s.skipped, "tensor"), plural(s.audited, "weight"),
                                  count_text(s.parameters), either(s.parameters, "parameter", "parameters"),
                                  bytes_text(s.bytes), s.skipped, unread));
  if (s.audited > 0) sentences.push_back(proof_sentence(result));
  const std::string stretch = largest_stretch(result, signs);
  const std::string uneven = largest_condition(result, signs);
  if (!stretch.empty()) sentences.push_back(stretch + (uneven.empty() ? "." : "; " + uneven + "."));
  sentences.push_back(fmt::format("Took {} on {}.", duration_text(s.seconds), plural(s.threads, "thread")));
  return sentences;
}

std::vector<GateDetail> gate_details(const audit::GateOutcome& gate) {
  std::vector<GateDetail> details;
  for (const audit::GateOutcome::Tripped& weight : gate.tripped) {
    std::string text;
    for (const auto& [key, value] : weight.readings) {
      const bool equal = !value.starts_with("in ") && !value.starts_with("at ");
      text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", key, equal ? "= " : "", value);
    }
    details.push_back({weight.name, "tripped: " + text});
  }
  for (const audit::GateOutcome::NotJudged& item : gate.not_judged) {
    details.push_back(
        {item.name, fmt::format("{} ({}): {}", item.allowed ? "ignored" : "not judged", item.reason, item.detail)});
  }
  return details;
}

std::string outcome_text(const audit::GateOutcome& gate) {
  switch (gate.verdict) {
    case audit::GateOutcome::Verdict::passed: return "passed";
    case audit::GateOutcome::Verdict::tripped: return "TRIPPED";
    case audit::GateOutcome::Verdict::not_judged: break;
  }
  return "NOT JUDGED";
}

std::vector<std::string> legend(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                                const Glyphs& signs, const std::function<bool(std::string_view)>& has_column) {
  const auto shows = [&](std::string_view key) { return has_column == nullptr || has_column(key); };
  const auto has_kind = [&](std::string_view wanted) {
    return any_row(shown, [&](const WeightRow& row) {
      const audit::OperatorNorm* own = row.convolution();
      return (row.figures() != nullptr && kind(row.figures()->sigma_max) == wanted) ||
             (own != nullptr && kind(own->norm) == wanted);
    });
  };
  const bool has_norms = has_operator_norms(result);
  const std::string_view what = has_norms ? "" : "sigma_max ";
  const auto saves = [&](const WeightRow& row) {
    const audit::SpectrumFigures* spectrum = row.spectrum();
    return spectrum != nullptr && ((spectrum->rank_90.saves_parameters && shows("rank_90")) ||
                                   (spectrum->rank_95.saves_parameters && shows("rank_95")) ||
                                   (spectrum->rank_99.saves_parameters && shows("rank_99")));
  };
  std::vector<std::string> lines;
  const auto line = [&](std::string_view sign, std::string_view meaning) {
    lines.push_back(fmt::format("{} {}", sign, meaning));
  };
  if (has_kind("proven")) {
    line(signs.proven, fmt::format("{}proven: every digit shown holds, rounding errors included", what));
  }
  if (has_kind("probabilistic")) {
    line(signs.probabilistic, fmt::format("{}probabilistic: the digits hold, each with failure probability {}", what,
                                          probability_text(largest_failure_probability(result))));
  }
  if (has_kind("lower_only")) {
    line(signs.at_least, "the norm is at least this; no upper end was requested or reached");
  }
  const auto is_reshaped = [](const WeightRow& row) {
    return row.tensor->role == audit::Role::convolution && !row.tensor->operator_norm;
  };
  const auto is_assumed = [](const WeightRow& row) {
    return row.convolution() != nullptr && !row.convolution()->assumed.empty();
  };
  if (any_row(shown, is_assumed)) {
    line(signs.assumed,
         "the largest over all image sizes, with stride and dilation 1 and zero padding assumed where nothing states "
         "them (--stride, --dilation, --padding)");
  }
  if (any_row(shown, is_reshaped)) {
    line(signs.reshaped, "convolution kernel as the reshaped matrix [out, rest], not the convolution's operator norm");
  }
  const auto from_rounding = [](const WeightRow& row) {
    return row.spectrum() != nullptr && row.spectrum()->from_rounding && row.figures()->max_abs > 0;
  };
  const auto is_open = [](const WeightRow& row) {
    return row.spectrum() != nullptr && !row.spectrum()->condition && row.figures()->max_abs > 0;
  };
  if (shows("condition") && any_row(shown, from_rounding)) {
    line(
        signs.rounded,
        "sigma_min is no larger than rounding to storage typically is (condition_beyond_precision has the worst case)");
  }
  if (shows("condition") && any_row(shown, is_open)) line(">", "sigma_min cannot be told from 0");
  if (any_row(shown, saves)) line(signs.saves, "two factors of this rank take fewer parameters than the matrix");
  if (any_row(shown, [](const WeightRow& row) { return row.convolution() != nullptr; })) {
    lines.emplace_back(
        "The operator norm of a convolution is its own, at the image size that the file gives or else the largest over "
        "all sizes; its other figures are those of the kernel reshaped to [out, rest].");
  }
  if (!result.full_spectrum) {
    lines.emplace_back(
        "Quick audit: without the figures that need the full spectrum (sigma_min, condition, ranks, nuclear norm).");
  }
  return lines;
}

}  // namespace sigmax::report
