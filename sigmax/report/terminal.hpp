// A document as text for a terminal.
#pragma once

#include <string>

#include "sigmax/report/document.hpp"

namespace sigmax::report {

/// The sections, lines ended by `\n`. Tables and paragraphs stay within the width if possible; paragraphs take at least
/// 40 columns.
std::string write_terminal(const Document& document, const Terminal& to);

}  // namespace sigmax::report
