// The audit as one self-contained page to share: opens from a file, fetches nothing.
#pragma once

#include <cstddef>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::report {

struct HtmlOptions {
  std::string version;  ///< of sigmax
  std::string command;  ///< the command line
  std::string date;     ///< as it is to be shown
  Order sort;           ///< by default the checkpoint's order
  std::size_t top = 0;  ///< so many weights; 0 all
};

/// A page with the summary, a chart of sigma_max by weight, every column in a table that sorts and filters, every part,
/// every skipped tensor with its reason, and the files. It follows the reader's dark or light scheme and prints; the
/// script in it is only for sorting, filtering and folding. Every name is escaped, and a content policy in the page
/// forbids it to load anything.
///
/// Throws Error if `sort` is no column.
std::string render_html(const audit::Result& result, const HtmlOptions& options = {});

}  // namespace sigmax::report
