#include "sigmax/bounds/convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/bounds/convolution_proof/one_axis.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {
namespace {

using bounds::Budget;
using bounds::Proof;
using bounds::Range;
using bounds::round_up;
using bounds::Symbols;

void check(const ConvolutionNormOptions& options) {
  if (!(options.relative_width >= 0 && options.relative_width < 1)) {
    throw Error(fmt::format("[convolution_norm] the relative width must be at least 0 and below 1, got {}",
                            options.relative_width));
  }
  if (!(options.most_flops > 0)) {
    throw Error(
        fmt::format("[convolution_norm] the number of operations must be positive, got {}", options.most_flops));
  }
}

void check_shape(const Tensor& kernel, const ConvolutionLayer& layer) {
  if (kernel.shape() == layer.kernel_shape()) return;
  throw Error(fmt::format("[convolution_norm] the layer ({}) takes a kernel {}, got {}", describe(layer),
                          to_string(layer.kernel_shape()), to_string(kernel.shape())));
}

ConvolutionNorm nothing_of(ConvolutionQuestion question) {
  return {bounds::zero_enclosure(), 0, question, ConvolutionTheorem::zero, ConvolutionTheorem::zero, 1, 0, 0};
}

// Ends in the kernel's own units, as they come in, the best of them kept.
class Ends {
 public:
  Ends(ConvolutionNorm& result, std::int64_t exponent) : result_(result), exponent_(exponent) {}

  // Of the symbols' values.
  void lower(double value, ConvolutionTheorem by) {
    if (!(value > 0)) return;
    const LowerBound end = bounds::widened_lower(bounds::times_power(value, exponent_));
    take(end, by);
  }
  void take(LowerBound end, ConvolutionTheorem by) {
    if (lower_ && end.value() <= lower_->value()) return;
    lower_ = end;
    result_.lower_by = by;
  }
  void upper(double value, ConvolutionTheorem by, double factor) {
    if (!(value < kInfinity)) return;
    const double end = bounds::widened_upper(bounds::times_power(round_up(value * factor), exponent_));
    if (upper_ <= end) return;
    take_upper(end, by);
    result_.border_factor = factor;
  }
  void take_upper(double end, ConvolutionTheorem by) {
    if (upper_ <= end) return;
    upper_ = end;
    result_.upper_by = by;
    result_.border_factor = 1;
  }

  // The upper end in units of the symbols' values, without the factor.
  double upper_of_symbol(double factor) const { return bounds::times_power(upper_, -exponent_) / factor; }
  // The upper end in these units at which the width is reached.
  double goal_of_symbol(double width, double factor) const {
    return bounds::times_power(lower_value() / (1 - width), -exponent_) / factor * (1 - 0x1p-44);
  }
  bool has_upper() const { return upper_ < kInfinity; }
  double lower_value() const { return lower_ ? lower_->value() : 0.0; }
  double width() const { return upper_ < kInfinity ? (upper_ - lower_value()) / upper_ : 1.0; }

  void finish(const Budget& budget) {
    if (!lower_) lower_ = Proof::lower(0);
    result_.sigma_max = Proof::enclosure(*lower_, Proof::proven(upper_));
    result_.estimate = std::max(result_.estimate, lower_->value());
    result_.points = budget.points;
    result_.flops = budget.flops;
  }

