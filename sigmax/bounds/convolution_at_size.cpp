#include "sigmax/bounds/convolution_at_size.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/convolution_ends.hpp"
#include "sigmax/bounds/convolution_one_axis.hpp"
#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/bounds/convolution_proof/grid_values.hpp"
#include "sigmax/bounds/convolution_proof/one_axis.hpp"
#include "sigmax/bounds/convolution_proof/sub_block.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/convolution_quotients.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {
namespace {

// The circular convolution: rows of a circulant whose symbol on the grid determines its norm.
struct Circular {
  std::vector<SymbolAxis> symbol;
  std::vector<GridAxis> grid;
  double repeats = 1;
  bool is_whole = true;
};

Circular circular_of(const Correlation& c) {
  Circular result;
  for (const CorrelationAxis& axis : c.axes) {
    const CircularAxis one = circular_axis(axis);
    result.symbol.push_back(one.symbol);
    result.grid.push_back({one.grid, 0, 1});
    result.repeats *= static_cast<double>(one.repeats);
    result.is_whole = result.is_whole && one.is_whole;
  }
  return result;
}

double points_of(const std::vector<GridAxis>& grid) {
  double points = 1;
  for (const GridAxis& axis : grid) points *= static_cast<double>(axis.grid);
  return points;
}

// One computation: its budget, and what its steps know so far.
class AtSize {
 public:
  AtSize(const Tensor& kernel, const ConvolutionGeometry& geometry, const ConvolutionNormOptions& options,
         Context& context)
      : kernel_(kernel),
        geometry_(geometry),
        options_(options),
        context_(context),
        budget_{options.most_flops, 0, 0},
        width_(options.relative_width > 0                               ? options.relative_width
               : geometry.layer().padding_mode == PaddingMode::Circular ? 1e-6
                                                                        : 0.02),
        quotients_(kernel, geometry, width_, budget_, context) {}

  ConvolutionNorm run() {
    const bool is_circular = geometry_.layer().padding_mode == PaddingMode::Circular;
    ConvolutionNorm result = zero_norm(is_circular ? ConvolutionQuestion::circular : ConvolutionQuestion::input_size);
    const Symbols symbols =
        symbols_of(kernel_, is_circular ? without_stride(geometry_.layer()) : geometry_.layer(), context_);
    if (symbols.is_zero) return result;
    ConvolutionEnds ends(result, symbols.exponent);
    if (is_circular) {
      circulant(ends);
    } else if (options_.upper_alone) {
      return upper_alone(symbols, ends) ? finished(result, ends) : result;
    } else if (!on_the_torus(symbols, ends)) {
      return result;
    }
    if (!is_circular && ends.width() > width_ && quotients_.is_large()) {
      // Zeros around a smaller image show S at the most.
      if (ends.lower_of_symbol() < supremum_.lower * (1 - 0.25 * width_)) quotients_.search(ends);
      if (ends.width() > width_) quotients_.search_all(ends);
    }
    if (!is_circular && ends.width() > width_) one_axis(ends);
    if (ends.width() > width_ && (!options_.upper_alone || is_cheap(flops_of_formed()))) formed(ends);
    if (!is_circular && ends.width() > width_) prove_one_axis(ends);
    if (!is_circular && ends.width() > width_ && result.upper_by != ConvolutionTheorem::one_axis) {
      const bool were_skipped = has_sharper();
      grids_alone_ = true;
      if (were_skipped) shifted_grids(symbols, least_, 2, ends);
      more_grids(symbols, ends);
    }
    return finished(result, ends);
  }

 private:
  ConvolutionNorm finished(ConvolutionNorm& result, ConvolutionEnds& ends) const {
    ends.finish(budget_);
    return result;
  }

  const Correlation& correlation() const { return geometry_.correlation(); }

