// Every public function that computes, each as what it gives on matrices with subnormal entries and long sums.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/context.hpp"

namespace sigmax {

struct EntryFunction {
  std::string name;
  /// Its arguments are made before, whatever is called later; what comes back is compared bit for bit.
  std::function<std::vector<double>(Context&)> call;
};

std::vector<EntryFunction> entry_functions();

}  // namespace sigmax
