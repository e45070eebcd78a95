// Proven norms of linear maps, each computed once. Internal to lipschitz/.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// Enclosures whose upper ends are used and whose lower ends are 0: products and sums of them are upper bounds.
using Limit = std::optional<Enclosure>;

/// A limit that the caller knows; none if it is infinite or NaN.
Limit limit(double value);

Limit operator+(const Limit& a, const Limit& b);
Limit operator*(const Limit& a, const Limit& b);
/// sqrt(a^2 + b^2)
Limit hypotenuse(const Limit& a, const Limit& b);
/// The lesser; a missing one is greater than any other.
Limit lesser(const Limit& a, const Limit& b);
Limit greater(const Limit& a, const Limit& b);
std::optional<UpperBound> upper_of(const Limit& a);

class Norms {
 public:
  Norms(const CertifyOptions& options, const ConvolutionNormOptions& convolution, Context& context);

  /// |A|, proven; missing where there is none, and why() then says it. 0 for an operator without entries.
  Limit of(const Operator<double>& a);
  const std::string& why() const { return why_; }

  Context& context() { return context_; }

 private:
  Limit computed(const Operator<double>& a);
  CertifyOptions options_;
  ConvolutionNormOptions convolution_;
  Context& context_;
  std::map<const LinearOperator<double>*, std::pair<Operator<double>, Limit>> known_;  ///< keeps them alive
  std::string why_;
};

}  // namespace sigmax::lipschitz
