// Powers, roots and p-norms of numbers that are not negative, between two ends. Internal to bounds/.
//
// Powers are products and repeated square roots; a root is a candidate whose power is evaluated. No end depends on the
// C library's pow.
#pragma once

#include <cstdint>
#include <span>

namespace sigmax::bounds {

/// lower <= the quantity <= upper, with upper infinite if it is beyond the range.
struct ValueRange {
  double lower = 0;
  double upper = 0;
};

/// Beyond this exponent the p-norm is enclosed by the largest number and n^(1/p) times that number.
inline constexpr double kLargestPower = 0x1p40;

/// A quantity that was computed as `value` with a relative error of at most `error`, and any underflow of at most
/// 2^-1070. If `value` has overflowed, the quantity is at least the largest double, less that error.
ValueRange within(double value, double error);

/// x^p for x >= 0, p >= 0, with a relative error of at most power_error(p). For x <= 1 a result may also have
/// underflowed by 2^-1070.
double power(double x, double p);
double power_error(double p);

/// As above, with the error. p is 0 or between 2^-40 and kLargestPower.
ValueRange power_range(double x, double p);

/// s^(1/p) for p >= 1 and lower <= s <= upper, lower >= 1.
ValueRange root(ValueRange s, double p);

/// At least s^(1/p) for p >= 1 and s >= 0; infinite if no candidate is proven.
double root_up(double s, double p);

/// The p-norm, p >= 1, of numbers that are not negative and not NaN. If one is infinite, so is the upper end.
ValueRange p_norm_range(std::span<const double> x, double p);

/// sum over p-th powers of at most `terms` numbers between 0 and 1, each with a relative error of u: the relative error
/// of the sum if it is at least 1.
double power_sum_error(double p, std::int64_t terms);

}  // namespace sigmax::bounds
