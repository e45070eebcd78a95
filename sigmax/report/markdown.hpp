// A document as GitHub-flavored Markdown, for issues, pull requests and model cards.
#pragma once

#include <string>
#include <string_view>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

/// The sections, separated by blank lines. Names are code spans in which nothing is read as markup: no HTML, pipe,
/// mention or link. Detail::all shows every part, and every name of a group.
std::string write_markdown(const Document& document, Detail detail = Detail::usual);

/// `text` as a code span that shows it literally, also inside a table.
std::string markdown_code(std::string_view text);

}  // namespace sigmax::report
