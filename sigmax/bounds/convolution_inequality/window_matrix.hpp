// The windows of a maximum pooling at one frequency, and the matrix D that bounds their covariance. Internal to
// bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/convolution_proof/phase.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// Rows (q, c): position q of a window, channel c. D is d_c on the diagonal and o_c between two positions of a channel.
class WindowMatrix {
 public:
  /// No pooling: one position, D = I.
  static WindowMatrix none(std::int64_t channels);
  /// Nothing if D is not positive definite. Throws Error if the windows do not fit the images of `map` or the numbers
  /// are not finite.
  static std::optional<WindowMatrix> make(const PoolWindow& pool, const Correlation& map);

  std::int64_t order() const { return count() * static_cast<std::int64_t>(diagonal_.size()); }
  std::int64_t count() const { return static_cast<std::int64_t>(taps_.size()); }
  std::int64_t aliases() const;
  TorusPoint alias(const TorusPoint& t, std::int64_t alias) const;

  /// The rows (q, c) from those of a panel at t, [Re, -Im; Im, Re] as there: exp(i q.t) times row c, over the root of
  /// the number of aliases.
  Matrix<double> spread(const Matrix<double>& panel, const TorusPoint& t) const;
  /// The error of an entry of spread(), relative to the same sums as `error`, that of an entry of the panel.
  double error(double error) const;

  /// s D, as a real matrix of twice the order, in its lower triangle: with the diagonal scaled_diagonal(s).
  Matrix<double> scaled(double scale) const;
  std::vector<double> scaled_diagonal(double scale) const;
  /// About D^(-1/2) G D^(-1/2), G given in its lower triangle.
  Matrix<double> whitened(Matrix<double> g) const;

 private:
  std::vector<Position> taps_;
  std::vector<std::int64_t> strides_;
  std::vector<double> diagonal_;
  std::vector<double> other_;
};

}  // namespace sigmax::bounds
