// Norms as the inequalities between them see them. Internal to norms/.
#pragma once

#include <cstdint>

#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// Ky Fan (k, p) has sigma_max (k = 1), Schatten and Frobenius among its cases; L_{p,q} the entrywise norms, the column
/// and row sums and the induced norms from 1 and to infinity.
struct NormForm {
  enum class Kind { ky_fan, columns, rows, induced, radius };
  Kind kind = Kind::ky_fan;
  double p = 2;
  double q = 2;        ///< unused for ky_fan
  std::int64_t k = 1;  ///< of ky_fan

  bool operator==(const NormForm&) const = default;
};

/// Throws Error for what is not a norm.
NormForm form_of(const Norm& which, Shape shape);

/// The norm of the transpose, as a norm of the matrix.
NormForm transposed(const NormForm& form);

/// n^(1/p): 1 for infinity.
double root_of(double n, double p);

/// How many of `whole` things, spread evenly over k places, are in place number `part`.
inline std::int64_t share(std::int64_t whole, std::int64_t k, std::int64_t part) {
  return whole / k + (part < whole % k ? 1 : 0);
}

}  // namespace sigmax::norms
