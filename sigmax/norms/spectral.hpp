// Functions of the singular values: the value, derivative and enclosure of each spectral norm, and ranks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/norms/norm_gradient.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax::norms {

/// Throughout, `sigma` holds singular values in descending order; an empty span gives 0.

/// Schatten p-norm, (sum sigma_i^p)^(1/p), p >= 1; infinity gives sigma_1. Throws Error for p < 1 or NaN.
double schatten(std::span<const double> sigma, double p);

/// Nuclear norm, sum sigma_i: the Schatten 1-norm.
double nuclear(std::span<const double> sigma);

/// Ky Fan k-norm, the sum of the k largest. Throws Error unless 1 <= k <= sigma.size().
double ky_fan(std::span<const double> sigma, std::int64_t k);

/// exp(H), H = -sum p_i log p_i the entropy of p_i = sigma_i / sum sigma (Roy and Vetterli, EUSIPCO 2007). Between 1
/// and the number of values; 0 for a zero matrix.
double effective_rank(std::span<const double> sigma);

/// Number of values above `tolerance`.
std::int64_t numerical_rank(std::span<const double> sigma, double tolerance);

/// The smallest r with sum_{i<=r} sigma_i^2 >= share sum sigma_i^2: the best approximation of rank r keeps that share
/// of the squared Frobenius norm (Eckart and Young 1936). 0 for a zero matrix.
std::int64_t energy_rank(std::span<const double> sigma, double share);

/// The singular values that a norm depends on: the `count` largest, the `count` smallest, or all.
struct Demand {
  enum class Part { largest, smallest, all };
  Part part = Part::largest;
  std::int64_t count = 1;
};

/// The functions below take the norms of Family::singular_values, and Frobenius, which is Schatten 2. They throw Error
/// for other norms, and where require_valid() does.

/// The demand for a matrix with `values` = min(rows, columns) singular values.
Demand demand(const Norm& which, std::int64_t values);

/// `base` with k, end of the spectrum and method for a demand. For the smallest values it requests one more, the
/// neighbor.
template <Real T>
SvdOptions<T> solver_for(const Demand& wanted, std::int64_t values, SvdOptions<T> base);

/// The norm, given the singular values that demand() names. Values of 0 at the end may be left out.
double spectral_value(std::span<const double> sigma, const Norm& which);

/// The enclosure of the norm, given an enclosure of each value that demand() names.
Enclosure spectral_enclosure(std::span<const Enclosure> sigma, const Norm& which);

/// The spectrum near the values that a norm depends on.
struct NearSpectrum {
  std::span<const double> sigma;     ///< those of demand(), descending; values of 0 at the end may be left out
  double largest = 0;                ///< sigma_1
  std::optional<double> neighbor{};  ///< the value next to them: the largest one left, or the smallest one above
  std::int64_t all = 1;              ///< min(rows, columns)
  double rounding = 0;               ///< values that differ by less count as equal, and values below it as 0
};

/// Value and derivative of a norm: sum weights_i u_i v_i^T.
struct SpectralGradient {
  NormGradient norm;
  std::vector<double> weights;  ///< d norm / d sigma_i, for the leading NearSpectrum::sigma that can have one
};

SpectralGradient spectral_gradient(const NearSpectrum& spectrum, const Norm& which);

/// NormGradient::gap, given all singular values.
std::optional<double> gap_of(std::span<const double> sigma, const Norm& which);

}  // namespace sigmax::norms
