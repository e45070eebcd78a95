// An expression as one matrix in double, with a bound on its rounding errors. Internal to bounds/.
#pragma once

#include <cstdint>

#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax::bounds {

/// values + E = N for some E with |E|_F <= error. Row-major without gaps.
struct Formed {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Context::Buffer<double> values;
  double error = 0;

  kernels::StoredMatrix matrix() const { return stored_matrix(values.data(), rows, columns); }
};

/// Whether no matrix formed on the way has more than `entries` entries.
bool is_formable(const Expression& e, std::int64_t entries);

/// Cost: one read of each stored matrix, the flops of the products, and a matrix of doubles for each level of the tree.
/// Sums and factors are rounded once per entry, products by gamma_k |M_1|_F |M_2|_F, k the inner dimension. The bound
/// carries every error through the tree and is itself rounded up.
Formed form(const Expression& e, Context& context);

}  // namespace sigmax::bounds
