// The report of an audit in each format. All formats have the same content: the weights with their figures, the skipped
// tensors with their reasons, the outcome of gates, a summary. Each function throws Error if `sort` is not a column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/order.hpp"

namespace sigmax::report {

struct TableOptions {
  std::size_t width = 80;            ///< columns of the terminal; fewer than 40 count as 40
  bool color = false;                ///< use ANSI colors
  bool unicode = true;               ///< false: ASCII only
  Order sort;                        ///< by default the checkpoint's order, grouped by file if there are several
  std::optional<std::size_t> top{};  ///< this many weights; empty: all
  bool verbose = false;              ///< every part and every skipped tensor on its own line
};

/// For a terminal: lines ended by `\n`, none wider than `width`. Shows the weights with as many columns as fit, the
/// meaning of the signs, the skipped tensors and the summary. Control characters in names from files are always spelled
/// out.
std::string render_table(const audit::Result& result, const TableOptions& options = {});

struct CsvOptions {
  Order sort;                        ///< by default the checkpoint's order
  std::optional<std::size_t> top{};  ///< this many weights; empty: all
};

/// CSV as written by write_csv: one line per weight, followed by one line per part; the header holds the JSON names,
/// nested ones joined by `_`. Skipped tensors have no line.
std::string render_csv(const audit::Result& result, const CsvOptions& options = {});

struct JsonOptions {
  std::string version;  ///< of sigmax; empty: null
  std::string command;  ///< the command line; empty: null
  Order sort;           ///< by default the checkpoint's order
  /// This many weights; empty: all. `summary` counts all of them in any case.
  std::optional<std::size_t> top{};
  int indent = 2;  ///< negative: on one line
};

/// JSON as written by write_json, schema `sigmax.audit/1`: docs/json.md and docs/schema/audit-1.schema.json describe
/// it.
std::string render_json(const audit::Result& result, const JsonOptions& options = {});

struct MarkdownOptions {
  Order sort;                        ///< by default the checkpoint's order
  std::optional<std::size_t> top{};  ///< this many weights; empty: all
  bool verbose = false;              ///< every part, and every skipped tensor by name
};

/// Title, summary, gates, the weights, the meaning of the signs, skipped tensors by reason.
std::string render_markdown(const audit::Result& result, const MarkdownOptions& options = {});

struct HtmlOptions {
  std::string version;               ///< of sigmax
  std::string command;               ///< the command line
  std::string date;                  ///< in the form to be shown
  Order sort;                        ///< by default the checkpoint's order
  std::optional<std::size_t> top{};  ///< this many weights; empty: all
};

/// A page with the summary, a chart of sigma_max by weight, every column in a table that sorts and filters, every part,
/// every skipped tensor with its reason, and the files.
std::string render_html(const audit::Result& result, const HtmlOptions& options = {});

}  // namespace sigmax::report
