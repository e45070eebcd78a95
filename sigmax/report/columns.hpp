// The columns of an audit. Adding a figure takes one line in columns.cpp.
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
  /// The norm of the linear map that the weight is for: of a convolution its own, of anything else sigma_max. Null if
  /// it is not known.
  const Enclosure* operator_norm() const noexcept;
  /// Null for anything but a convolution that was measured as an operator, and for its parts.
  const audit::OperatorNorm* convolution() const noexcept;
};

/// A column of the audit's table, with the functions that make its cells from a weight.
struct WeightColumn : Column {
  using Read = Value (*)(const WeightRow&);
  using Show = std::string (*)(const WeightRow&, const Glyphs&);

  WeightColumn(std::string_view name, std::string_view title, std::string_view meaning, Alignment aligned,
               unsigned shown_in, int rank, Read read, Show show = nullptr)
      : Column{name, title, meaning, aligned, shown_in, rank}, value(read), text(show) {}

  Read value;
  Show text;  ///< the cell for people; null shows the value
};

/// All columns, in the order of the page.
const std::vector<WeightColumn>& columns();

/// Whether a convolution of the result was measured as an operator.
bool has_operator_norms(const audit::Result& result) noexcept;

/// The columns of one use.
std::vector<const WeightColumn*> columns_for(Use use);

/// The column with that key. Throws Error that lists the existing keys if there is none.
const WeightColumn& column(std::string_view key);

/// The cell's text for people: never empty, without control characters.
std::string cell_text(const WeightColumn& column, const WeightRow& row, const Glyphs& glyphs);

/// The number by which a figure is compared: infinite for a condition number whose sigma_min cannot be told from 0. NaN
/// if there is none.
double sort_value(const WeightColumn& column, const WeightRow& row);

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

/// The least condition number that the weight may have had before it was rounded to storage, in the worst case: that of
/// the stored matrix; if sigma_min is at most u |W|_F, also no more than sigma_max / (u |W|_F); and where sigma_min
/// cannot be told from 0, no more than the computation can tell. Gates go by it. Nothing if the spectrum is not known,
/// and for the zero matrix.
std::optional<double> least_condition(const WeightRow& row);

/// `512x128`, `8x[512x128]`.
std::string matrix_text(const WeightRow& row);

/// `3 NaN, 1 infinite, first at [12, 7]`.
std::string non_finite_text(const audit::NonFinite& entries);
}  // namespace sigmax::report
