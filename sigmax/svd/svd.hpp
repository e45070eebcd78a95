// The one entry to the singular-value solvers.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/lanczos.hpp"

namespace sigmax {

template <Real T>
struct SvdOptions {
  /// Stop when the estimated error of sigma_max, relative to it, is at most this. With f64 accumulation 1e-14 is
  /// reachable whatever the storage.
  double tolerance = 1e-10;
  std::int64_t max_products = 2000;  ///< of A^T A with a vector
  RandomState random{};              ///< the start vector is drawn from it
};

/// The largest singular triplet, A v = sigma u.
template <Real T>
struct SvdResult {
  T sigma = 0;       ///< |A v|: at most sigma_max but for rounding; certify() makes a bound of it
  std::vector<T> u;  ///< A v / sigma; zero if sigma is
  std::vector<T> v;  ///< of norm 1
  T residual = 0;    ///< |A^T A v - sigma^2 v| / sigma_max^2
  LanczosOutcome outcome = LanczosOutcome::converged;
  std::int64_t products = 0;  ///< of A^T A with a vector
  /// What a probabilistic certificate is made of: the recurrence and largest Ritz value of (scale A)^T (scale A), with
  /// the power of two that keeps its entries in range.
  LanczosRecurrence recurrence;
  double theta = 0;
  double scale = 1;
  RandomState random{};  ///< for the next call
};

/// The largest singular triplet of `a` by the Lanczos process on A^T A from a random start.
///
/// Throws Error for an operator without rows or columns, Cancelled on request. A numerical outcome is in the result.
template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context);

/// The same with the default options on every hardware thread.
template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a);

extern template SvdResult<double> svd<double>(const LinearOperator<double>&, const SvdOptions<double>&, Context&);
extern template SvdResult<double> svd<double>(const LinearOperator<double>&);

}  // namespace sigmax
