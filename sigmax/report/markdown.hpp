// A document as GitHub-flavored Markdown, for issues, pull requests and model cards.
#pragma once

#include <string>
#include <string_view>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

/// The sections, a blank line between them. Names are code spans in which nothing is markup:
/// neither HTML, nor a pipe, a mention or a link. Detail::all: every part, and every name of a group.
std::string write_markdown(const Document& document, Detail detail = Detail::usual);

/// `text` as a code span that shows it literally, inside a table too.
std::string markdown_code(std::string_view text);

}  // namespace sigmax::report
