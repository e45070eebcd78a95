// Norms of vectors, inner products and angles. Vectors are tensors of rank 1, of any real storage type and stride, or
// numbers in memory; everything is computed in double, in units of a power of two, so that entries from 1e-300 to 1e300
// neither overflow nor vanish.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"

namespace sigmax::norms {

/// The entries in double: exact. Throws Error, beginning with [`who`], if the tensor is not of rank 1 and of a real
/// type, or has NaN or infinite entries.
std::vector<double> vector_entries(const char* who, const Tensor& x);

/// |x|_p = (sum |x_i|^p)^(1/p), 1 <= p <= infinity; 0 for an empty vector, infinite beyond the range of double. A
/// relative error of about (n + p) u, u = 2^-53; none for infinity. Entries must be finite. Throws Error for p < 1 or
/// NaN.
double vector_norm(std::span<const double> x, double p);

/// As above, with a proven enclosure (bounds/algebra.hpp). Throws Error as above and as vector_entries().
NormResult vector_norm(const Tensor& x, double p);

/// The dual norm of |.|_p: |x|_{p*} = max <x, y> over |y|_p <= 1, 1/p + 1/p* = 1. Where p* is not a double, the
/// enclosure is that of the doubles on either side.
NormResult dual_vector_norm(const Tensor& x, double p);

/// y with |y|_p = 1 and <x, y> = |x|_{p*}, both to rounding: y_i = sign(x_i) (|x_i| / |x|_{p*})^{p* - 1}; for p = 1 the
/// sign of the first largest entry. For x = 0 every y does, and the first unit vector is returned. Empty for an empty
/// x.
std::vector<double> dual_maximizer(std::span<const double> x, double p);

/// sum x_i y_i, as if summed in twice the precision and then rounded: an error of at most about
/// u |<x, y>| + n^2 u^2 <|x|, |y|> (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26, 2005, Dot2). Throws Error if the
/// lengths differ.
double inner_product(std::span<const double> x, std::span<const double> y);

/// sum x_ij y_ij of two tensors of one shape and any rank: the inner product of matrices. Throws Error if the shapes
/// differ, for entries that are not finite and for types that are not real.
double inner_product(const Tensor& x, const Tensor& y);

/// Hoelder's inequality <x, y> <= |x|_p |y|_{p*} and what is left of it.
struct Hoelder {
  double inner = 0;    ///< <x, y>
  double product = 0;  ///< |x|_p |y|_{p*}
  double gap = 0;      ///< product - inner, at least 0; an error of about (n + p + p*) u times the product
};

/// Throws Error if the lengths differ and for p < 1.
Hoelder hoelder(std::span<const double> x, std::span<const double> y, double p);

/// The angle between x and y, in [0, pi], by Kahan's 2 atan2(| |y| x - |x| y |, | |y| x + |x| y |) with each difference
/// of products rounded once. An absolute error of a few u, also for small angles, where the arc cosine has sqrt(u).
/// Throws Error if the lengths differ or if a vector is 0: it has no direction.
double angle(std::span<const double> x, std::span<const double> y);

/// The angle between two tensors of one shape and any rank, such as a weight and its gradient. Throws Error as above
/// and as inner_product().
double angle(const Tensor& x, const Tensor& y);

}  // namespace sigmax::norms
