// Norms of entries: value, enclosure, and derivative as a formula of the entry and its place. Internal to the library.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/norm_gradient.hpp"
#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// A stored matrix and its scan: the starting point of every norm of entries.
struct Entries {
  kernels::StoredMatrix matrix;
  bool transposed = false;  ///< the norm is of the transpose of `matrix`
  kernels::Scan facts;
};

Entries entries_of(const ScannedMatrix& a);

/// One read of the matrix. Throws Error, beginning with [`who`], if it is empty or has entries that are not finite.
Entries scanned(const char* who, const kernels::StoredMatrix& a, bool transposed, Context& context);

/// For the value and the enclosure of this norm alone: the scan has no other sums than those that it needs.
Entries scanned(const char* who, const kernels::StoredMatrix& a, bool transposed, const Norm& which, Context& context);

/// The functions below take the norms of Family::entries, and throw Error for other norms and where require_valid()
/// does.

/// The norm. Frobenius, MaxAbs and the sums of rows and columns need no further read; the others need one.
double entry_value(const Entries& a, const Norm& which, Context& context);

/// The enclosure of the norm of the stored entries. One read of the matrix; none for the norms whose value needs none.
Enclosure entry_enclosure(const Entries& a, const Norm& which, Context& context);

/// The norm of the matrix of ones; of the largest sum for the smallest ones. Every norm of entries grows with the
/// magnitudes, so |E| <= |E|_F times this.
Enclosure norm_of_ones(const Norm& which, std::int64_t rows, std::int64_t columns);

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
/// sign(a_ij) weights_i (|a_ij| / lengths_i)^exponent, or with the index j where `of_columns`
struct Lines {
  std::vector<double> lengths;
  std::vector<double> weights;
  double exponent = 1;
  bool of_columns = false;
};
}  // namespace entry

using EntryFormula =
    std::variant<entry::Zero, entry::Proportional, entry::Power, entry::Largest, entry::Signs, entry::Lines>;

struct EntryGradient {
  NormGradient norm;
  EntryFormula formula;  ///< in the places of the stored matrix
};

/// Value and derivative of a norm. At most one further read of the matrix.
EntryGradient entry_gradient(const Entries& a, const Norm& which, Context& context);

/// grad_ij += scale * formula(a_ij) at [i * row_stride + j * column_stride], rounded to T once. Reads a once; reads and
/// writes grad once.
template <Real T>
void add_entries(const kernels::StoredMatrix& a, const EntryFormula& formula, double scale, T* grad,
                 std::int64_t row_stride, std::int64_t column_stride, Context& context);

/// As above, to a gradient of the tensor's matrix in row-major order.
template <Real T>
void add_entries(const Entries& a, const EntryFormula& formula, double scale, std::span<T> grad, Context& context) {
  const std::int64_t columns = a.transposed ? a.matrix.rows : a.matrix.columns;
  add_entries<T>(a.matrix, formula, scale, grad.data(), a.transposed ? 1 : columns, a.transposed ? columns : 1,
                 context);
}

}  // namespace sigmax::norms
