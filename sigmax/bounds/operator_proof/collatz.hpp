// Cheap proven bounds: the Collatz quotients of |A|. Internal to bounds/.
#pragma once

#include <span>

#include "sigmax/bounds/operator_proof/expression.hpp"

namespace sigmax::bounds {

/// When to stop.
struct CollatzOptions {
  double lower = 0;      ///< a lower bound on |N|_2 that is known already
  double width = 0;      ///< (upper - lower) / upper that is enough
  bool persist = false;  ///< go on while the bound still falls, also if it cannot come near `lower`
  int most = 8;          ///< steps
};

/// At least |N|_2. For every q > 0,
///
///     |N|_2^2  <=  || |N| ||_2^2  <=  max_i (|N|^T |N| q)_i / q_i,
///
/// and q <- |N|^T |N| q moves q towards the Perron vector of |N|^T |N|, where the quotients are equal and the second
/// inequality is an equality. The first is an equality if N is nonnegative up to signs of rows and columns: rank one,
/// attention-like and pooling matrices. `start` is the initial q, preferably |v_1|; empty: ones. Each step is one read
/// of the stored matrices (two where they are transposed or parts of a composite) and gives a bound; the smallest is
/// returned, or the norm of the expression if that is less.
double collatz_upper_bound(const Expression& e, std::span<const double> start, const CollatzOptions& options,
                           Context& context);

}  // namespace sigmax::bounds
