#include "sigmax/bounds/convolution_ends.hpp"

#include <algorithm>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
ConvolutionNorm zero_norm(ConvolutionQuestion question) {
  return {zero_enclosure(), 0, question, ConvolutionTheorem::zero, ConvolutionTheorem::zero, 1, 0, 0};
}

void ConvolutionEnds::lower(double value, ConvolutionTheorem by) {
  if (value > 0) take_lower(widened_lower(times_power(value, exponent_)), by);
}

void ConvolutionEnds::take_lower(LowerBound end, ConvolutionTheorem by) {
  if (lower_ && end.value() <= lower_->value()) return;
  lower_ = end;
  result_.lower_by = by;
}

void ConvolutionEnds::upper(double value, ConvolutionTheorem by, double factor) {
  if (!(value < kInfinity)) return;
  const double end = widened_upper(times_power(round_up(value * factor), exponent_));
  if (upper_ <= end) return;
  take_upper(end, by);
  result_.border_factor = factor;
}

void ConvolutionEnds::take_upper(double end, ConvolutionTheorem by) {
  if (upper_ <= end) return;
  upper_ = end;
  result_.upper_by = by;
  result_.border_factor = 1;
}

double ConvolutionEnds::lower_of_symbol() const { return times_power(lower_value(), -exponent_); }

double ConvolutionEnds::upper_of_symbol(double factor) const { return times_power(upper_, -exponent_) / factor; }

double ConvolutionEnds::goal_of_symbol(double width, double factor) const {
  return times_power(lower_value() / (1 - width), -exponent_) / factor * (1 - 0x1p-44);
}

double ConvolutionEnds::width() const { return upper_ < kInfinity ? (upper_ - lower_value()) / upper_ : 1.0; }

void ConvolutionEnds::finish(const Budget& budget) {
  if (!lower_) lower_ = Proof::lower(0);
  result_.sigma_max = Proof::enclosure(*lower_, Proof::proven(upper_));
  result_.estimate = std::max(result_.estimate, lower_->value());
  result_.points = budget.points;
  result_.flops = budget.flops;
}

}  // namespace sigmax::bounds
