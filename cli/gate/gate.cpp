#include "cli/gate/gate.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "sigmax/core/infinity.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/order.hpp"

namespace sigmax::cli {
namespace {

constexpr std::string_view kNonFinite = "nonfinite";

const Vocabulary& vocabulary() {
  static const Vocabulary kVocabulary = [] {
    Vocabulary all{
        {std::string(kNonFinite)}, column_key, "sigma_max or condition", "; to find such entries write nonfinite > 0"};
    for (const report::WeightColumn& column : report::columns()) {
      if (column.alignment == report::Alignment::left && column.key != "condition_beyond_precision" &&
          column.key != "condition_from_rounding") {
        continue;
      }
      all.keys.emplace_back(column.key);
    }
    return all;
  }();
  return kVocabulary;
}

bool is_enclosed(std::string_view key) { return key == "sigma_max" || key == "lambda_max" || key == "operator_norm"; }

// A convolution has a norm of its own; the norm of any other layer is sigma_max.
std::string_view norm_of_layer(std::string_view key, const audit::TensorResult& tensor) {
  if (tensor.role == audit::Role::convolution) return key;
  if (key == "operator_norm_lower") return "sigma_max_lower";
  if (key == "operator_norm_upper") return "sigma_max_upper";
  return key;
}

std::optional<FigureRange> range_of(const std::string& key, const audit::TensorResult& tensor) {
  if (key == kNonFinite) {
    const double count =
        tensor.non_finite ? static_cast<double>(tensor.non_finite->nan + tensor.non_finite->infinite) : 0.0;
    return FigureRange{count, count};
  }
  const bool of_operator = key == "operator_norm";
  const Enclosure* const norm = report::WeightRow{&tensor}.operator_norm();
  if (of_operator && norm == nullptr) return std::nullopt;
  if (tensor.figures && is_enclosed(key)) {
    const Enclosure& sigma = of_operator ? *norm : tensor.figures->sigma_max;
    FigureRange range{sigma.lower.value(), sigma.upper ? sigma.upper->value() : kInfinity, !sigma.upper};
    // Squares are rounded outward, so that the range remains valid.
    if (key == "lambda_max") {
      range.lower = std::nextafter(range.lower * range.lower, 0.0);
      range.upper = std::nextafter(range.upper * range.upper, kInfinity);
    }
    return range;
  }
  // Where rounding to storage may explain sigma_min in the worst case, or the computation cannot tell it from 0, only
  // the least possible condition number is known.
  if (key == "condition" && tensor.figures && tensor.figures->spectrum) {
    const audit::SpectrumFigures& spectrum = *tensor.figures->spectrum;
    if (spectrum.beyond_precision || !spectrum.condition) {
      return FigureRange{report::least_condition({&tensor}).value_or(kInfinity), kInfinity};
    }
  }
  const double value = report::sort_value(report::column(norm_of_layer(key, tensor)), {&tensor});
  if (std::isnan(value)) return std::nullopt;
  return FigureRange{value, value};
}

// Figures that do not exist if a weight has no upper end.
bool needs_upper_end(std::string_view key) {
  return key == "sigma_max_upper" || key == "sigma_max_width" || key == "sigma_max_failure_probability" ||
         key == "operator_norm_upper";
}

Reason why_missing(std::string_view key, const audit::TensorResult& tensor) {
  if (tensor.non_finite) return Reason::nan;
  if (tensor.figures && !tensor.figures->sigma_max.upper && needs_upper_end(key)) return Reason::lower_only;
  return Reason::missing;
}

}  // namespace

Gate::Gate(std::string source) : source_(std::move(source)) { root_ = parse_expression(source_, vocabulary()); }

Verdict Gate::judge(const audit::TensorResult& tensor) const {
  return cli::judge(*root_, [&](const std::string& key) -> std::variant<FigureRange, Reason> {
    if (const auto range = range_of(key, tensor)) return *range;
    return why_missing(key, tensor);
  });
}

std::string column_key(std::string_view spelling) {
  std::string key(spelling);
  std::replace(key.begin(), key.end(), '.', '_');
  if (key == "sigma") return "sigma_max";
  if (key == "sigma_lower" || key == "sigma_upper") return "sigma_max" + key.substr(5);
  return key;
}

}  // namespace sigmax::cli
