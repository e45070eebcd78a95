// Facts and tables as JSON: the one place where values become JSON.
#pragma once

#include <string>

#include "sigmax/report/value.hpp"

namespace sigmax::report {

/// The record as one document, ended by `\n`, in ASCII: characters beyond it are `\u` escapes, so that it is safe to
/// print. An indent below 0 writes it on one line.
///
/// Every double is written with the digits, at most 17, that read back as the same double; NaN, infinities and values
/// that do not exist are null. Bytes of a text that are not valid UTF-8 become the text `\xNN`. An enclosure is an
/// object of its `lower`, `upper`, `kind` and `failure_probability`.
std::string write_json(const Record& record, int indent = 2);

}  // namespace sigmax::report
