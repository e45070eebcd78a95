// A weight, or one of its parts, as a line of a report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sigmax/audit/result.hpp"

namespace sigmax::report {

/// A line of a report: a weight as a whole, or one of its parts.
struct WeightRow {
  const audit::TensorResult* tensor = nullptr;
  const audit::Part* part = nullptr;

  std::int64_t rows() const noexcept { return part != nullptr ? part->rows : tensor->rows; }
  std::int64_t columns() const noexcept { return part != nullptr ? part->columns : tensor->columns; }
  std::int64_t batch() const noexcept { return part != nullptr ? 1 : tensor->batch; }
  /// Null if the weight has non-finite entries.
  const audit::Figures* figures() const noexcept;
  /// Null if there are no figures, and under `quick`.
  const audit::SpectrumFigures* spectrum() const noexcept;
  /// The norm of the linear map that the weight is for: of a convolution its own, of anything else sigma_max. Null if
  /// it is not known.
  const Enclosure* operator_norm() const noexcept;
  /// Null for anything but a convolution that was measured as an operator, and for its parts.
  const audit::OperatorNorm* convolution() const noexcept;
};

/// The largest condition number that the computation in double tells from infinity: 1 / (max(rows, columns) 2^-52).
double computable_condition(const WeightRow& row);

/// The least condition number that the weight may have had before it was rounded to storage, in the worst case: that of
/// the stored matrix; if sigma_min is at most u |W|_F, also no more than sigma_max / (u |W|_F); and where sigma_min
/// cannot be told from 0, no more than the computation can tell. Gates go by it. Nothing if the spectrum is not known,
/// and for the zero matrix.
std::optional<double> least_condition(const WeightRow& row);

/// `512x128`, `8x[512x128]`.
std::string matrix_text(const WeightRow& row);

/// `3 NaN, 1 infinite, first at [12, 7]`.
std::string non_finite_text(const audit::NonFinite& entries);

}  // namespace sigmax::report
