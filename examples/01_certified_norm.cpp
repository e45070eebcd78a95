// The largest singular value of a matrix, with proof.
#include <cstdio>
#include <vector>

#include "sigmax/sigmax.hpp"

int main() {
  const std::vector<float> values = {2, -1, 0, 1, 3, 1};                // 2 rows of 3, read where they are
  const sigmax::Enclosure sigma_max = sigmax::sigma_max(values, 2, 3);  // or of a tensor, or of an operator
  std::printf("sigma_max is at least %.17g\n", sigma_max.lower.value());
  std::printf("      and is at most  %.17g\n", sigma_max.upper->value());
  std::printf("proven: %s\n", sigma_max.is_proven() ? "yes" : "no");
}
