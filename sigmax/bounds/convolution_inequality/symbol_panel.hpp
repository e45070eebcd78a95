// The symbol of a map between images in units of their channels, as a real matrix. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/convolution_proof/phase.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// F_rc(t) = slope_r / row_unit_r  s^(-1/2)  sum_p K_p,rc column_unit_c exp(i p.t), s the product of the strides: the
/// entry of P, without its sign, between channel r at a frequency and channel c at one of the s frequencies that become
/// it.
class SymbolPanel {
 public:
  /// Nothing if an entry is beyond 2^400. The numbers are finite, and the units positive.
  static std::optional<SymbolPanel> make(const ImageMap& map, std::span<const double> slope,
                                         std::span<const double> row_unit, std::span<const double> column_unit);

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  /// The aliases of a frequency: the product of the strides.
  std::int64_t aliases() const;
  const std::vector<std::int64_t>& strides() const { return strides_; }
  /// The point on the finer grid: (t + 2 pi m) / stride on each axis, m the digits of `alias`.
  TorusPoint alias(const TorusPoint& t, std::int64_t alias) const;

  /// [Re F, -Im F; Im F, Re F]. Each entry has an error of at most error() M, M the sum of the magnitudes over p.
  Matrix<double> at(const TorusPoint& t) const;
  double error() const;
  /// The largest sums of a row and of a column of M, rounded up.
  double row_sum() const { return row_sum_; }
  double column_sum() const { return column_sum_; }

 private:
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::vector<std::int64_t> strides_;
  Coordinates taps_;
  std::vector<double> values_;  // tap after tap, column-major
  double row_sum_ = 0;
  double column_sum_ = 0;
};

}  // namespace sigmax::bounds