 private:
  ConvolutionNorm& result_;
  std::int64_t exponent_;
  std::optional<LowerBound> lower_;
  double upper_ = kInfinity;
};

// The symbols of a layer with the strides kept, or, for circular padding, of the layer with stride 1.
Symbols symbols_of(const Tensor& kernel, const ConvolutionLayer& layer, bool with_stride, Context& context) {
  ConvolutionLayer other = layer;
  if (!with_stride) {
    for (ConvolutionAxis& axis : other.axes) axis.stride = 1;
  }
  return bounds::make_symbols(kernel, layer.groups, bounds::reduced_axes(other), context);
}

bool has_stride(const ConvolutionLayer& layer) {
  return std::any_of(layer.axes.begin(), layer.axes.end(), [](const ConvolutionAxis& a) { return a.stride > 1; });
}

// The circular convolution: rows of a circulant whose symbol on the grid determines its norm.
struct Circular {
  std::vector<bounds::SymbolAxis> symbol;
  std::vector<bounds::GridAxis> grid;
  double repeats = 1;
  bool is_whole = true;
};

Circular circular_of(const Correlation& c) {
  Circular result;
  for (const CorrelationAxis& axis : c.axes) {
    const bounds::CircularAxis one = bounds::circular_axis(axis);
    result.symbol.push_back(one.symbol);
    result.grid.push_back({one.grid, 0, 1});
    result.repeats *= static_cast<double>(one.repeats);
    result.is_whole = result.is_whole && one.is_whole;
  }
  return result;
}

double points_of(const std::vector<bounds::GridAxis>& grid) {
  double points = 1;
  for (const bounds::GridAxis& axis : grid) points *= static_cast<double>(axis.grid);
  return points;
}

// A given input size.
class AtSize {
 public:
  AtSize(const Tensor& kernel, const ConvolutionGeometry& geometry, const ConvolutionNormOptions& options,
         Context& context)
      : kernel_(kernel), geometry_(geometry), options_(options), context_(context) {
    budget_.most_flops = options.most_flops;
  }

  ConvolutionNorm run() {
    const bool is_circular = geometry_.layer().padding_mode == PaddingMode::Circular;
    ConvolutionNorm result = nothing_of(is_circular ? ConvolutionQuestion::circular : ConvolutionQuestion::input_size);
    width_ = options_.relative_width > 0 ? options_.relative_width : is_circular ? 1e-6 : 0.02;
    const Symbols symbols = symbols_of(kernel_, geometry_.layer(), !is_circular, context_);
    if (symbols.is_zero) return result;
    Ends ends(result, symbols.exponent);
    if (is_circular) {
      circulant(ends);
    } else if (!on_the_torus(symbols, ends)) {
      return result;
    }
    if (!is_circular && ends.width() > width_) one_axis(ends);
    if (ends.width() > width_) formed(ends);
    if (!is_circular && ends.width() > width_) prove_one_axis(ends);
    if (!is_circular && ends.width() > width_ && result.upper_by != ConvolutionTheorem::one_axis) {
      const bool were_skipped = has_sharper();
      grids_alone_ = true;
      if (were_skipped) shifted_grids(symbols, least_, 2, ends);
      more_grids(symbols, ends);
    }
    ends.finish(budget_);
    return result;
  }

 private:
  const Correlation& correlation() const { return geometry_.correlation(); }

  // Both ends from the symbol on the grid, if each row of the circulant occurs; repeated rows multiply the upper end.
  void circulant(Ends& ends) {
    const Circular circular = circular_of(correlation());
    const Symbols symbols = bounds::make_symbols(kernel_, geometry_.layer().groups, circular.symbol, context_);
    const double factor = circular.repeats > 1 ? round_up(std::sqrt(circular.repeats)) : 1.0;
    if (points_of(circular.grid) < kMostPoints) {
      const std::vector<bounds::TorusPoint> points = bounds::grid_points(circular.grid);
      const Range range = bounds::largest_on(symbols, points, nullptr, width_, kInfinity, budget_, context_);
      if (circular.is_whole) ends.lower(range.lower, ConvolutionTheorem::circulant);
      ends.upper(range.upper, ConvolutionTheorem::circulant, factor);
    } else {
      const Symbols all = symbols_of(kernel_, geometry_.layer(), false, context_);
      ends.upper(bounds::supremum(all, width_, budget_, context_).upper, ConvolutionTheorem::branch_and_bound, factor);
    }
    if (ends.width() > width_) product(ends);
  }