  // Both ends from the symbol on the grid, if each row of the circulant occurs; repeated rows multiply the upper end.
  void circulant(ConvolutionEnds& ends) {
    const Circular circular = circular_of(correlation());
    const Symbols symbols = make_symbols(kernel_, geometry_.layer().groups, circular.symbol, context_);
    const double factor = circular.repeats > 1 ? round_up(std::sqrt(circular.repeats)) : 1.0;
    if (points_of(circular.grid) < kMostPoints) {
      const std::vector<TorusPoint> points = grid_points(circular.grid);
      const Range range = largest_on(symbols, points, nullptr, width_, kInfinity, budget_, context_);
      if (circular.is_whole) ends.lower(range.lower, ConvolutionTheorem::circulant);
      ends.upper(range.upper, ConvolutionTheorem::circulant, factor);
    } else {
      const Symbols all = symbols_of(kernel_, without_stride(geometry_.layer()), context_);
      const Range range = supremum(all, width_, budget_, context_);
      ends.upper(range.upper, ConvolutionTheorem::branch_and_bound, factor);
      if (circular.is_whole && !range.top.vector.re.empty()) next_to(all.groups[range.group], range.top, ends);
    }
    if (options_.upper_alone) return;
    // A smaller image with zeros around does not come closer than that.
    if (ends.width() > (quotients_.is_large() ? std::max(width_, kFromSmaller) : width_)) quotients_.search(ends);
  }

  // The point of the grid next to the maximum over the torus, where rows of every class modulo the stride occur. A
  // dilation d maps the grid of n points to that of n / gcd(d, n).
  void next_to(const Symbol& f, const Top& top, ConvolutionEnds& ends) const {
    TorusPoint t;
    for (std::size_t i = 0; i < correlation().axes.size(); ++i) {
      const CorrelationAxis& axis = correlation().axes[i];
      if (std::gcd(axis.stride, axis.input) != 1) return;
      const std::int64_t n = axis.input / std::gcd(axis.dilation, axis.input);
      const double turns = static_cast<double>(top.at.numerator[i]) / static_cast<double>(top.at.denominator[i]) *
                           static_cast<double>(n);
      t.numerator[i] = std::llround(turns) % n;
      t.denominator[i] = n;
    }
    ends.lower(quotient_below(f, t, top.vector), ConvolutionTheorem::circulant);
  }

  // The cheapest sharp theorem: false if every output reads padding alone.
  bool upper_alone(const Symbols& symbols, ConvolutionEnds& ends) {
    if (!embed()) return false;
    if (is_cheap(flops_of_formed())) {
      formed(ends);
      if (ends.width() < 1) return true;
    }
    grids_alone_ = true;
    const bool is_constant = std::all_of(symbols.groups.begin(), symbols.groups.end(), [](const Symbol& f) {
      return std::all_of(f.degree.begin(), f.degree.end(), [](double d) { return d == 0; });
    });
    if (is_constant || points_of(grid_of(least_)) > kFewPoints) {
      // On large images other theorems show little less.
      supremum_ = supremum(symbols, width_, budget_, context_);
      ends.upper(supremum_.upper, ConvolutionTheorem::branch_and_bound, factor_);
      return true;
    }
    // The one that avoids the frequency 0, where kernels that smooth have their norm, or the least of all.
    std::vector<GridAxis> grid = grid_of(least_);
    for (GridAxis& axis : grid) axis.numerator = 1;
    on_grid(symbols, grid, ends);
    if (is_cheap(std::exp2(static_cast<double>(grid.size())) * budget_.flops)) {
      shifted_grids(symbols, least_, 2, ends);
    }
    // By channel the many small matrices take longer than their operations.
    if (correlation().groups <= kFewGroups) {
      one_axis(ends);
      prove_one_axis(ends);
    }
    return true;
  }

  // The least grids, and what copies of entries multiply the norm with: false if every output reads padding alone.
  bool embed() {
    double copies = 1;
    for (const CorrelationAxis& axis : correlation().axes) {
      const bool zeros = mode() == PaddingMode::Zeros;
      const AxisEmbedding embedding = embedding_of(zeros ? axis : padded(axis));
      if (embedding.least_grid == 0) return false;
      least_.push_back(embedding.least_grid);
      copies *= static_cast<double>(copies_of(mode(), axis));
    }
    factor_ = copies > 1 ? round_up(std::sqrt(copies)) : 1.0;
    return true;
  }

