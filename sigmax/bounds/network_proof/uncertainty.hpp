// What the errors of a network's weights may take from P. Internal to bounds/.
#pragma once

#include <vector>

#include "sigmax/bounds/network_proof/scaled.hpp"

namespace sigmax::bounds {

/// For each block and variable an r_j such that P(W + E) >= P(W) - diag(r) for all E within the errors; empty if all
/// weights are exact.
std::vector<std::vector<double>> uncertainty(const ScaledNetwork& network);

/// At least the Frobenius norm of the errors of all terms.
double error_norm(const std::vector<NetworkTerm>& terms);

}  // namespace sigmax::bounds
