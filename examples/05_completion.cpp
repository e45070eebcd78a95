// A table of ratings with holes: the missing entries from a matrix of small nuclear norm, and a proof of how near its
// objective is to the best.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "sigmax/sigmax.hpp"

int main() {
  // A matrix of rank 2. About two of three entries are known, each with an error of 0.01.
  const std::int64_t rows = 60;
  const std::int64_t columns = 45;
  const auto truth = [](std::int64_t i, std::int64_t j) {
    return 0.01 * static_cast<double>((i + 1) * (j + 2)) + (i % 4 < 2 ? 1.0 : -1.0) * static_cast<double>(j % 3);
  };
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<double> value;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      if ((i * i + 3 * j * j + 5 * i * j) % 11 < 4) continue;
      row.push_back(i);
      column.push_back(j);
      value.push_back(truth(i, j) + ((i + j) % 2 == 0 ? 0.01 : -0.01));
    }
  }
  const sigmax::SparseMatrix known({rows, columns}, row, column, value);

  sigmax::Context context;
  sigmax::recovery::RecoveryOptions options;
  options.tolerance = 1e-5;
  const sigmax::recovery::Completion found = sigmax::recovery::soft_impute(known, 0.1, options, context);

  double worst = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) worst = std::max(worst, std::fabs(found.x.at(i, j) - truth(i, j)));
  }
  std::printf("%lld of %lld entries known, rank %lld after %lld steps, largest error of an entry %.3f\n",
              static_cast<long long>(value.size()), static_cast<long long>(rows * columns),
              static_cast<long long>(found.x.rank()), static_cast<long long>(found.iterations), worst);
  std::printf("the optimum lies in [%.6f, %.6f], proven: %s\n", found.optimum.lower.value(),
              found.optimum.upper->value(), found.optimum.is_proven() ? "yes" : "no");
  return found.outcome == sigmax::recovery::RecoveryOutcome::converged && found.optimum.is_proven() ? 0 : 1;
}
