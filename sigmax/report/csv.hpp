// A table as CSV (RFC 4180).
#pragma once

#include <string>

#include "sigmax/report/table.hpp"

namespace sigmax::report {

/// What becomes of line feeds, carriage returns and tabs in a text: kept, in a quoted field, or spelled out as `\n`.
enum class ControlCharacters { kept, spelled_out };

/// The keys of the columns that CSV shows, then one line a row and, after it, one a part. Lines end with CR LF. A cell
/// is empty where the value does not exist; numbers read back exactly. Other control characters are spelled out as
/// `\x1b`, so that a terminal does not obey them.
std::string write_csv(const Table& table, ControlCharacters line_feeds = ControlCharacters::kept);

}  // namespace sigmax::report
