#include "sigmax/bounds/convolution_inequality/frequency_factor.hpp"

#include <cmath>
#include <utility>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax::bounds {
namespace {

// c of images k, times the largest entry 2 of the diagonal (1 for the input), and the errors of forming: what is
// subtracted from the diagonal. `below` rows of the next images or of the end meet a channel.
double shift_of(std::int64_t width, std::int64_t above, std::int64_t below, bool is_input, double forming) {
  const double own = is_input ? gamma(8) : static_cast<double>(2 * width) * gamma(above + 2 * width + 6);
  const std::int64_t terms = is_input ? 1 : 2 * width;
  // A row meets `above` real columns of the images before, each with inner products of at most that many terms.
  const double with_above = static_cast<double>(above) * gamma(above + 6);
  const double with_below = static_cast<double>(below) * gamma(terms + 6);
  const double relative = (is_input ? 1.0 : 2.0) * (own + with_above + with_below);
  return round_up((relative + forming) * (1 + 0x1p-8)) + 0x1p-400;
}

}  // namespace

std::optional<FrequencyFactor> FrequencyFactor::make(const ImageSegment& segment, const EndNeeds& end) {
  FrequencyFactor factor;
  factor.width_.push_back(static_cast<std::int64_t>(segment.input.size()));
  const std::vector<double>* columns = &segment.input;
  for (const ImageNeurons& layer : segment.neurons) {
    auto panel = SymbolPanel::make(layer.map, layer.most, layer.unit, *columns);
    if (!panel) return std::nullopt;
    factor.panels_.push_back(std::move(*panel));
    factor.width_.push_back(factor.panels_.back().rows());
    columns = &layer.unit;
  }
  for (std::size_t k = 0; k < factor.width_.size(); ++k) {
    const SymbolPanel* before = k == 0 ? nullptr : &factor.panels_[k - 1];
    const SymbolPanel* after = k + 1 < factor.width_.size() ? &factor.panels_[k] : nullptr;
    const std::int64_t above = before ? 2 * before->aliases() * before->columns() : 0;
    double forming = after ? 2 * after->error() * after->column_sum() : end.errors;
    if (before) forming += 2 * before->error() * static_cast<double>(before->aliases()) * before->row_sum();
    factor.shift_.push_back(shift_of(factor.width_[k], above, after ? 2 * after->rows() : end.rows, k == 0, forming));
    if (!(factor.shift_.back() < 0.5)) return std::nullopt;
  }
  factor.input_pivot_ = std::sqrt(1 - factor.shift_.front());
  return factor;
}

bool FrequencyFactor::solve(const TorusPoint& t, Matrix<double>& rows, Context& context) const {
  return solve(width_.size() - 1, t, rows, context);
}

bool FrequencyFactor::solve(std::size_t image, const TorusPoint& t, Matrix<double>& rows, Context& context) const {
  if (image == 0) {
    for (double& value : rows.values()) value /= input_pivot_;
    return true;
  }
  const SymbolPanel& panel = panels_[image - 1];
  const std::int64_t order = 2 * width_[image];
  Matrix<double> block(order, order);
  for (std::int64_t i = 0; i < order; ++i) block(i, i) = 2 - shift_[image];
  for (std::int64_t alias = 0; alias < panel.aliases(); ++alias) {
    const TorusPoint before = panel.alias(t, alias);
    Matrix<double> below = panel.at(before);
    if (!solve(image - 1, before, below, context)) return false;
    tiled::add_square(-1, below, 1, block, context);
  }
  if (!cholesky(block.values().data(), order, context)) return false;
  tiled::solve_from_right(block, rows, context);
  return true;
}

}  // namespace sigmax::bounds
