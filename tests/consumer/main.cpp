// Certified norms of the weights of a checkpoint: a program that knows sigmax only as it is installed.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/ops/dense.hpp"

int main(int, char** arguments) {
  int certified = 0;
  for (const auto& entry : sigmax::io::open_checkpoint(arguments[1]).entries) {
    if (entry.shape.size() != 2) continue;
    const auto weight = sigmax::dense<double>(entry.load());
    const auto sigma_max = sigmax::certify(*weight, sigmax::svd(*weight));
    const double upper = sigma_max.upper ? sigma_max.upper->value() : HUGE_VAL;
    std::printf("%s: %.17g <= sigma_max <= %.17g\n", entry.name.c_str(), sigma_max.lower.value(), upper);
    certified += sigma_max.lower.value() > 0 && sigma_max.relative_width() < 1e-6;
  }
  return certified > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
