// The ends of a convolution's norm, gathered from several theorems. Internal to bounds/.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// The norm of a kernel of zeros.
ConvolutionNorm zero_norm(ConvolutionQuestion question);

/// The best end of each side so far, in units of the kernel's entries, and the theorem that it comes from.
class ConvolutionEnds {
 public:
  /// 2^exponent times the symbols' values are in units of the kernel's entries.
  ConvolutionEnds(ConvolutionNorm& result, std::int64_t exponent) : result_(result), exponent_(exponent) {}

  /// Ends of the symbols' values; an upper end is multiplied by `factor`.
  void lower(double value, ConvolutionTheorem by);
  void upper(double value, ConvolutionTheorem by, double factor);

  /// Ends of the operator's own norm.
  void take_lower(LowerBound end, ConvolutionTheorem by);
  void take_upper(double end, ConvolutionTheorem by);

  /// The lower end in units of the symbols' values; 0 if there is none.
  double lower_of_symbol() const;
  /// The upper end in these units, without the factor.
  double upper_of_symbol(double factor) const;
  /// The upper end in these units at which the width is reached.
  double goal_of_symbol(double width, double factor) const;

  /// (upper - lower) / upper; 1 if there is no upper end.
  double width() const;

  /// Writes the enclosure, and what it took, to the result.
  void finish(const Budget& budget);

 private:
  double lower_value() const { return lower_ ? lower_->value() : 0.0; }

  ConvolutionNorm& result_;
  std::int64_t exponent_;
  std::optional<LowerBound> lower_;
  double upper_ = std::numeric_limits<double>::infinity();
};

}  // namespace sigmax::bounds
