// The norm of a convolution as data and in words.
#pragma once

#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::report {

/// The member `operator_norm` of a report: the enclosure, and the convolution that it is of.
Record record_of(const audit::OperatorNorm& norm);

/// `28x28, stride 2`, `any size`: the image and what is unusual about the convolution.
std::string convolution_text(const audit::OperatorNorm& norm);

}  // namespace sigmax::report