  // S, and then shifted grids: false if every output reads padding alone.
  bool on_the_torus(const Symbols& symbols, Ends& ends) {
    double copies = 1;
    for (const CorrelationAxis& axis : correlation().axes) {
      const bool zeros = mode() == PaddingMode::Zeros;
      const bounds::AxisEmbedding embedding = bounds::embedding_of(zeros ? axis : bounds::padded(axis));
      if (embedding.least_grid == 0) return false;
      least_.push_back(embedding.least_grid);
      copies *= static_cast<double>(bounds::copies_of(mode(), axis));
    }
    factor_ = copies > 1 ? round_up(std::sqrt(copies)) : 1.0;
    product(ends);
    // A few cells show about how large S is, and bound it. It is enclosed further only if it is small enough to do.
    supremum_ = bounds::supremum(symbols, std::max(width_ / 8, kCoarse), budget_, context_);
    const double room = goal(ends) / supremum_.lower - 1;
    if (room > 0 || !(points_of(grid_of(least_)) < kMostPoints)) {
      supremum_ = bounds::supremum(symbols, std::max(width_ / 8, 0.5 * room), budget_, context_);
    }
    ends.upper(supremum_.upper, ConvolutionTheorem::branch_and_bound, factor_);
    if (ends.width() > width_) shifted_grids(symbols, least_, 2, ends);
    return true;
  }

  // The upper end of the symbol's values at which the width is reached.
  double goal(const Ends& ends) const { return ends.goal_of_symbol(width_, factor_); }

  static std::vector<bounds::GridAxis> grid_of(const std::vector<std::int64_t>& sizes) {
    std::vector<bounds::GridAxis> grid;
    for (const std::int64_t size : sizes) grid.push_back({size, 0, 2});
    return grid;
  }

  // The least over the offsets 0, 1 / parts, ... of each axis, of the largest norm on the shifted grid.
  void shifted_grids(const Symbols& symbols, const std::vector<std::int64_t>& sizes, std::int64_t parts, Ends& ends) {
    std::vector<bounds::GridAxis> grid;
    grid.reserve(sizes.size());
    for (const std::int64_t size : sizes) grid.push_back({size, 0, parts});
    if (!(points_of(grid) < kMostPoints)) return;
    std::int64_t offsets = 1;
    for (std::size_t i = 0; i < grid.size(); ++i) offsets *= parts;
    for (std::int64_t index = 0; index < offsets && ends.width() > width_; ++index) {
      std::int64_t rest = index;
      for (bounds::GridAxis& axis : grid) {
        axis.numerator = rest % parts;
        rest /= parts;
      }
      const std::vector<bounds::TorusPoint> points = bounds::grid_points(grid);
      // Where a sharper theorem is at hand, a grid that does not reach the width is not worth its proof.
      const double most = ends.upper_of_symbol(factor_);
      const double enough = has_sharper() ? std::min(goal(ends), most) : most;
      const Range range = bounds::largest_on(symbols, points, &supremum_, width_ / 8, enough, budget_, context_);
      ends.upper(range.upper, ConvolutionTheorem::offset_grid, factor_);
    }
  }

  // One axis whole, the others on shifted grids.
  struct Candidate {
    Symbols symbols;
    bounds::WholeAxis whole;
    std::vector<bounds::TorusPoint> points;
    double estimate = 0;
  };

  // The correlation on one axis without copies, and the symbol in which it is whole.
  bounds::WholeAxis whole_axis(std::size_t axis) const {
    const CorrelationAxis& own = correlation().axes[axis];
    return {axis, mode() == PaddingMode::Zeros ? own : bounds::padded(own)};
  }

  std::vector<bounds::TorusPoint> points_around(std::size_t axis, std::int64_t offsets) const {
    std::vector<bounds::GridAxis> grid = grid_of(least_);
    for (std::size_t i = 0; i < grid.size(); ++i) {
      if (i == axis) {
        grid[i] = {};
      } else {
        grid[i].numerator = offsets % 2;
        offsets /= 2;
      }
    }
    return bounds::grid_points(grid);
  }

  bool admits(const Symbols& symbols, std::size_t axis, std::size_t points) const {
    const bounds::OneAxisCost cost = bounds::one_axis_cost(symbols, whole_axis(axis), points);
    return cost.bytes <= kMostBytes && budget_.allows(cost.flops);
  }

  bool has_sharper() const { return !grids_alone_ && (options_.one_axis_up_to > 0 || may_form()); }

