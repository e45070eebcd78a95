#include "sigmax/lipschitz/walk/matrix_sums.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::lipschitz {

MatrixSums sums_of_box(const graph::Box& x, std::int64_t batch, std::int64_t rows, std::int64_t columns,
                       const Limit& row_sum) {
  MatrixSums most;
  for (std::int64_t t = 0; t < batch; ++t) {
    std::vector<double> down_columns(static_cast<std::size_t>(columns), 0.0);
    double along_rows = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        const double each = graph::magnitude(x[static_cast<std::size_t>((t * rows + i) * columns + j)]);
        sum = graph::up(sum + each);
        double& column = down_columns[static_cast<std::size_t>(j)];
        column = graph::up(column + each);
      }
      along_rows = std::max(along_rows, sum);
    }
    const double down = down_columns.empty() ? 0 : *std::ranges::max_element(down_columns);
    const Limit across = lesser(limit(along_rows), row_sum);
    const Limit squared = across * limit(down);
    most.columns = greater(most.columns, limit(down));
    most.rows = greater(most.rows, across);
    most.spectral = greater(most.spectral, squared ? Limit(bounds::square_root(*squared)) : std::nullopt);
  }
  return most;
}

}  // namespace sigmax::lipschitz
