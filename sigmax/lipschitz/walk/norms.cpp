#include "sigmax/lipschitz/walk/norms.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include "sigmax/bounds/convolution.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/ranges/linear.hpp"
#include "sigmax/graph/scalar/interval.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::lipschitz {
namespace {

/// The kernel and the geometry of an operator that is a convolution, or the transpose of one: the norm is the same.
/// Nothing if the geometry cannot be told from the correlation, whose output may have been cut.
std::optional<std::pair<Tensor, ConvolutionGeometry>> convolution_of(const Operator<double>& a) {
  const Structure<double> structure = a->structure();
  if (const auto* const transposed = std::get_if<structure::Transposed<double>>(&structure)) {
    return convolution_of(transposed->of);
  }
  const auto* const convolution = std::get_if<structure::Convolution>(&structure);
  if (convolution == nullptr) return std::nullopt;
  const Correlation& c = *convolution->correlation;
  ConvolutionLayer layer{c.in_channels, c.out_channels, c.groups, c.padding_mode, false, {}};
  std::vector<std::int64_t> size;
  for (const CorrelationAxis& axis : c.axes) {
    layer.axes.push_back({axis.kernel, axis.stride, axis.dilation, axis.pad_low, axis.pad_high(), 0});
    size.push_back(axis.input);
  }
  const kernels::StoredMatrix& kernel = *convolution->kernel;
  if (kernel.stride != kernel.columns) return std::nullopt;
  ConvolutionGeometry geometry(layer, size);
  if (geometry.correlation() != c) return std::nullopt;
  return std::pair(Tensor(kernel.dtype, layer.kernel_shape(), kernel.data, a), std::move(geometry));
}

// What has overflowed is missing.
Limit if_bounded(const Enclosure& e) { return e.upper ? Limit(bounds::no_more_than(e)) : std::nullopt; }

// sqrt(a^2 + b^2), by way of the quotient of the greater, so that no square leaves the range where the result does not.
Limit hypotenuse(const Limit& a, const Limit& b) {
  if (!a || !b) return std::nullopt;
  if (a->upper->value() == 0) return b;
  if (b->upper->value() == 0) return a;
  const Limit most = greater(a, b);
  const double ratio = lesser(a, b)->upper->value() / most->upper->value();
  return most * if_bounded(bounds::square_root(bounds::at_most(1 + ratio * ratio * (1 + 0x1p-50) + 0x1p-50)));
}

// The greatest sum of |a_ij| over a row, or with `adjoint` over a column: the image of a box of ones.
Limit greatest_sum(const LinearOperator<double>& a, bool adjoint, Context& context) {
  const std::int64_t terms = adjoint ? a.shape().rows : a.shape().columns;
  const graph::Box ones(static_cast<std::size_t>(terms), graph::Interval{-1, 1});
  double most = 0;
  for (const graph::Interval& each : graph::image(a, ones, adjoint, context)) {
    most = std::max(most, graph::magnitude(each));
  }
  return limit(most);
}

}  // namespace

Limit limit(double value) {
  if (!(value >= 0) || std::isinf(value)) return std::nullopt;
  return bounds::at_most(value);
}

Limit operator+(const Limit& a, const Limit& b) { return a && b ? if_bounded(bounds::sum(*a, *b)) : std::nullopt; }

Limit operator*(const Limit& a, const Limit& b) { return a && b ? if_bounded(bounds::product(*a, *b)) : std::nullopt; }

Limit stacked(VectorNorm norm, const Limit& a, const Limit& b) {
  if (norm == VectorNorm::one) return a + b;
  return norm == VectorNorm::two ? hypotenuse(a, b) : greater(a, b);
}

Limit side_by_side(VectorNorm norm, const Limit& a, const Limit& b) {
  if (norm == VectorNorm::one) return greater(a, b);
  return norm == VectorNorm::two ? hypotenuse(a, b) : a + b;
}

Limit lesser(const Limit& a, const Limit& b) {
  if (!a) return b;
  return b && b->upper->value() < a->upper->value() ? b : a;
}

Limit greater(const Limit& a, const Limit& b) {
  if (!a || !b) return std::nullopt;
  return b->upper->value() > a->upper->value() ? b : a;
}

std::optional<UpperBound> upper_of(const Limit& a) { return a ? a->upper : std::nullopt; }

Norms::Norms(VectorNorm norm, const CertifyOptions& options, const ConvolutionNormOptions& convolution,
             std::shared_ptr<const KnownNorms> shared, Context& context)
    : norm_(norm), options_(options), convolution_(convolution), shared_(std::move(shared)), context_(context) {
  if (shared_ && shared_->norm() != norm_) shared_.reset();
  if (options_.admits_probable()) options_.method = CertifyMethod::proven;
}

Limit Norms::of(const Operator<double>& a) {
  if (shared_) {
    if (const Limit* const before = shared_->find(a)) return *before;
  }
  const auto found = known_.find(a.get());
  if (found != known_.end()) return found->second.second;
  return known_.emplace(a.get(), std::pair(a, computed(a))).first->second.second;
}

Limit Norms::computed(const Operator<double>& a) {
  if (a->shape().rows == 0 || a->shape().columns == 0) return limit(0);
  context_.check_cancel();
  try {
    if (const Limit found = proven(a)) return found;
    why_ = "has a linear map whose norm has no proven bound";
  } catch (const Canceled&) {
    throw;
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    why_ = std::string("has a linear map without a norm: ") + error.what();
  }
  return std::nullopt;
}

Limit Norms::proven(const Operator<double>& a) {
  if (norm_ != VectorNorm::two) return greatest_sum(*a, norm_ == VectorNorm::one, context_);
  const auto convolution = convolution_of(a);
  const Enclosure norm =
      convolution ? convolution_norm(convolution->first, convolution->second, convolution_, context_).sigma_max
                  : sigma_max(*a, options_, context_);
  const bool is_theorem = norm.upper && norm.upper->certainty() == Certainty::proven;
  return is_theorem ? if_bounded(norm) : std::nullopt;
}

}  // namespace sigmax::lipschitz
