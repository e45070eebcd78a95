// The one table of columns that every report is made of: a new figure is one line in columns.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

/// A line of a report: a weight as a whole, or one of its parts.
struct Row {
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

/// One cell as data. monostate: the value does not exist.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

enum class Alignment {
  left,
  right,
  decimal,  ///< on the decimal point, a sign after a blank kept apart
};

/// Which reports show a column.
enum Use : unsigned {
  table = 1,   ///< what people read: terminal, Markdown, HTML
  data = 2,    ///< CSV
  figure = 4,  ///< JSON, for a weight and for each of its parts
};

struct Column {
  std::string_view key;      ///< the JSON name, flattened with `_`
  std::string_view heading;  ///< at most two words; a terminal breaks it at the blank
  std::string_view help;     ///< one sentence: formula and what it tells
  Alignment alignment = Alignment::right;
  unsigned uses = 0;
  int priority = 0;  ///< tables for people: narrower ones leave out the higher numbers
  Value (*value)(const Row&) = nullptr;
  /// The cell for people; null shows the value, doubles with five significant digits.
  std::string (*text)(const Row&, const Glyphs&) = nullptr;
};

/// All columns in their order on the page.
const std::vector<Column>& columns();

/// Those of one use.
std::vector<const Column*> columns_for(Use use);

/// Throws Error naming the keys that exist if there is none called `key`.
const Column& column(std::string_view key);

/// The cell for people: never empty, never with control characters.
std::string cell_text(const Column& column, const Row& row, const Glyphs& glyphs);

/// The number by which a figure is compared: infinite for a condition number beyond the stored precision. NaN if there
/// is none.
double sort_value(const Column& column, const Row& row);

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
std::optional<double> least_condition(const Row& row);

/// `512x128`, `8x[512x128]`.
std::string matrix_text(const Row& row);

/// `3 NaN, 1 infinite, first at [12, 7]`.
std::string non_finite_text(const audit::NonFinite& entries);

/// `proven`, `probabilistic` or `lower_only`.
std::string_view kind(const Enclosure& enclosure) noexcept;

}  // namespace sigmax::report
