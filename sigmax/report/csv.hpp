// A table as CSV (RFC 4180).
#pragma once

#include <string>

#include "sigmax/report/table.hpp"

namespace sigmax::report {

/// How line feeds, carriage returns and tabs in a text are written: kept, in a quoted field, or spelled out as `\n`.
enum class ControlCharacters { kept, spelled_out };

/// A header with the keys of the columns that CSV shows, then one line per row, followed by one line per part. Lines
/// end with CR LF. A cell is empty if the value does not exist; numbers read back exactly. Other control characters are
/// spelled out as `\x1b`, so that a terminal does not obey them.
std::string write_csv(const Table& table, ControlCharacters line_feeds = ControlCharacters::kept);

}  // namespace sigmax::report
