// What `sigmax norm` prints: one norm, or a table of them.
#pragma once

#include <string>
#include <vector>

#include "cli/matrix/target.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/norms/catalog.hpp"

namespace sigmax::cli {

/// The matrix, the norm by name, and its ends.
std::string norm_as_text(const NamedMatrix& named, const norms::NormResult& result, const Style& style);

/// `ord`, `meaning`, `value`, `lower`, `upper`, `kind`, `failure_probability` and `method`, with the matrix.
std::string norm_as_json(const NamedMatrix& named, const Target& target, const norms::NamedResult& result);

/// One line a norm, and the meaning of the signs.
std::string norms_as_table(const NamedMatrix& named, const std::vector<norms::NamedResult>& results,
                           const Style& style);

/// As norm_as_json(), with a list `norms`.
std::string norms_as_json(const NamedMatrix& named, const Target& target,
                          const std::vector<norms::NamedResult>& results);

/// The convolution, its norm and the theorems behind the ends.
std::string convolution_as_text(const NamedConvolution& named, const ConvolutionNorm& norm, const Style& style);

/// The members of norm_as_json(), with `operator_norm` as in a report.
std::string convolution_as_json(const NamedConvolution& named, const Target& target, const ConvolutionNorm& norm);

}  // namespace sigmax::cli
