#include "sigmax/nn/regularize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/outer_update.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::nn {
namespace {

using grad::GradientKind;
using grad::NormGradient;

template <Real T>
struct Evaluate {
  const Tensor& weight;
  ScannedMatrix& scanned;
  std::span<T> grad;
  const grad::NormVjpOptions& options;
  Context& context;

  NormGradient operator()(penalty::SquaredFrobenius) const {
    const kernels::Scan& facts = scanned.facts();
    NormGradient result;
    result.value = facts.sum_squares / facts.scale / facts.scale;
    if (!grad.empty()) {
      norms::add_entries<T>(norms::entries_of(scanned), norms::entry::Proportional{1, 0.5}, options.scale, grad,
                            context);
    }
    return result;
  }

  NormGradient operator()(const norms::Norm& which) const {
    if (!grad.empty()) return grad::norm_vjp<T>(weight, which, options, grad, context);
    NormGradient result;
    result.value = norms::norm(weight, which, context).value;
    return result;
  }

  // W (G - I) is the sum over k of the columns of W times those of G - I; (G - I) W is that of the columns of G - I
  // times the rows of W.
  NormGradient operator()(penalty::Orthogonality) const {
    const GramMatrix& g = scanned.gram(context);
    // One factor after another: each is finite, so an entry of 0 stays 0.
    const double factor = scanned.in_range(context).factor;
    Matrix<double> excess(g.order, g.order);
    for (std::int64_t j = 0; j < g.order; ++j) {
      for (std::int64_t i = 0; i <= j; ++i)
        excess(i, j) = g.values.data()[i + j * g.order] / g.scale / g.scale * factor * factor;
    }
    mirror_upper(excess.values().data(), g.order, context);
    for (std::int64_t i = 0; i < g.order; ++i) excess(i, i) -= 1;
    NormGradient result;
    for (std::int64_t j = 0; j < g.order; ++j) {
      double sum = 0;
      for (const double value : excess.column(j)) sum += value * value;
      result.value += sum;
    }
    if (grad.empty()) return result;
    const std::vector<double> weights(static_cast<std::size_t>(g.order), 4 * options.scale);
    // The row side of W is that of the stored matrix, or the other one if the stored matrix is the transpose.
    if (g.of_rows != scanned.view().transposed) {
      const Matrix<double> w = materialize(*dense<double>(transposed(weight)), context);
      grad::update_outer<T>({std::as_const(excess).view(), w.view(), weights}, 1, grad, context);
    } else {
      const Matrix<double> w = materialize(*dense<double>(weight), context);
      grad::update_outer<T>({w.view(), std::as_const(excess).view(), weights}, 1, grad, context);
    }
    return result;
  }

  NormGradient operator()(penalty::SpectralOrthogonality) const {
    const Operator<double> a = dense<double>(weight);
    grad::NormVjpOptions unscaled = options;
    unscaled.scale = 1;
    auto top = grad::norm_cotangent<double>(*a, norms::Spectral{}, unscaled, context);
    auto bottom = grad::norm_cotangent<double>(*a, norms::SmallestSingular{}, unscaled, context);
    const double above = top.norm.value * top.norm.value - 1;
    const double below = 1 - bottom.norm.value * bottom.norm.value;
    NormGradient result;
    result.value = std::max(above, below);
    const bool stalled =
        top.norm.outcome == SvdOutcome::out_of_products || bottom.norm.outcome == SvdOutcome::out_of_products;
    if (stalled) result.outcome = SvdOutcome::out_of_products;
    auto& decides = above >= below ? top : bottom;
    const double longer = static_cast<double>(std::max(weight.shape()[0], weight.shape()[1]));
    const double rounding =
        8 * longer * std::numeric_limits<double>::epsilon() * std::max(1.0, top.norm.value * top.norm.value);
    result.gap = std::fabs(above - below);
    // sigma^2 is smooth at sigma = 0, whatever the multiplicity.
    const bool at_zero = decides.gradient.weights.empty();
    if (std::fabs(above - below) <= rounding) {
      result.kind = GradientKind::generalized;
      result.note = "both ends are as far from 1";
    } else if (decides.norm.kind != GradientKind::unique && !at_zero) {
      result.kind = GradientKind::generalized;
      result.note = decides.norm.note;
    }
    const double factor = options.scale * 2 * decides.norm.value * (above >= below ? 1 : -1);
    for (double& value : decides.gradient.weights) value *= factor;
    if (!grad.empty()) grad::update_outer<T>(decides.gradient.view(), 1, grad, context);
    return result;
  }
};

}  // namespace

template <Real T>
grad::NormGradient regularize(const Tensor& weight, const Penalty& penalty, const grad::NormVjpOptions& options,
                              std::span<T> grad, Context& context) {
  const FloatingEnvironment environment;
  if (!grad.empty() && static_cast<std::int64_t>(grad.size()) != weight.size()) {
    throw Error(fmt::format("[regularize] a gradient of {} entries for a weight of shape {}", grad.size(),
                            to_string(weight.shape())));
  }
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[regularize] the scale must be finite, got {}", options.scale));
  }
  ScannedMatrix scanned = scanned_finite(weight, "regularize", "weight", context);
  return std::visit(Evaluate<T>{weight, scanned, grad, options, context}, penalty);
}

template grad::NormGradient regularize<float>(const Tensor&, const Penalty&, const grad::NormVjpOptions&,
                                              std::span<float>, Context&);
template grad::NormGradient regularize<double>(const Tensor&, const Penalty&, const grad::NormVjpOptions&,
                                               std::span<double>, Context&);

}  // namespace sigmax::nn