  // Over the axes and the offsets of the others, those whose largest norm is the least: proven at once if that reaches
  // the width and costs less than the matrix itself, kept for later otherwise.
  void one_axis(Ends& ends) {
    double cost = 0;
    for (std::size_t axis = 0; axis < least_.size(); ++axis) {
      const bounds::WholeAxis whole = whole_axis(axis);
      if (!(points_of(grid_of(least_)) < kMostPoints) || order_with(axis) > options_.one_axis_up_to) continue;
      std::vector<bounds::SymbolAxis> axes = bounds::reduced_axes(geometry_.layer());
      axes[axis] = {whole.axis.kernel, 1, 1};
      Symbols around = bounds::make_symbols(kernel_, geometry_.layer().groups, axes, context_);
      for (std::int64_t offsets = 0; offsets < std::int64_t{1} << (least_.size() - 1); ++offsets) {
        std::vector<bounds::TorusPoint> points = points_around(axis, offsets);
        if (!admits(around, axis, points.size())) continue;
        const double estimate = bounds::one_axis_estimate(around, whole, points, context_);
        if (!whole_.empty() && whole_.front().estimate <= estimate) continue;
        cost = bounds::one_axis_cost(around, whole, points.size()).flops;
        whole_.clear();
        whole_.push_back({around, whole, std::move(points), estimate});
      }
    }
    if (whole_.empty()) return;
    if (whole_.front().estimate * (1 + 0.1 * width_) <= goal(ends) && !(may_form() && flops_of_formed() < cost)) {
      prove_one_axis(ends);
    }
  }

  void prove_one_axis(Ends& ends) {
    if (whole_.empty() || whole_.front().estimate >= ends.upper_of_symbol(factor_)) return;
    const Candidate best = std::move(whole_.front());
    whole_.clear();
    const double room = goal(ends) / best.estimate - 1;
    const double width = room > 0 ? std::max(room, 0.1 * width_) : 0.1 * width_;
    ends.upper(bounds::one_axis_upper(best.symbols, best.whole, best.points, best.estimate, width, budget_, context_),
               ConvolutionTheorem::one_axis, factor_);
  }

  // The order of the matrices that are factored with one axis whole.
  std::int64_t order_with(std::size_t axis) const {
    const Correlation& c = correlation();
    const CorrelationAxis one = whole_axis(axis).axis;
    std::int64_t phases = 1;
    for (std::size_t i = 0; i < c.axes.size(); ++i) phases *= i == axis ? 1 : c.axes[i].stride;
    return std::min(c.out_channels / c.groups * one.output, c.in_channels / c.groups * phases * one.input);
  }

  // Larger grids and quarter offsets.
  void more_grids(const Symbols& symbols, Ends& ends) {
    for (std::int64_t more = 1; more <= 3 && ends.width() > width_; ++more) {
      std::vector<std::int64_t> sizes = least_;
      for (std::int64_t& size : sizes) size += more;
      shifted_grids(symbols, sizes, 2, ends);
    }
    if (ends.width() > width_) shifted_grids(symbols, least_, 4, ends);
  }

  // |A v| / |v| for the v that Lanczos finds.
  void product(Ends& ends) {
    const Operator<double> a = convolution<double>(kernel_, geometry_);
    SvdOptions<double> search;
    search.random = RandomState{};
    search.check = Check::none;
    search.tolerance = std::clamp(width_ / 16, 1e-10, 1e-2);
    search.max_products = 300;
    CertifyOptions certificate;
    certificate.method = CertifyMethod::none;
    certificate.random = RandomState{};
    const SvdResult<double> found = svd(*a, search, context_);
    ends.take(certify(*a, found, certificate, context_).lower, ConvolutionTheorem::product);
    budget_.flops += static_cast<double>(found.statistics.products) * 4 * static_cast<double>(correlation().rows()) *
                     static_cast<double>(correlation().terms());
  }

  double flops_of_formed() const {
    const double rows = static_cast<double>(geometry_.rows());
    const double columns = static_cast<double>(geometry_.columns());
    const double order = std::min(rows, columns);
    return rows * columns * order * 2 + order * order * order;
  }
  bool may_form() const {
    const double entries = static_cast<double>(geometry_.rows()) * static_cast<double>(geometry_.columns());
    return std::min(geometry_.rows(), geometry_.columns()) <= options_.dense_up_to && entries < 0x1p27 &&
           budget_.allows(flops_of_formed());
  }

