// A document as one self-contained page to share: opens from a file, fetches nothing.
#pragma once

#include <string>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

/// The sections, the Title first. A table with a figure has a chart above it, and sorts and filters.
/// The page follows the reader's dark or light scheme and prints; the script in it is only for sorting, filtering and
/// folding. Every text is escaped, and a content policy in the page forbids it to load anything.
std::string write_html(const Document& document);

}  // namespace sigmax::report
