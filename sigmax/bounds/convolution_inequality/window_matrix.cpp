#include "sigmax/bounds/convolution_inequality/window_matrix.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "sigmax/bounds/convolution_inequality/image_grid.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::bounds {

WindowMatrix WindowMatrix::none(std::int64_t channels) {
  WindowMatrix windows;
  windows.taps_ = {{0, 0, 0}};
  windows.diagonal_.assign(static_cast<std::size_t>(channels), 1.0);
  windows.other_.assign(static_cast<std::size_t>(channels), 0.0);
  return windows;
}

std::optional<WindowMatrix> WindowMatrix::make(const PoolWindow& pool, const Correlation& map) {
  bool fits = pool.window.axes.size() == map.axes.size() && pool.diagonal.size() == pool.other.size() &&
              static_cast<std::int64_t>(pool.diagonal.size()) == map.out_channels;
  for (std::size_t axis = 0; fits && axis < map.axes.size(); ++axis) {
    fits = pool.window.axes[axis].input == map.axes[axis].output;
  }
  if (!fits) throw Error("[convolution_inequality] windows of another size than the images that they lie in");
  WindowMatrix windows;
  windows.taps_ = {{0, 0, 0}};
  for (std::size_t axis = 0; axis < map.axes.size(); ++axis) {
    const CorrelationAxis& a = pool.window.axes[axis];
    windows.strides_.push_back(a.stride);
    std::vector<Position> next;
    for (const Position& tap : windows.taps_) {
      for (std::int64_t q = 0; q < a.kernel; ++q) {
        Position more = tap;
        more[axis] = a.dilation * q;
        next.push_back(more);
      }
    }
    windows.taps_ = std::move(next);
  }
  windows.diagonal_ = pool.diagonal;
  windows.other_ = pool.other;
  const auto others = static_cast<double>(windows.count() - 1);
  for (std::size_t c = 0; c < pool.diagonal.size(); ++c) {
    const double d = pool.diagonal[c];
    const double o = pool.other[c];
    if (!std::isfinite(d) || !std::isfinite(o))
      throw Error("[convolution_inequality] D has entries that are not finite");
    if (!(d > 0x1p-60 && d < 0x1p60 && d - o > 0 && d + others * o > 0)) return std::nullopt;
  }
  return windows;
}

std::int64_t WindowMatrix::aliases() const { return alias_count(strides_); }

TorusPoint WindowMatrix::alias(const TorusPoint& t, std::int64_t alias) const { return alias_of(t, alias, strides_); }

Matrix<double> WindowMatrix::spread(const Matrix<double>& panel, const TorusPoint& t) const {
  if (strides_.empty()) return panel;
  const auto channels = static_cast<std::int64_t>(diagonal_.size());
  const double factor = 1 / std::sqrt(static_cast<double>(aliases()));
  Matrix<double> rows(2 * order(), panel.columns());
  for (std::size_t q = 0; q < taps_.size(); ++q) {
    const Phase turn = phase(taps_[q], t);
    const double cosine = turn.cosine * factor;
    const double sine = turn.sine * factor;
    const std::int64_t first = static_cast<std::int64_t>(q) * channels;
    for (std::int64_t j = 0; j < panel.columns(); ++j) {
      for (std::int64_t c = 0; c < channels; ++c) {
        rows(first + c, j) = cosine * panel(c, j) - sine * panel(channels + c, j);
        rows(order() + first + c, j) = sine * panel(c, j) + cosine * panel(channels + c, j);
      }
    }
  }
  return rows;
}

// A part is c Re - s Im: the errors of Re and Im count at most sqrt(2) times, the phase's 2 kPhaseError, and six
// operations round products that are at most M each.
double WindowMatrix::error(double error) const { return strides_.empty() ? error : round_up(2 * error + 0x1p-44); }

Matrix<double> WindowMatrix::scaled(double scale) const {
  const auto channels = static_cast<std::int64_t>(diagonal_.size());
  Matrix<double> d(2 * order(), 2 * order());
  for (std::int64_t part = 0; part < 2; ++part) {
    const std::int64_t first = part * order();
    for (std::int64_t c = 0; c < channels; ++c) {
      const double on = scale * diagonal_[static_cast<std::size_t>(c)];
      const double off = scale * other_[static_cast<std::size_t>(c)];
      for (std::int64_t q = 0; q < count(); ++q) {
        for (std::int64_t r = q; r < count(); ++r) {
          d(first + r * channels + c, first + q * channels + c) = r == q ? on : off;
        }
      }
    }
  }
  return d;
}

std::vector<double> WindowMatrix::scaled_diagonal(double scale) const {
  std::vector<double> scaled = diagonal_;
  for (double& d : scaled) d *= scale;
  return scaled;
}

Matrix<double> WindowMatrix::whitened(Matrix<double> g) const {
  const std::int64_t n = g.rows();
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) g(j, i) = g(i, j);
  }
  // (d - o) I + o 1 1^T to the power -1/2 is a I + b 1 1^T.
  const auto channels = static_cast<std::int64_t>(diagonal_.size());
  const auto positions = static_cast<double>(count());
  const auto from_left = [&] {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t first = 0; first < n; first += order()) {
        for (std::int64_t c = 0; c < channels; ++c) {
          const double d = diagonal_[static_cast<std::size_t>(c)];
          const double o = other_[static_cast<std::size_t>(c)];
          const double a = 1 / std::sqrt(d - o);
          const double b = (1 / std::sqrt(d + (positions - 1) * o) - a) / positions;
          double sum = 0;
          for (std::int64_t q = 0; q < count(); ++q) sum += g(first + q * channels + c, j);
          for (std::int64_t q = 0; q < count(); ++q) {
            double& value = g(first + q * channels + c, j);
            value = a * value + b * sum;
          }
        }
      }
    }
  };
  from_left();
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) std::swap(g(i, j), g(j, i));
  }
  from_left();
  return g;
}

}  // namespace sigmax::bounds