  // S, and then shifted grids: false if every output reads padding alone.
  bool on_the_torus(const Symbols& symbols, ConvolutionEnds& ends) {
    if (!embed()) return false;
    if (!quotients_.is_large()) quotients_.search(ends);
    // A few cells show about how large S is, and bound it. It is enclosed further only if it is small enough to do.
    supremum_ = supremum(symbols, std::max(width_ / 8, kCoarse), budget_, context_);
    if (quotients_.is_large()) quotients_.at_peak(symbols, supremum_, ends);
    const double room = goal(ends) / supremum_.lower - 1;
    if (room > 0 || !(points_of(grid_of(least_)) < kMostPoints)) {
      supremum_ = supremum(symbols, std::max(width_ / 8, 0.5 * room), budget_, context_);
    }
    ends.upper(supremum_.upper, ConvolutionTheorem::branch_and_bound, factor_);
    if (ends.width() > width_) shifted_grids(symbols, least_, 2, ends);
    return true;
  }

  // The upper end of the symbol's values at which the width is reached.
  double goal(const ConvolutionEnds& ends) const { return ends.goal_of_symbol(width_, factor_); }

  static std::vector<GridAxis> grid_of(const std::vector<std::int64_t>& sizes) {
    std::vector<GridAxis> grid;
    grid.reserve(sizes.size());
    for (const std::int64_t size : sizes) grid.push_back({size, 0, 2});
    return grid;
  }

  // The least over the offsets 0, 1 / parts, ... of each axis, of the largest norm on the shifted grid.
  void shifted_grids(const Symbols& symbols, const std::vector<std::int64_t>& sizes, std::int64_t parts,
                     ConvolutionEnds& ends) {
    std::vector<GridAxis> grid;
    grid.reserve(sizes.size());
    for (const std::int64_t size : sizes) grid.push_back({size, 0, parts});
    if (!(points_of(grid) < kMostPoints)) return;
    std::int64_t offsets = 1;
    for (std::size_t i = 0; i < grid.size(); ++i) offsets *= parts;
    for (std::int64_t index = 0; index < offsets && ends.width() > width_; ++index) {
      std::int64_t rest = index;
      for (GridAxis& axis : grid) {
        axis.numerator = rest % parts;
        rest /= parts;
      }
      on_grid(symbols, grid, ends);
    }
  }

  void on_grid(const Symbols& symbols, const std::vector<GridAxis>& grid, ConvolutionEnds& ends) {
    // Where a sharper theorem is at hand, a grid that does not reach the width is not worth its proof.
    const double most = ends.upper_of_symbol(factor_);
    const double enough = has_sharper() ? std::min(goal(ends), most) : most;
    const Range* const near = supremum_.top.vector.re.empty() ? nullptr : &supremum_;
    const Range range = largest_on(symbols, grid_points(grid), near, width_ / 8, enough, budget_, context_);
    ends.upper(range.upper, ConvolutionTheorem::offset_grid, factor_);
  }

  bool is_cheap(double flops) const { return flops <= kShareOfSharper * options_.most_flops; }

  bool has_sharper() const { return !grids_alone_ && (options_.one_axis_up_to > 0 || may_form()); }

  // The best axis to keep whole: proven at once if that reaches the width and costs less than the matrix itself, kept
  // for later otherwise.
  void one_axis(ConvolutionEnds& ends) {
    if (!(points_of(grid_of(least_)) < kMostPoints)) return;
    const double most = options_.upper_alone ? kShareOfSharper * options_.most_flops : kInfinity;
    whole_ = best_one_axis(kernel_, geometry_, least_, {options_.one_axis_up_to, most}, budget_, context_);
    if (!whole_) return;
    if (whole_->estimate * (1 + 0.1 * width_) <= goal(ends) && !(may_form() && flops_of_formed() < whole_->flops)) {
      prove_one_axis(ends);
    }
  }

  void prove_one_axis(ConvolutionEnds& ends) {
    if (!whole_ || whole_->estimate >= ends.upper_of_symbol(factor_)) return;
    const OneAxisChoice best = *std::exchange(whole_, std::nullopt);
    const double room = goal(ends) / best.estimate - 1;
    const double width = room > 0 ? std::max(room, 0.1 * width_) : 0.1 * width_;
    ends.upper(one_axis_upper(best.symbols, best.whole, best.points, best.estimate, width, budget_, context_),
               ConvolutionTheorem::one_axis, factor_);
  }

