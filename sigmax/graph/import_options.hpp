// What a file of a network leaves open.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::graph {

struct ImportOptions {
  /// Shapes of inputs by name. Where the file states a number, it must be the same.
  std::map<std::string, Dimensions> input_shapes{};

  /// Inputs that are constants instead, such as a sampling rate, of any type of numbers.
  std::map<std::string, Tensor> input_values{};

  /// Inputs that are constants with all entries the same. The number must be whole where the input holds integers.
  std::map<std::string, double> input_numbers{};

  /// The outputs that count, by name, in this order; empty: all of them.
  std::vector<std::string> outputs{};
};

}  // namespace sigmax::graph
