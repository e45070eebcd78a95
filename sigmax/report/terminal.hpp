// The audit as a table for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::report {

struct TableOptions {
  std::size_t width = 80;  ///< columns of the terminal; fewer than 40 are taken for 40
  bool color = false;      ///< ANSI colors
  bool unicode = true;     ///< false: ASCII alone
  Order sort;              ///< by default the checkpoint's order, grouped by file if there are several
  std::size_t top = 0;     ///< so many weights; 0 all
  bool verbose = false;    ///< every part and every skipped tensor on its own line
};

/// The whole report, lines ended by `\n`, none wider than `width`: the weights with as many columns as fit, what the
/// signs mean, the skipped tensors with their reasons, the summary. Names from files reach the terminal only with their
/// control characters spelled out.
///
/// Throws Error if `sort` is no column.
std::string render_table(const audit::Result& result, const TableOptions& options = {});

}  // namespace sigmax::report
