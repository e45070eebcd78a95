// The tensors of a checkpoint as a table, JSON (schema `sigmax.ls/1`), CSV and Markdown.
#pragma once

#include <string>
#include <vector>

#include "cli/options.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::cli {

using Entries = std::vector<const io::Entry*>;

/// Lines fit in `style.width`; byte offsets are shown with `options.common.verbose`. Unreadable tensors are repeated
/// below the table, with the reason.
std::string list_as_table(const io::Checkpoint& checkpoint, const Entries& entries, const Style& style,
                          const ListOptions& options);

/// `schema`, `model`, and `tensors` with name, shape, dtype, elements, bytes, offset, file, provenance and unreadable
/// (null where they do not exist).
std::string list_as_json(const io::Checkpoint& checkpoint, const Entries& entries);

/// The fields of list_as_json, one line per tensor.
std::string list_as_csv(const Entries& entries);

std::string list_as_markdown(const Entries& entries);

}  // namespace sigmax::cli
