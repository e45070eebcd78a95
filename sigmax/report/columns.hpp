// The columns of an audit. Adding a figure takes one line in columns.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/table.hpp"
#include "sigmax/report/text.hpp"
#include "sigmax/report/weight_row.hpp"

namespace sigmax::report {

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

}  // namespace sigmax::report
