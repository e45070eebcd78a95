// The audit as CSV (RFC 4180).
#pragma once

#include <cstddef>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::report {

struct CsvOptions {
  Order sort;           ///< by default the checkpoint's order
  std::size_t top = 0;  ///< so many weights; 0 all
};

/// One line a weight and, after it, one a part; the header holds the JSON names, nested ones joined by `_`. Lines end
/// with CR LF. A cell is empty where the value does not exist; doubles read back exactly. Skipped tensors have no
/// line.
///
/// Line feeds, carriage returns and tabs in names stay as they are, quoted; other control characters are spelled out as
/// `\x1b`, so that a terminal does not obey them. Throws Error if `sort` is no column.
std::string render_csv(const audit::Result& result, const CsvOptions& options = {});

}  // namespace sigmax::report
