// Gradients of norms of entries: a value for each entry, by a formula of the entry and its place. Internal to grad/ and
// nn/.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/grad/norm_gradient.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/norms/norm.hpp"

namespace sigmax::grad {

namespace entry {
struct Zero {};
/// (scale a) / divisor, scale a power of two
struct Proportional {
  double scale = 1;
  double divisor = 1;
};
/// sign(a) (|a| / divisor / root)^exponent, in two steps that stay in range
struct Power {
  double divisor = 1;
  double root = 1;
  double exponent = 1;
};
/// sign(a) where |a| is at least `least`, times weight
struct Largest {
  double least = 0;
  double weight = 1;
};
/// sign(a_ij) weights_i, or weights_j with `of_columns`
struct Signs {
  std::vector<double> weights;
  bool of_columns = false;
};
}  // namespace entry

using EntryFormula = std::variant<entry::Zero, entry::Proportional, entry::Power, entry::Largest, entry::Signs>;

struct EntryGradient {
  NormGradient norm;
  EntryFormula formula;  ///< in the places of the stored matrix
};

/// Whether the norm is one of entries, Frobenius included: what entry_gradient() takes.
bool is_of_entries(const norms::Norm& which);

/// Value and gradient of a norm of entries of `a`, or of its transpose with `transposed`. Two reads of a at most.
/// Throws Error if the matrix is empty or has entries that are not finite, for p < 1, or if the norm is not one of
/// entries.
EntryGradient entry_gradient(const kernels::StoredMatrix& a, bool transposed, const norms::Norm& which,
                             Context& context);

/// grad_ij += scale * formula(a_ij) at [i * row_stride + j * column_stride], rounded to T once. One read of a and one
/// read and write of grad.
template <Real T>
void add_entries(const kernels::StoredMatrix& a, const EntryFormula& formula, double scale, T* grad,
                 std::int64_t row_stride, std::int64_t column_stride, Context& context);

}  // namespace sigmax::grad
