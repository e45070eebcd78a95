#include "sigmax/report/weight_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sigmax::report {

const audit::Figures* WeightRow::figures() const noexcept {
  if (part != nullptr) return &part->figures;
  return tensor->figures ? &*tensor->figures : nullptr;
}

const audit::SpectrumFigures* WeightRow::spectrum() const noexcept {
  return figures() != nullptr && figures()->spectrum ? &*figures()->spectrum : nullptr;
}

const audit::OperatorNorm* WeightRow::convolution() const noexcept {
  return part == nullptr && tensor->operator_norm ? &*tensor->operator_norm : nullptr;
}

const Enclosure* WeightRow::operator_norm() const noexcept {
  if (tensor->role == audit::Role::convolution) return convolution() != nullptr ? &convolution()->norm : nullptr;
  return figures() != nullptr ? &figures()->sigma_max : nullptr;
}

double computable_condition(const WeightRow& row) {
  const auto longer = static_cast<double>(std::max(row.rows(), row.columns()));
  return 1 / (longer * std::numeric_limits<double>::epsilon());
}

std::optional<double> least_condition(const WeightRow& row) {
  if (row.spectrum() == nullptr) return std::nullopt;
  const audit::Figures& figures = *row.figures();
  double least = row.spectrum()->condition.value_or(computable_condition(row));
  if (figures.max_abs == 0) return std::nullopt;
  if (row.spectrum()->beyond_precision) {
    least = std::min(least, figures.sigma_max_estimate / (unit_roundoff(row.tensor->dtype) * figures.frobenius));
  }
  return least;
}

std::string matrix_text(const WeightRow& row) {
  const std::string matrix = fmt::format("{}x{}", row.rows(), row.columns());
  return row.batch() == 1 ? matrix : fmt::format("{}x[{}]", row.batch(), matrix);
}

std::string non_finite_text(const audit::NonFinite& entries) {
  return fmt::format("{} NaN, {} infinite, first at {}", entries.nan, entries.infinite, to_string(entries.first));
}

}  // namespace sigmax::report