  // The matrix itself, where it is small.
  void formed(Ends& ends) {
    if (!may_form()) return;
    const Operator<double> a = convolution<double>(kernel_, geometry_);
    CertifyOptions certificate;
    certificate.method = CertifyMethod::proven;
    certificate.proven_up_to = options_.dense_up_to;
    certificate.relative_width = width_;
    certificate.random = RandomState{};
    SvdOptions<double> search;
    search.random = RandomState{};
    search.check = Check::none;
    search.tolerance = std::clamp(width_ / 16, 1e-12, 1e-3);
    const Enclosure enclosure = certify(*a, svd(*a, search, context_), certificate, context_);
    budget_.flops += flops_of_formed();
    ends.take(enclosure.lower, ConvolutionTheorem::product);
    if (enclosure.upper && enclosure.upper->certainty() == Certainty::proven) {
      ends.take_upper(enclosure.upper->value(), ConvolutionTheorem::dense);
    }
  }

  PaddingMode mode() const { return geometry_.layer().padding_mode; }

  static constexpr double kMostPoints = 1e6;
  static constexpr double kMostBytes = 0x1p29;  // of a matrix with one axis whole
  static constexpr double kCoarse = 0.1;

  const Tensor& kernel_;
  const ConvolutionGeometry& geometry_;
  const ConvolutionNormOptions& options_;
  Context& context_;
  Budget budget_;
  double width_ = 0;
  double factor_ = 1;
  std::vector<std::int64_t> least_;
  Range supremum_;
  std::vector<Candidate> whole_;  // the best one, until it is proven
  bool grids_alone_ = false;      // sharper theorems did not help
};

}  // namespace

std::string_view name(ConvolutionQuestion question) noexcept {
  switch (question) {
    case ConvolutionQuestion::every_size: return "every_size";
    case ConvolutionQuestion::input_size: return "input_size";
    case ConvolutionQuestion::circular: return "circular";
  }
  return "every_size";
}

std::string_view name(ConvolutionTheorem theorem) noexcept {
  switch (theorem) {
    case ConvolutionTheorem::zero: return "zero";
    case ConvolutionTheorem::torus_point: return "torus_point";
    case ConvolutionTheorem::branch_and_bound: return "branch_and_bound";
    case ConvolutionTheorem::circulant: return "circulant";
    case ConvolutionTheorem::offset_grid: return "offset_grid";
    case ConvolutionTheorem::one_axis: return "one_axis";
    case ConvolutionTheorem::dense: return "dense";
    case ConvolutionTheorem::product: return "product";
  }
  return "zero";
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  validate(layer);
  check(options);
  check_shape(kernel, layer);
  ConvolutionNorm result = nothing_of(ConvolutionQuestion::every_size);
  const Symbols symbols = symbols_of(kernel, layer, true, context);
  if (symbols.is_zero) return result;
  const double width = options.relative_width > 0 ? options.relative_width : 1e-6;
  Budget budget{options.most_flops, 0, 0};
  Ends ends(result, symbols.exponent);
  double copies = 1;
  for (const ConvolutionAxis& axis : layer.axes) copies *= bounds::copies_at_every_size(layer.padding_mode, axis);
  const double factor = copies > 1 ? round_up(std::sqrt(copies)) : 1.0;
  const Range range = bounds::supremum(symbols, width, budget, context);
  ends.lower(range.lower, ConvolutionTheorem::torus_point);
  if (layer.padding_mode == PaddingMode::Circular && has_stride(layer)) {
    // Sizes that the stride does not divide: rows of the convolution with stride 1.
    const Range all = bounds::supremum(symbols_of(kernel, layer, false, context), width, budget, context);
    ends.upper(all.upper, ConvolutionTheorem::branch_and_bound, factor);
  } else {
    ends.upper(range.upper, ConvolutionTheorem::branch_and_bound, factor);
  }
  ends.finish(budget);
  return result;
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options) {
  Context context;
  return convolution_norm(kernel, layer, options, context);
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(options);
  check_shape(kernel, geometry.layer());
  return AtSize(kernel, geometry, options, context).run();
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options) {
  Context context;
  return convolution_norm(kernel, geometry, options, context);
}

}  // namespace sigmax
