// Layers of neurons with linear maps between them: what the matrix inequality of a network's Lipschitz constant is
// about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// A z_source for an A with |A_jk - weight_jk| <= error_jk; an empty `error` stands for zeros. Source 0 is the input,
/// source k the neurons of layers[k - 1]. A bound that is proven holds for every such A: products of weights are known
/// up to rounding (bounds/uncertain_matrix.hpp).
struct NetworkTerm {
  std::size_t source = 0;
  Matrix<double> weight;
  Matrix<double> error{};

  bool operator==(const NetworkTerm&) const = default;
};

/// v = sum of the terms + constants, z_j = f_j(v_j), where every difference quotient of f_j is in [least_j, most_j].
/// The constants do not matter.
struct NeuronLayer {
  std::vector<NetworkTerm> terms;  ///< of sources before this layer, each at most once
  std::vector<double> least;
  std::vector<double> most;

  bool operator==(const NeuronLayer&) const = default;
};

/// y = sum of the terms of `output` + constants. A chain has one term a layer, of the layer before it.
struct LayeredNetwork {
  std::int64_t inputs = 0;
  std::vector<NeuronLayer> layers;
  std::vector<NetworkTerm> output;

  /// Entries of the source's value.
  std::int64_t width(std::size_t source) const {
    return source == 0 ? inputs : static_cast<std::int64_t>(layers[source - 1].least.size());
  }
  std::int64_t outputs() const { return output.empty() ? 0 : output.front().weight.rows(); }
  bool operator==(const LayeredNetwork&) const = default;
};

/// mu of neuron j of layer i (from 0) is values[i][j] 2^(-2 exponents[i]); a network of large or small weights has
/// multipliers beyond the range of double. An empty `exponents` stands for zeros.
struct NetworkMultipliers {
  std::vector<std::vector<double>> values;
  std::vector<std::int64_t> exponents{};
};

/// Throws Error, in the name of `who`, that says which layer is at fault: a source that is not before its layer or
/// occurs twice, shapes that do not fit, slopes with least > most, numbers that are not finite.
void validate(const LayeredNetwork& network, const char* who);

/// In the same way, one list of terms with a matrix of `rows` rows each, reading sources before `end`.
void validate(const LayeredNetwork& network, const std::vector<NetworkTerm>& terms, std::int64_t rows, std::size_t end,
              const char* who);

}  // namespace sigmax