  // Larger grids and quarter offsets.
  void more_grids(const Symbols& symbols, ConvolutionEnds& ends) {
    for (std::int64_t more = 1; more <= 3 && ends.width() > width_; ++more) {
      std::vector<std::int64_t> sizes = least_;
      for (std::int64_t& size : sizes) size += more;
      shifted_grids(symbols, sizes, 2, ends);
    }
    if (ends.width() > width_) shifted_grids(symbols, least_, 4, ends);
  }

  double flops_of_formed() const {
    const double rows = static_cast<double>(geometry_.rows());
    const double columns = static_cast<double>(geometry_.columns());
    const double order = std::min(rows, columns);
    return rows * columns * order * 2 + order * order * order;
  }
  bool may_form() const {
    const double entries = static_cast<double>(geometry_.rows()) * static_cast<double>(geometry_.columns());
    return quotients_.fits() && std::min(geometry_.rows(), geometry_.columns()) <= options_.dense_up_to &&
           entries < 0x1p27 && budget_.allows(flops_of_formed());
  }

  // The matrix itself, where it is small.
  void formed(ConvolutionEnds& ends) {
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
    const SvdResult<double> found = svd(*a, search, context_);
    const Enclosure enclosure = certify(*a, found, certificate, context_);
    budget_.flops += flops_of_formed() + static_cast<double>(found.statistics.products) * flops_of_step(geometry_);
    ends.take_lower(enclosure.lower, ConvolutionTheorem::product);
    if (enclosure.upper && enclosure.upper->certainty() == Certainty::proven) {
      ends.take_upper(enclosure.upper->value(), ConvolutionTheorem::dense);
    }
  }

  PaddingMode mode() const { return geometry_.layer().padding_mode; }

  static constexpr double kMostPoints = 1e6;
  static constexpr double kCoarse = 0.1;
  static constexpr double kFewPoints = 256;  // of a grid that S is not cheaper than
  static constexpr std::int64_t kFewGroups = 16;
  static constexpr double kShareOfSharper = 0.1;  // of the operations, where the upper end is all that counts
  static constexpr double kFromSmaller = 1e-3;

  const Tensor& kernel_;
  const ConvolutionGeometry& geometry_;
  const ConvolutionNormOptions& options_;
  Context& context_;
  Budget budget_;
  double width_;
  ConvolutionQuotients quotients_;
  double factor_ = 1;
  std::vector<std::int64_t> least_;
  Range supremum_;
  std::optional<OneAxisChoice> whole_;  // until it is proven
  bool grids_alone_ = false;            // sharper theorems did not help
};

// The matrix is block diagonal after a permutation, so both ends are the largest ones of the blocks.
ConvolutionNorm largest_of_copies(const Tensor& kernel, const Correlation& c, const ConvolutionNormOptions& options,
                                  Context& context) {
  ConvolutionNorm largest = zero_norm(ConvolutionQuestion::input_size);
  double upper = 0;
  ConvolutionEnds ends(largest, 0);
  Budget used{options.most_flops, 0, 0};
  for (const ConvolutionGeometry& geometry : interleaved_geometries(c)) {
    ConvolutionNormOptions rest = options;
    rest.most_flops = std::max(options.most_flops - used.flops, 1.0);
    const ConvolutionNorm one = AtSize(kernel, geometry, rest, context).run();
    used.flops += one.flops;
    used.points += one.points;
    ends.take_lower(one.sigma_max.lower, one.lower_by);
    const double most = one.sigma_max.upper ? one.sigma_max.upper->value() : kInfinity;
    if (most < upper) continue;
    upper = most;
    largest.upper_by = one.upper_by;
  }
  const ConvolutionTheorem by = largest.upper_by;
  ends.take_upper(upper, by);
  ends.finish(used);
  return largest;
}

}  // namespace

ConvolutionNorm norm_at_size(const Tensor& kernel, const ConvolutionGeometry& geometry,
                             const ConvolutionNormOptions& options, Context& context) {
  const Correlation& c = geometry.correlation();
  if (c.padding_mode == PaddingMode::Zeros && std::any_of(c.axes.begin(), c.axes.end(), is_spread_out)) {
    return largest_of_copies(kernel, c, options, context);
  }
  return AtSize(kernel, geometry, options, context).run();
}

}  // namespace sigmax::bounds
