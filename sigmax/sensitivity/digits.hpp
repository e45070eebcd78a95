// Condition numbers in decimal digits: how many a solution may lose, and how many a storage type holds.
#pragma once

#include "sigmax/core/bound.hpp"
#include "sigmax/core/dtype.hpp"

namespace sigmax::sensitivity {

/// log10(kappa): a relative error of the matrix or of the data may be kappa times as large in the solution, which takes
/// this many decimal digits from it. `least` and `most` belong to the ends of the condition number: `most` is infinite
/// if there is no upper end. Never negative, because kappa >= 1 for the number of any induced norm.
/// Accuracy: log10 in double, an error of a few units in the last place, and no proof.
struct Digits {
  double least = 0;
  double most = 0;
};

Digits digits_lost(const Enclosure& condition);

/// -log10(u), u the unit roundoff: 16.0 digits for f64, 7.2 for f32, 3.3 for f16, 2.4 for bf16. Throws Error for a type
/// that is not a real one.
double digits_held(DType type);

/// The digits of a solution that remain when the matrix is known to the rounding of `type`: digits_held - digits_lost,
/// 0 if that is negative. First order in kappa u.
Digits digits_kept(const Enclosure& condition, DType type);

}  // namespace sigmax::sensitivity
