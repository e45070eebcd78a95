#include "sigmax/report/order.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sigmax::report {
namespace {

bool is_figure(const WeightColumn& c) { return c.alignment != Alignment::left; }

}  // namespace

double sort_value(const WeightColumn& c, const WeightRow& row) {
  const Value value = c.value(row);
  if (value.as<Enclosure>() != nullptr) {
    const bool own = c.key == "operator_norm" && row.convolution() != nullptr;
    return own ? row.convolution()->estimate : row.figures()->sigma_max_estimate;
  }
  if (c.key == "condition" && row.spectrum() != nullptr && !row.spectrum()->condition) {
    return std::numeric_limits<double>::infinity();
  }
  return rank_of(value);
}

std::vector<const audit::TensorResult*> select(const audit::Result& result, const Order& sort,
                                               std::optional<std::size_t> top) {
  std::vector<const audit::TensorResult*> chosen;
  for (const audit::TensorResult& tensor : result.tensors) chosen.push_back(&tensor);
  if (!sort.empty()) {
    const WeightColumn& by = column(sort.key);
    const bool ascending = sort.ascending.value_or(!is_figure(by));
    // Groups in order: 0 non-finite weights, 1 weights with the figure, 2 weights without it.
    const auto group = [&](const audit::TensorResult* t) {
      if (t->non_finite) return 0;
      return std::isnan(sort_value(by, {t})) ? 2 : 1;
    };
    const auto less = [&](const audit::TensorResult* a, const audit::TensorResult* b) {
      if (!is_figure(by)) return plain_text(by.value({a})) < plain_text(by.value({b}));
      const double left = sort_value(by, {a}), right = sort_value(by, {b});
      if (left != right || by.key != "condition") return left < right;
      // The zero matrix, which is known to be singular, comes first.
      const auto shown = [](const audit::TensorResult* t) {
        return t->figures->max_abs > 0 ? computable_condition({t}) : std::numeric_limits<double>::infinity();
      };
      return shown(a) < shown(b);
    };
    std::stable_sort(chosen.begin(), chosen.end(), [&](const auto* a, const auto* b) {
      if (is_figure(by) && group(a) != group(b)) return group(a) < group(b);
      if (is_figure(by) && group(a) != 1) return false;
      return ascending ? less(a, b) : less(b, a);
    });
  }
  if (top && *top < chosen.size()) chosen.resize(*top);
  return chosen;
}

}  // namespace sigmax::report
