// Which weights a report shows, and in which order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/weight_row.hpp"

namespace sigmax::report {

/// The order of a report: by the column of `key`, or the checkpoint's order if the key is empty. Unless a direction is
/// given, figures descend and text ascends.
struct Order {
  Order() = default;
  Order(const char* by) : key(by) {}  // NOLINT(google-explicit-constructor): a key is an order
  Order(std::string_view by, std::optional<bool> ascends) : key(by), ascending(ascends) {}

  bool empty() const noexcept { return key.empty(); }

  std::string key;
  std::optional<bool> ascending;
};

/// Weights in the order of a report, ties in the checkpoint's order. In a sort by a figure, in either direction,
/// weights with non-finite entries come first, since no figure is worse, and weights without the figure come last.
/// Condition numbers whose sigma_min cannot be told from 0 are infinite as figures; they are ordered by the bounds that
/// are shown for them. `top` is the number of weights to keep; empty: all.
///
/// Throws Error if `sort` is not a column.
std::vector<const audit::TensorResult*> select(const audit::Result& result, const Order& sort,
                                               std::optional<std::size_t> top);

/// The number by which a figure is compared: infinite for a condition number whose sigma_min cannot be told from 0. NaN
/// if there is none.
double sort_value(const WeightColumn& column, const WeightRow& row);

}  // namespace sigmax::report
