// Proven norms of linear maps, each computed once. Internal to lipschitz/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// Enclosures whose upper ends are used and whose lower ends are 0: products and sums of them are upper bounds.
using Limit = std::optional<Enclosure>;

/// A limit that the caller knows; none if it is infinite or NaN.
Limit limit(double value);

Limit operator+(const Limit& a, const Limit& b);
Limit operator*(const Limit& a, const Limit& b);
/// The norm of (a, b): a bound for values below each other.
Limit stacked(VectorNorm norm, const Limit& a, const Limit& b);
/// The dual norm of (a, b): a bound for maps of norms a and b side by side, or for a row (a, b).
Limit side_by_side(VectorNorm norm, const Limit& a, const Limit& b);
/// The lesser; a missing one is greater than any other.
Limit lesser(const Limit& a, const Limit& b);
Limit greater(const Limit& a, const Limit& b);
std::optional<UpperBound> upper_of(const Limit& a);

/// Norms that were proven before, of operators that it keeps alive.
class KnownNorms {
 public:
  explicit KnownNorms(VectorNorm norm) : norm_(norm) {}

  VectorNorm norm() const { return norm_; }
  void add(const Operator<double>& a, const Limit& norm) { known_[a.get()] = {a, norm}; }
  /// Null if it is not known.
  const Limit* find(const Operator<double>& a) const {
    const auto found = known_.find(a.get());
    return found == known_.end() ? nullptr : &found->second.second;
  }

 private:
  VectorNorm norm_;
  std::map<const LinearOperator<double>*, std::pair<Operator<double>, Limit>> known_;
};

class Norms {
 public:
  /// `shared`: looked at first, if it is there and about the same norm.
  Norms(VectorNorm norm, const CertifyOptions& options, const ConvolutionNormOptions& convolution,
        std::shared_ptr<const KnownNorms> shared, Context& context);

  VectorNorm norm() const { return norm_; }

  /// |A|, induced by the vectors' norm, proven; missing where there is none, and why() then says it. 0 for an operator
  /// without entries.
  Limit of(const Operator<double>& a);
  const std::string& why() const { return why_; }

  Context& context() { return context_; }

 private:
  Limit computed(const Operator<double>& a);
  Limit proven(const Operator<double>& a);
  VectorNorm norm_;
  CertifyOptions options_;
  ConvolutionNormOptions convolution_;
  std::shared_ptr<const KnownNorms> shared_;
  Context& context_;
  std::map<const LinearOperator<double>*, std::pair<Operator<double>, Limit>> known_;  ///< keeps them alive
  std::string why_;
};

}  // namespace sigmax::lipschitz
