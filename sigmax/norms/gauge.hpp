// Norms given by the caller: any symmetric gauge of the singular values, and quantities of the whole spectrum. By von
// Neumann's theorem the unitarily invariant norms are exactly these.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// A function g of min(rows, columns) numbers. The caller promises, and nobody else can check:
/// - g is a norm, symmetric in its arguments and independent of their signs. Such a g grows with each |s_i|. Its
///   arguments are nonnegative numbers, in descending order up to the width of their enclosures.
/// - the computed value differs from g by a factor of at most 1 +- relative_error, for arguments from 0 to the largest
///   double; an infinite value says that g is beyond the range.
/// The enclosure is a theorem under this promise. A g that is not monotone is refused where the two ends show it.
struct Gauge {
  std::string name;  ///< `the two largest, weighted`: NormResult::meaning
  std::function<double(std::span<const double> sigma)> value;
  double relative_error = 0x1p-40;
};

/// Enclosures of all min(rows, columns) singular values, largest first; both ends proven for stored matrices and their
/// compositions up to NormOptions::certify's limits, otherwise as certify_values() says. Cost: a whole decomposition
/// and its residual. Throws Error as norm() does.
struct WholeSpectrum {
  std::vector<double> sigma;
  std::vector<Enclosure> known;
  SvdOutcome outcome = SvdOutcome::converged;
};
template <Real T>
WholeSpectrum whole_spectrum(const LinearOperator<T>& a, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
WholeSpectrum whole_spectrum(const LinearOperator<T>& a, const NormOptions& options = {}) {
  Context context;
  return whole_spectrum(a, options, context);
}

WholeSpectrum whole_spectrum(const Tensor& matrix, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline WholeSpectrum whole_spectrum(const Tensor& matrix, const NormOptions& options = {}) {
  Context context;
  return whole_spectrum(matrix, options, context);
}

/// g(sigma_1, ..., sigma_n), with the enclosure that follows from those of the values. The range of double limits it:
/// g is called with the values as they are. Throws Error as above, and where g breaks its promise visibly.
template <Real T>
NormResult gauge_norm(const LinearOperator<T>& a, const Gauge& gauge, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormResult gauge_norm(const LinearOperator<T>& a, const Gauge& gauge, const NormOptions& options = {}) {
  Context context;
  return gauge_norm(a, gauge, options, context);
}

NormResult gauge_norm(const Tensor& matrix, const Gauge& gauge, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline NormResult gauge_norm(const Tensor& matrix, const Gauge& gauge, const NormOptions& options = {}) {
  Context context;
  return gauge_norm(matrix, gauge, options, context);
}

/// |A|_F^2 / sigma_1^2, between 1 and the rank; 0 for a zero matrix. Given the enclosures of all values.
Enclosure stable_rank(std::span<const Enclosure> sigma);

/// sigma_1 / sigma_n, n = min(rows, columns); without an upper end where sigma_n may be 0. Given those of all values.
Enclosure condition_number(std::span<const Enclosure> sigma);

}  // namespace sigmax::norms
