// Proximal maps and projections of mixed norms, of the lines of a matrix: its rows or its columns. Internal to norms/.
#pragma once

#include <vector>

#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// The rows or the columns of a matrix.
using Lines = std::vector<std::vector<double>>;

/// argmin 1/2 |Y - X|_F^2 + lambda |Y|_{p,q}, |.|_{p,q} the q-norm of the p-norms of the lines.
Lines proximal_lines(const Lines& lines, const Mixed& n, double lambda);

/// The nearest lines with |Y|_{p,q} <= radius.
Lines project_lines(const Lines& lines, const Mixed& n, double radius);

}  // namespace sigmax::norms
