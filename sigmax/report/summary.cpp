#include "sigmax/report/summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
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

std::string operator_sentence(const audit::Result& result) {
  const OperatorProofs count = operator_proofs(result);
  if (count.measured == 0) return {};
  return fmt::format(" Operator norms of {}: {} proven.", plural(count.measured, "convolution"), count.proven);
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
  return sentence + "." + operator_sentence(result);
}

std::string cell_and_name(std::string_view key, const audit::TensorResult& tensor, const Glyphs& signs) {
  return fmt::format("{} in {}", cell_text(column(key), {&tensor}, signs),
                     name_in_sentence(tensor.name, signs.unicode));
}

// `, or up to 2.34 in conv.weight`: a weight whose enclosure ends above that of the largest estimate.
std::string other_largest(const std::vector<const audit::TensorResult*>& by_estimate, const Glyphs& signs) {
  const auto upper = [](const audit::TensorResult* tensor) {
    const Enclosure& norm = *WeightRow{tensor}.operator_norm();
    return norm.upper ? norm.upper->value() : std::numeric_limits<double>::infinity();
  };
  const auto* const highest = *std::ranges::max_element(by_estimate, {}, upper);
  const double end = upper(highest);
  if (end == upper(by_estimate.front())) return {};
  const std::string name = name_in_sentence(highest->name, signs.unicode);
  if (std::isinf(end)) return fmt::format(", or more in {}", name);
  return fmt::format(", or up to {} in {}", significant(end, 3, Rounding::up), name);
}

std::string largest_stretch(const audit::Result& result, const Glyphs& signs) {
  const bool has_norms = has_operator_norms(result);
  const std::string key = has_norms ? "operator_norm" : "sigma_max";
  std::vector<const audit::TensorResult*> measured = select(result, key.c_str(), {});
  std::erase_if(measured, [](const audit::TensorResult* tensor) {
    return !tensor->figures || WeightRow{tensor}.operator_norm() == nullptr;
  });
  if (measured.empty()) return {};
  return fmt::format("Largest {} {}{}", has_norms ? "operator norm" : "sigma_max",
                     cell_and_name(key, *measured.front(), signs), other_largest(measured, signs));
}

// `stride 1, zero padding (--stride, --padding)`: all that is assumed about a convolution; empty if nothing is.
std::string what_is_assumed(const std::vector<const audit::TensorResult*>& shown) {
  struct Assumption {
    std::string_view of, text, option;
    std::optional<bool> with_zeros;  // whether the padding mode is zeros; nothing: any mode
  };
  constexpr Assumption kAssumptions[] = {
      {"stride", "stride 1", "--stride", std::nullopt},
      {"dilation", "dilation 1", "--dilation", std::nullopt},
      {"padding", "zero padding", "--padding", true},
      {"padding", "padding that keeps the size", "--padding", false},
      {"output_padding", "output padding 0", "--geometry", std::nullopt},
  };
  std::vector<std::string_view> texts, options;
  for (const Assumption& assumption : kAssumptions) {
    const bool occurs = any_row(shown, [&](const WeightRow& row) {
      const audit::OperatorNorm* norm = row.convolution();
      return norm != nullptr &&
             assumption.with_zeros.value_or(norm->padding_mode == "zeros") == (norm->padding_mode == "zeros") &&
             std::find(norm->assumed.begin(), norm->assumed.end(), assumption.of) != norm->assumed.end();
    });
    if (!occurs) continue;
    texts.push_back(assumption.text);
    if (options.empty() || options.back() != assumption.option) options.push_back(assumption.option);
  }
  return texts.empty() ? "" : fmt::format("{} ({})", fmt::join(texts, ", "), fmt::join(options, ", "));
}

// At which image sizes the operator norms are; empty if there are none.
std::string_view sizes_of_norms(const std::vector<const audit::TensorResult*>& shown) {
  const auto any = [&](bool has_size) {
    return any_row(shown, [has_size](const WeightRow& row) {
      return row.convolution() != nullptr && row.convolution()->input_size.empty() != has_size;
    });
  };
  const bool at_one = any(true), at_all = any(false);
  if (at_one && at_all) return "at the image size where that is known, and otherwise the largest over all sizes";
  if (at_one) return "at the image size that the file or an option gives";
  return at_all ? "the largest over all image sizes" : std::string_view();
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

OperatorProofs operator_proofs(const audit::Result& result) {
  OperatorProofs count;
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!tensor.operator_norm) continue;
    ++count.measured;
    if (tensor.operator_norm->norm.is_proven()) ++count.proven;
  }
  return count;
}

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
  const bool has_norms = has_operator_norms(result);
  const auto has_kind = [&](std::string_view wanted) {
    return any_row(shown, [&](const WeightRow& row) {
      const Enclosure* norm = has_norms && shows("operator_norm") ? row.operator_norm() : nullptr;
      return (row.figures() != nullptr && shows("sigma_max") && kind(row.figures()->sigma_max) == wanted) ||
             (norm != nullptr && kind(*norm) == wanted);
    });
  };
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
  const std::string assumed = what_is_assumed(shown);
  if (!assumed.empty()) line(signs.assumed, "assumed, because nothing states it: " + assumed);
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
  const std::string_view sizes = sizes_of_norms(shown);
  if (!sizes.empty()) {
    lines.push_back(
        fmt::format("The operator norm of a convolution is its own, {}; its other figures are those of the kernel "
                    "reshaped to [out, rest].",
                    sizes));
  }
  if (!result.full_spectrum) {
    lines.emplace_back(
        "Quick audit: without the figures that need the full spectrum (sigma_min, condition, ranks, nuclear norm).");
  }
  return lines;
}

}  // namespace sigmax::report
