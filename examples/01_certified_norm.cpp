// The largest singular value of a matrix, with proof.
#include <cstdio>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

int main() {
  const double values[] = {2, -1, 0, 1, 3, 1};
  const auto a = sigmax::dense<double>(sigmax::Tensor::copy_of(values, {2, 3}));
  const auto top = sigmax::svd(*a);                              // sigma, u, v by Lanczos
  const sigmax::Enclosure sigma_max = sigmax::certify(*a, top);  // what is proven about it
  std::printf("sigma_max is at least %.17g and at most %.17g\n", sigma_max.lower.value(), sigma_max.upper->value());
  std::printf("proven: %s\n", sigma_max.is_proven() ? "yes" : "no");
}
