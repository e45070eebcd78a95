// A document as one self-contained page to share: it opens from a file and fetches nothing.
#pragma once

#include <string>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

/// The sections, the Title first. A table with a figure has a chart above it and can be sorted and filtered. The page
/// follows the reader's dark or light scheme and is printable; its script only sorts, filters and folds. All text is
/// escaped, and a content policy in the page forbids it to load anything.
std::string write_html(const Document& document);

}  // namespace sigmax::report
