// Facts and tables as JSON. Values become JSON only here.
#pragma once

#include <string>

#include "sigmax/report/value.hpp"

namespace sigmax::report {

/// The record as one document, ended by `\n`, in ASCII: other characters are written as `\u` escapes, so that the
/// document is safe to print. A negative indent writes it on one line.
///
/// Every double is written with as many digits, at most 17, as it takes to read back the same double; NaN, infinities
/// and values that do not exist are null. Bytes of a text that are not valid UTF-8 become the text `\xNN`. An enclosure
/// is an object with `lower`, `upper`, `kind` and `failure_probability`.
std::string write_json(const Record& record, int indent = 2);

}  // namespace sigmax::report
