// The matrix of an operator for proofs of induced norms: stored, or formed with its rounding. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/operator_proof/form.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// The operator is 2^exponent (M + E) for some E with |E|_F <= error. M is the matrix of `range`, or its transpose;
/// everything below refers to M.
struct NearMatrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  InRange range;
  bool transposed = false;
  std::int64_t exponent = 0;
  double error = 0;
  bool is_zero = false;            ///< M = 0; if E = 0 too, `range` may have no matrix
  std::optional<Formed> formed{};  ///< the memory behind `range`, if M was formed
};

/// For a stored matrix with finite entries, with error 0.
NearMatrix near_matrix(ScannedMatrix& a, Context& context);

/// For an operator, by its structure. Nothing if a part is opaque, if a matrix formed on the way has more than
/// `formed_up_to` entries, or if no product may be formed (blas_support.hpp). Throws Error as take_apart() does.
template <Real T>
std::optional<NearMatrix> near_matrix(const LinearOperator<T>& a, std::int64_t formed_up_to, Context& context);

/// y = M x, and `error`, at least |y - M x| for each entry. Two reads.
struct EntrywiseImage {
  std::vector<double> values;
  std::vector<double> error;
};
EntrywiseImage entrywise_image(const NearMatrix& m, std::span<const double> x, Context& context);

/// Entrywise at least |M| x (|M|^T x with `adjoint`) for nonnegative x. One read.
std::vector<double> magnitude_image(const NearMatrix& m, std::span<const double> x, bool adjoint, Context& context);

}  // namespace sigmax::bounds
