// The criss-cross search for the outermost point of a pseudospectrum, in double. Internal to sensitivity/; callers hold
// a SerialBlas.
#pragma once

#include <complex>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::sensitivity {

/// sigma_min(z I - A) and its right singular vector.
struct SmallestAt {
  double sigma = 0;
  std::vector<std::complex<double>> right;
};
SmallestAt smallest_at(const Matrix<double>& a, std::complex<double> z);

/// sigma_min(z I - A) for many z: from the triangular form of A, by inverse iteration, two triangular solves a step.
class Resolvent {
 public:
  explicit Resolvent(const Matrix<double>& a);

  /// An estimate from above, to about `tolerance` relatively where the value is isolated: for searches, whose result is
  /// judged by smallest_at(). At most 100 steps of 8 n^2 flops. 0 at an eigenvalue.
  double smallest(std::complex<double> z, double tolerance) const;

 private:
  std::int64_t order_ = 0;
  std::vector<std::complex<double>> triangle_;
};

/// The point of largest modulus with sigma_min(z I - A) <= epsilon. Entries of A around 1.
struct Outermost {
  std::complex<double> point;
  bool converged = false;
};

/// `eigenvalues` of A: the one of largest modulus is where the search starts.
Outermost outermost_point(const Matrix<double>& a, const std::vector<std::complex<double>>& eigenvalues, double epsilon,
                          Context& context);

}  // namespace sigmax::sensitivity
