// The observed entries in range, and the iterates of completion: low-rank plus sparse. Internal to recovery/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/duality.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/sparse.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/result.hpp"
#include "sigmax/recovery/threshold.hpp"

namespace sigmax::recovery {

/// Throws Error for a tolerance that is not positive, or a number of iterations below 1.
void check(const char* who, const RecoveryOptions& options);

/// The exponent e with |value| 2^-e in [1/2, 1); 0 for 0.
int exponent_of(double value);

/// x 2^exponent. A sigma beyond the range of double is given as the largest double.
LowRank times_power(LowRank x, std::int64_t exponent);

/// The certificate's options with their defaults for this tolerance, and a state of its own that depends on the matrix.
CertifyOptions certificate(const RecoveryOptions& options, std::span<const double> dual);

bounds::Factors factors(const LowRank& x);

/// A completion problem in units in which its largest entry is in [1/2, 1), and what its algorithms share.
class Observed {
 public:
  /// Throws Error as soft_impute() does.
  Observed(const char* who, const SparseMatrix& given, const RecoveryOptions& options);

  const SparseMatrix& m() const noexcept { return m_; }
  const SparsePattern& pattern() const noexcept { return *m_.pattern; }
  std::int64_t exponent() const noexcept { return exponent_; }
  bool is_zero() const noexcept { return is_zero_; }
  std::span<const double> values() const noexcept { return m_.values; }

  /// The start in these units. Throws Error if it does not fit.
  Start start(const char* who, const Start& given) const;

  /// The entries of x at the observed places.
  std::vector<double> entries(const LowRank& x, Context& context) const;

  /// The sum of the low-rank matrices, each times its factor, and of the matrix with these values at the observed
  /// places.
  struct Part {
    const LowRank* x;
    double factor;
  };
  Operator<double> operator_of(std::span<const Part> parts, std::vector<double> values) const;

  /// An estimate of sigma_max of the matrix with these values at the observed places.
  double norm(const std::vector<double>& values, double tolerance, Threshold& threshold, Context& context) const;

  /// The answer in the units given.
  Completion answer(LowRank x, std::vector<double> dual, std::optional<double> penalty, const bounds::Optimum& optimum,
                    double tolerance) const;

  /// The answer for zeros alone.
  Completion zero(const std::function<bounds::Optimum(const bounds::Factors&, std::span<const double>)>& prove) const;

 private:
  SparseMatrix m_;
  std::int64_t exponent_ = 0;
  bool is_zero_ = true;
};

/// When the gap is worth an estimate, and when an estimate is worth a proof.
class Schedule {
 public:
  explicit Schedule(double tolerance) : enough_(0.8 * tolerance) {}
  /// Every fifth iteration, and less often in a long run.
  bool due(std::int64_t iteration);
  bool is_promising(double gap, std::int64_t iteration) const { return gap <= enough_ && iteration >= next_proof_; }
  /// A proof was wider than its estimate: the next one comes a quarter of the iterations later, so that the proofs
  /// are few in any run.
  void failed(std::int64_t iteration) { next_proof_ = iteration + std::max<std::int64_t>(10, iteration / 4); }

 private:
  double enough_;
  std::int64_t next_ = 5;
  std::int64_t next_proof_ = 0;
};

}  // namespace sigmax::recovery
