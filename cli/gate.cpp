#include "cli/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/gate_expression.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/order.hpp"

namespace sigmax::cli {
namespace {

using Node = Gate::Node;

/// The possible values of a figure, from one end to the other; for most figures the ends are equal. `open`: there is no
/// upper end.
struct Range {
  double lower = 0;
  double upper = 0;
  bool open = false;
};

/// Kleene's three-valued logic: `and` is the minimum and `or` the maximum, so a known part can decide despite an
/// unknown one.
enum class Truth { no, unknown, yes };

Truth truth(bool holds) { return holds ? Truth::yes : Truth::no; }
Truth negated(Truth a) { return a == Truth::yes ? Truth::no : a == Truth::no ? Truth::yes : a; }

bool is_enclosed(std::string_view key) { return key == "sigma_max" || key == "lambda_max" || key == "operator_norm"; }

// A convolution has a norm of its own; the norm of any other layer is sigma_max.
std::string_view norm_of_layer(std::string_view key, const audit::TensorResult& tensor) {
  if (tensor.role == audit::Role::convolution) return key;
  if (key == "operator_norm_lower") return "sigma_max_lower";
  if (key == "operator_norm_upper") return "sigma_max_upper";
  return key;
}

std::optional<Range> range_of(const Node& node, const audit::TensorResult& tensor) {
  if (node.column == nullptr) {
    const double count =
        tensor.non_finite ? static_cast<double>(tensor.non_finite->nan + tensor.non_finite->infinite) : 0.0;
    return Range{count, count};
  }
  const bool of_operator = node.key == "operator_norm";
  const Enclosure* const norm = report::WeightRow{&tensor}.operator_norm();
  if (of_operator && norm == nullptr) return std::nullopt;
  if (tensor.figures && is_enclosed(node.key)) {
    const Enclosure& sigma = of_operator ? *norm : tensor.figures->sigma_max;
    Range range{sigma.lower.value(), sigma.upper ? sigma.upper->value() : kInfinity, !sigma.upper};
    // Squares are rounded outward, so that the range remains valid.
    if (node.key == "lambda_max") {
      range.lower = std::nextafter(range.lower * range.lower, 0.0);
      range.upper = std::nextafter(range.upper * range.upper, kInfinity);
    }
    return range;
  }
  // Where rounding to storage may explain sigma_min in the worst case, or the computation cannot tell it from 0, only
  // the least possible condition number is known.
  if (node.key == "condition" && tensor.figures && tensor.figures->spectrum) {
    const audit::SpectrumFigures& spectrum = *tensor.figures->spectrum;
    if (spectrum.beyond_precision || !spectrum.condition) {
      return Range{report::least_condition({&tensor}).value_or(kInfinity), kInfinity};
    }
  }
  const double value = report::sort_value(report::column(norm_of_layer(node.key, tensor)), {&tensor});
  if (std::isnan(value)) return std::nullopt;
  return Range{value, value};
}

// Whether the comparison holds for some value in the range (possible), or for every one.
bool holds(Relation relation, const Range& range, double number, bool possible) {
  const double high = possible ? range.upper : range.lower;
  const double low = possible ? range.lower : range.upper;
  switch (relation) {
    case Relation::greater: return high > number;
    case Relation::greater_equal: return high >= number;
    case Relation::less: return low < number;
    case Relation::less_equal: return low <= number;
    case Relation::equal:
      return possible ? range.lower <= number && number <= range.upper : range.lower == number && range.upper == number;
    case Relation::unequal: return !holds(Relation::equal, range, number, !possible);
  }
  return false;
}

std::string shown(const Range& range) {
  if (range.open) return "at least " + report::round_trip(range.lower);
  if (range.lower == range.upper) return report::round_trip(range.lower);
  return fmt::format("in [{}, {}]", report::round_trip(range.lower), report::round_trip(range.upper));
}

// Figures that do not exist if a weight has no upper end.
bool needs_upper_end(std::string_view key) {
  return key == "sigma_max_upper" || key == "sigma_max_width" || key == "sigma_max_failure_probability" ||
         key == "operator_norm_upper";
}

// Evaluates every comparison, so that the verdict names all figures in the expression.
class Judge {
 public:
  Judge(const audit::TensorResult& tensor, Verdict& verdict) : tensor_(tensor), verdict_(verdict) {}

  Truth operator()(const Node& node, bool possible) {
    switch (node.kind) {
      case Node::Kind::negation: return negated((*this)(*node.left, !possible));
      case Node::Kind::comparison: return compare(node, possible);
      default: break;
    }
    const Truth left = (*this)(*node.left, possible);
    const Truth right = (*this)(*node.right, possible);
    return node.kind == Node::Kind::both ? std::min(left, right) : std::max(left, right);
  }

 private:
  Truth compare(const Node& node, bool possible) {
    const std::optional<Range> range = range_of(node, tensor_);
    if (!range) return unknown(why_missing(node.key), node.key);
    const auto same = [&](const Reading& reading) { return reading.key == node.key; };
    if (std::none_of(verdict_.readings.begin(), verdict_.readings.end(), same)) {
      verdict_.readings.push_back({node.key, shown(*range)});
    }
    const bool met = holds(node.relation, *range, node.number, possible);
    // A missing end may lie anywhere: the result is known only if it is the same for every position.
    if (range->open && met != holds(node.relation, *range, node.number, !possible)) {
      return unknown(Reason::lower_only, node.key);
    }
    return truth(met);
  }

  Reason why_missing(std::string_view key) const {
    if (tensor_.non_finite) return Reason::nan;
    if (tensor_.figures && !tensor_.figures->sigma_max.upper && needs_upper_end(key)) return Reason::lower_only;
    return Reason::missing;
  }

  Truth unknown(Reason reason, const std::string& key) {
    const auto same = [&](const Doubt& doubt) { return doubt.reason == reason && doubt.key == key; };
    if (std::none_of(verdict_.doubts.begin(), verdict_.doubts.end(), same)) verdict_.doubts.push_back({reason, key});
    return Truth::unknown;
  }

  const audit::TensorResult& tensor_;
  Verdict& verdict_;
};

}  // namespace

std::string_view name(Reason reason) noexcept {
  switch (reason) {
    case Reason::unread: return "unread";
    case Reason::nan: return "nan";
    case Reason::empty: return "empty";
    case Reason::missing: return "missing";
    case Reason::lower_only: return "lower-only";
  }
  return "missing";
}

Gate::Gate(std::string source) : source_(std::move(source)) { root_ = parse_expression(source_); }

Verdict Gate::judge(const audit::TensorResult& tensor) const {
  Verdict verdict;
  const Truth met = Judge(tensor, verdict)(*root_, true);
  verdict.tripped = met == Truth::yes;
  if (met != Truth::unknown) verdict.doubts.clear();
  return verdict;
}

std::string column_key(std::string_view spelling) {
  std::string key(spelling);
  std::replace(key.begin(), key.end(), '.', '_');
  if (key == "sigma") return "sigma_max";
  if (key == "sigma_lower" || key == "sigma_upper") return "sigma_max" + key.substr(5);
  return key;
}

}  // namespace sigmax::cli
