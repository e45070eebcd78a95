// The audit as GitHub-flavoured Markdown, for issues, pull requests and model cards.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::report {

struct MarkdownOptions {
  Order sort;            ///< by default the checkpoint's order
  std::size_t top = 0;   ///< so many weights; 0 all
  bool verbose = false;  ///< every part, and every skipped tensor by name
};

/// Title, table, what the signs mean, skipped tensors by reason, summary. Names are code spans in which nothing is
/// markup: neither HTML, nor a pipe, a mention or a link.
///
/// Throws Error if `sort` is no column.
std::string render_markdown(const audit::Result& result, const MarkdownOptions& options = {});

/// `text` as a code span that shows it literally, inside a table too.
std::string markdown_code(std::string_view text);

}  // namespace sigmax::report
