#include "sigmax/bounds/convolution_inequality/symbol_panel.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/convolution_inequality/image_grid.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kLargestEntry = 0x1p400;

std::vector<Position> tap_positions(const Correlation& correlation) {
  std::vector<Position> positions{{0, 0, 0}};
  for (std::size_t axis = 0; axis < correlation.axes.size(); ++axis) {
    std::vector<Position> next;
    for (const Position& position : positions) {
      for (std::int64_t p = 0; p < correlation.axes[axis].kernel; ++p) {
        Position more = position;
        more[axis] = correlation.axes[axis].dilation * p;
        next.push_back(more);
      }
    }
    positions = std::move(next);
  }
  return positions;
}

}  // namespace

std::int64_t SymbolPanel::aliases() const { return alias_count(strides_); }

TorusPoint SymbolPanel::alias(const TorusPoint& t, std::int64_t alias) const { return alias_of(t, alias, strides_); }

std::optional<SymbolPanel> SymbolPanel::make(const ImageMap& map, std::span<const double> slope,
                                             std::span<const double> row_unit, std::span<const double> column_unit) {
  const Correlation& c = map.correlation;
  SymbolPanel panel;
  panel.rows_ = c.out_channels;
  panel.columns_ = c.in_channels;
  for (const CorrelationAxis& axis : c.axes) panel.strides_.push_back(axis.stride);
  panel.taps_ = Coordinates(tap_positions(c));
  const std::int64_t taps = c.taps();
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  panel.values_.assign(static_cast<std::size_t>(taps * panel.rows_ * panel.columns_), 0.0);
  const double alias_factor = 1 / std::sqrt(static_cast<double>(panel.aliases()));
  std::vector<double> rows(static_cast<std::size_t>(panel.rows_), 0.0);
  std::vector<double> columns(static_cast<std::size_t>(panel.columns_), 0.0);
  for (std::int64_t o = 0; o < panel.rows_; ++o) {
    const auto row = static_cast<std::size_t>(o);
    for (std::int64_t i = 0; i < in; ++i) {
      const std::int64_t channel = o / out * in + i;
      const double unit = slope[row] * (column_unit[static_cast<std::size_t>(channel)] / row_unit[row]) * alias_factor;
      for (std::int64_t p = 0; p < taps; ++p) {
        const double k = map.kernel[static_cast<std::size_t>((o * in + i) * taps + p)];
        const double value = k * unit;
        if (!(std::fabs(value) <= kLargestEntry)) return std::nullopt;
        panel.values_[static_cast<std::size_t>(o + panel.rows_ * (channel + panel.columns_ * p))] = value;
        rows[row] += std::fabs(value);
        columns[static_cast<std::size_t>(channel)] += std::fabs(value);
      }
    }
  }
  // The sums have at most rows or columns times taps terms.
  const double slack = 1 + gamma(taps * std::max(panel.rows_, panel.columns_) + 8);
  panel.row_sum_ = round_up(*std::ranges::max_element(rows) * slack) + 0x1p-900;
  panel.column_sum_ = round_up(*std::ranges::max_element(columns) * slack) + 0x1p-900;
  return panel;
}

// A value takes six operations and the root, a part of an entry is a sum of `taps` products with a phase, whose error
// is at most 8 kPhaseError. Values that underflow lose less than the 2^-900 in the sums.
double SymbolPanel::error() const {
  return round_up((gamma(static_cast<std::int64_t>(taps_.size()) + 12) + 8 * kPhaseError) * (1 + 0x1p-20));
}

Matrix<double> SymbolPanel::at(const TorusPoint& t) const {
  std::vector<Phase> phases(taps_.size());
  taps_.phases(t, phases);
  Matrix<double> panel(2 * rows_, 2 * columns_);
  for (std::size_t p = 0; p < phases.size(); ++p) {
    const double* value = values_.data() + static_cast<std::int64_t>(p) * rows_ * columns_;
    for (std::int64_t j = 0; j < columns_; ++j, value += rows_) {
      double* const re = &panel.column(j)[0];
      double* const im = re + rows_;
      const auto [cosine, sine] = phases[p];
      for (std::int64_t i = 0; i < rows_; ++i) {
        re[i] += cosine * value[i];
        im[i] += sine * value[i];
      }
    }
  }
  for (std::int64_t j = 0; j < columns_; ++j) {
    for (std::int64_t i = 0; i < rows_; ++i) {
      panel(i, columns_ + j) = -panel(rows_ + i, j);
      panel(rows_ + i, columns_ + j) = panel(i, j);
    }
  }
  return panel;
}

}  // namespace sigmax::bounds
