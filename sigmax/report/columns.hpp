// The columns of an audit: a new figure is one line in columns.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/table.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

/// A line of a report: a weight as a whole, or one of its parts.
struct WeightRow {
  const audit::TensorResult* tensor = nullptr;
  const audit::Part* part = nullptr;

  std::int64_t rows() const noexcept { return part != nullptr ? part->rows : tensor->rows; }
  std::int64_t columns() const noexcept { return part != nullptr ? part->columns : tensor->columns; }
  std::int64_t batch() const noexcept { return part != nullptr ? 1 : tensor->batch; }
  /// Null if the weight has non-finite entries.
  const audit::Figures* figures() const noexcept;
  /// Null if there are no figures, and under `quick`.
  const audit::SpectrumFigures* spectrum() const noexcept;
};

/// A column of the audit's table, and how its cells come from a weight.
struct WeightColumn : Column {
  using Read = Value (*)(const WeightRow&);
  using Show = std::string (*)(const WeightRow&, const Glyphs&);

  WeightColumn(std::string_view name, std::string_view title, std::string_view meaning, Alignment aligned,
               unsigned shown_in, int rank, Read read, Show show = nullptr)
      : Column{name, title, meaning, aligned, shown_in, rank}, value(read), text(show) {}

  Read value;
  Show text;  ///< the cell for people; null shows the value
};

/// All columns in their order on the page.
const std::vector<WeightColumn>& columns();

/// Those of one use.
std::vector<const WeightColumn*> columns_for(Use use);

/// Throws Error naming the keys that exist if there is none called `key`.
const WeightColumn& column(std::string_view key);

/// The cell for people: never empty, never with control characters.
std::string cell_text(const WeightColumn& column, const WeightRow& row, const Glyphs& glyphs);

/// The number by which a figure is compared: infinite for a condition number beyond the stored precision. NaN if there
/// is none.
double sort_value(const WeightColumn& column, const WeightRow& row);

/// The order of a report: by the column of a key, or as the checkpoint has the weights if there is none. Figures
/// descend and text ascends unless a direction is given.
struct Order {
  Order() = default;
  Order(const char* by) : key(by) {}  // NOLINT(google-explicit-constructor): a key is an order
  Order(std::string_view by, std::optional<bool> ascends) : key(by), ascending(ascends) {}

  bool empty() const noexcept { return key.empty(); }

  std::string key;
  std::optional<bool> ascending;
};

/// Weights in the order of a report, ties in the checkpoint's order. Sorted by a figure, weights with non-finite
/// entries come first in either direction, since no figure is worse, and weights without the figure last. Condition
/// numbers beyond the stored precision, infinite as figures, are ordered by the bounds that are shown for them. `top`
/// keeps so many, 0 all.
///
/// Throws Error if `sort` is no column.
std::vector<const audit::TensorResult*> select(const audit::Result& result, const Order& sort, std::size_t top);

/// The condition number, or the least that it may be where it lies beyond the stored precision: sigma_max / (u |W|_F).
/// Nothing where the spectrum is not known, and of the zero matrix.
std::optional<double> least_condition(const WeightRow& row);

/// `512x128`, `8x[512x128]`.
std::string matrix_text(const WeightRow& row);

/// `3 NaN, 1 infinite, first at [12, 7]`.
std::string non_finite_text(const audit::NonFinite& entries);
}  // namespace sigmax::report
