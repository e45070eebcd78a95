// The characteristic polynomial of a symmetric tridiagonal matrix at many points at once. Internal to the library.
#pragma once

#include <cstdint>

namespace sigmax::kernels {

/// Points evaluated together: the number of points is a multiple of this.
inline constexpr std::int64_t kSturmGroup = 8;

/// What is computed about det(T - x I) at each point x.
struct SturmValues {
  std::int64_t* below = nullptr;  ///< the number of eigenvalues of T below x
  double* mantissa = nullptr;     ///< det(T - x I) = mantissa 2^exponent, its sign (-1)^below
  std::int64_t* exponent = nullptr;
};

/// Evaluates p_i = (d_i - x) p_i-1 - e_i-1^2 p_i-2 up to p_n at `count` points, each independent of the others.
/// `squares` holds e_1^2 ... e_n-1^2. The result is exact for a tridiagonal matrix T + E with |E| of a few
/// u (|T| + |x|) (Givens 1954; Wilkinson, The Algebraic Eigenvalue Problem, ch. 5). |d| and |x| must be at most 4, e^2
/// between 2^-110 and 4. Cost: 3 flops and a comparison of signs per row and point.
void sturm(const double* diagonal, const double* squares, std::int64_t n, const double* x, std::int64_t count,
           const SturmValues& values);

}  // namespace sigmax::kernels
