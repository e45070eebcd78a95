// The audit as JSON, schema `sigmax.audit/1`: docs/json.md and docs/schema/audit-1.schema.json describe it.
#pragma once

#include <cstddef>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::report {

struct JsonOptions {
  std::string version;  ///< of sigmax; empty: null
  std::string command;  ///< the command line; empty: null
  Order sort;           ///< by default the checkpoint's order
  std::size_t top = 0;  ///< so many weights; 0 all. `summary` counts all of them in any case
  int indent = 2;       ///< negative: on one line
};

/// The document, ended by `\n`, in ASCII: characters beyond it are `\u` escapes, so that it is safe to print.
///
/// Every double is written with the digits, at most 17, that read back as the same double; NaN, infinities and values
/// that do not exist are null. Names are the tensors' own; bytes that are not valid UTF-8 become the text `\xNN`.
/// Throws Error if `sort` is no column.
std::string render_json(const audit::Result& result, const JsonOptions& options = {});

}  // namespace sigmax::report
