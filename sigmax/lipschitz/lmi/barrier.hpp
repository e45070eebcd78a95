// The barrier of the inequality of a network and its derivatives. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/block_cholesky.hpp"
#include "sigmax/lipschitz/lmi/newton.hpp"

namespace sigmax::lipschitz {

/// -log det [P(x), C^T; C, s I] - sum log x_j, x the multipliers, s = rho. The last sum only where P alone does not
/// keep them positive: if slopes exclude 0. Callers hold a SerialBlas.
class InequalityBarrier {
 public:
  explicit InequalityBarrier(const LayeredNetwork& network);

  struct Point {
    std::vector<double> x;
    double s = 0;
    BlockMatrix factor;
    double log_det = 0;  ///< the sum of log x_j included
  };

  /// Nothing if the matrix is not positive definite, or a multiplier not positive.
  std::optional<Point> point(std::vector<double> x, double s, Context& context) const;

  /// Matrices that one call leaves to the next: the system takes as long to map new memory as to fill it.
  struct Workspace {
    Matrix<double> v;
    Matrix<double> f;
    Matrix<double> g;
  };

  BarrierDerivatives derivatives(const Point& point, Workspace& work, Context& context) const;

  /// About the flops of derivatives() and of the system that they make, for a point with this factor.
  double step_flops(const BlockMatrix& factor) const;

  /// Its parameter: at a minimum of t s plus the barrier, s is within order() / t of the smallest.
  double order() const { return static_cast<double>(order_ + (keeps_positive_ ? neurons_ : 0)); }

 private:
  BlockMatrix form(const std::vector<double>& x, double s, Context& context) const;
  void invert(const BlockMatrix& factor, Matrix<double>& v, Context& context) const;
  void read(const Matrix<double>& v, Matrix<double>& f, Context& context) const;
  void read_twice(const Matrix<double>& f, Matrix<double>& g, Context& context) const;
  void fill_hessian(const Matrix<double>& v, const Matrix<double>& f, const Matrix<double>& g, BarrierDerivatives& d,
                    Context& context) const;

  const LayeredNetwork& network_;
  std::vector<std::int64_t> sizes_;  ///< of the blocks: input, layers, output
  std::vector<std::int64_t> first_;  ///< the first variable of each block
  std::vector<double> least_;        ///< slopes of all neurons
  std::vector<double> most_;
  std::int64_t order_ = 0;
  std::int64_t neurons_ = 0;
  bool keeps_positive_ = false;
  bool reads_input_in_curvature_ = false;
};

}  // namespace sigmax::lipschitz
