// Factors for the outputs of a linear map, folded into its weights. Internal to graph/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph::onnx {

/// diag(factors) * map with the factors in the weights, where every product is exactly a double; otherwise nothing. The
/// rows of the map are [batch, channels, positions], with a factor for each channel. Takes dense matrices, convolutions
/// and their transposes, alone or for each image of a batch.
std::optional<Operator<double>> rows_scaled(const Operator<double>& map, const std::vector<double>& factors,
                                            std::int64_t batch);

}  // namespace sigmax::graph::onnx
