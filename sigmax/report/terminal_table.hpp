// The layout of a table on a terminal: which columns fit, how wide they are, and the lines. Internal to report/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

std::string toned(const Terminal& terminal, std::string_view text, Tone tone);

/// `text` on as many lines as needed, indented by `indent` blanks, and all lines after the first by `hang` more.
std::string paragraph(const Terminal& terminal, std::string_view text, Tone tone, std::size_t hang = 0,
                      std::size_t indent = 0);

/// The lines of a table. Columns are added by priority while they fit: essential ones as long as the first column keeps
/// a width of 16, the others as long as it keeps 36 or three tenths of the line.
std::string write_terminal_table(const Table& table, const Terminal& terminal);

/// The keys of the columns that fit, without the first one, which always fits.
std::vector<std::string_view> columns_that_fit(const Table& table, const Terminal& terminal);

}  // namespace sigmax::report
