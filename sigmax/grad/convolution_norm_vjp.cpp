#include "sigmax/grad/convolution_norm_vjp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "sigmax/bounds/convolution_proof/peak.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::grad {
namespace {

using bounds::Peak;
using bounds::Peaks;
using bounds::Symbols;
using norms::GradientKind;

constexpr double kEqual = 1e-9;  // values that differ by less, relatively
constexpr double kFlat = 1e-4;   // a curvature below counts as 0: it comes from differences

void check(const Tensor& kernel, const ConvolutionLayer& layer, const ConvolutionNormVjpOptions& options,
           std::size_t entries) {
  if (kernel.shape() != layer.kernel_shape()) {
    throw Error(fmt::format("[convolution_norm_vjp] the layer ({}) takes a kernel {}, got {}", describe(layer),
                            to_string(layer.kernel_shape()), to_string(kernel.shape())));
  }
  if (kernel.size() != static_cast<std::int64_t>(entries)) {
    throw Error(fmt::format("[convolution_norm_vjp] a gradient of {} entries for a kernel of shape {}", entries,
                            to_string(kernel.shape())));
  }
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[convolution_norm_vjp] the scale must be finite, got {}", options.scale));
  }
  if (!(options.relative_width >= 0 && options.relative_width < 1)) {
    throw Error(fmt::format("[convolution_norm_vjp] the relative width must be at least 0 and below 1, got {}",
                            options.relative_width));
  }
  if (!(options.most_flops > 0)) {
    throw Error(
        fmt::format("[convolution_norm_vjp] the number of operations must be positive, got {}", options.most_flops));
  }
}

// Whether two peaks have the same derivative, as have points that a symmetry of the taps' places identifies.
bool are_alike(const Symbols& symbols, const Peak& a, const Peak& b, std::span<const bounds::SymbolAxis> axes) {
  if (a.group != b.group) return false;
  const std::vector<double> of_a = derivative(symbols.groups[a.group], a, axes);
  const std::vector<double> of_b = derivative(symbols.groups[b.group], b, axes);
  double most = 0;
  for (std::size_t i = 0; i < of_a.size(); ++i) most = std::max(most, std::fabs(of_a[i] - of_b[i]));
  return most < 1e-6;
}

// Whether the derivative of the highest peak is the only one, and how far it is from a tie.
void judge(const Symbols& symbols, const Peaks& all, std::span<const bounds::SymbolAxis> axes,
           norms::NormGradient& norm) {
  const Peak& top = all.list.front();
  double gap = std::min(1 - top.second / top.norm, top.curvature);
  const auto tie = [&](const char* why) {
    norm.kind = GradientKind::subgradient;
    norm.note = norm.note.empty() ? why : norm.note;
  };
  if (1 - top.second / top.norm < kEqual) tie("sigma_1 = sigma_2 at the point that attains S");
  if (top.curvature < kFlat) tie("a curve of points attains S");
  for (std::size_t i = 1; i < all.list.size(); ++i) {
    const Peak& other = all.list[i];
    const double apart = 1 - other.norm / top.norm;
    if (apart < kEqual) {
      if (are_alike(symbols, top, other, axes)) continue;
      tie(other.group == top.group ? "several points attain S" : "several groups attain S");
    }
    gap = std::min(gap, apart);
  }
  norm.gap = std::max(0.0, std::min(gap, 1 - all.rest / top.norm));
}

// An error of the point turns F by as much, relatively, and with it the vectors by that over their gap.
double error_of(const Peak& peak, std::size_t taps) {
  const double apart = 1 - peak.second / peak.norm;
  return std::sqrt(static_cast<double>(taps)) *
         (2 * peak.vector_error + (peak.point_error + 0x1p-50) * (1 + 2 / apart));
}

}  // namespace

template <Real T>
ConvolutionNormGradient convolution_norm_vjp(const Tensor& kernel, const ConvolutionLayer& layer,
                                             const ConvolutionNormVjpOptions& options, std::span<T> grad,
                                             Context& context) {
  const FloatingEnvironment environment;
  validate(layer);
  check(kernel, layer, options, grad.size());
  const std::vector<bounds::SymbolAxis> axes = bounds::reduced_axes(layer);
  const Symbols symbols = bounds::make_symbols(kernel, layer.groups, axes, context);
  ConvolutionNormGradient result;
  const Peaks all = bounds::peaks(symbols, options.relative_width, options.most_flops, context);
  result.supremum = all.supremum;
  if (all.list.empty()) {
    result.norm.kind = GradientKind::subgradient;
    result.norm.note = "the kernel is 0";
    return result;
  }
  const Peak& top = all.list.front();
  const bounds::Symbol& f = symbols.groups[top.group];
  result.norm.value = std::ldexp(top.norm, static_cast<int>(symbols.exponent));
  judge(symbols, all, axes, result.norm);
  if (result.norm.kind == GradientKind::unique) result.error = error_of(top, f.taps.size());
  for (std::size_t a = 0; a < 3; ++a) {
    result.point[a] =
        2 * std::numbers::pi * static_cast<double>(top.at.numerator[a]) / static_cast<double>(top.at.denominator[a]);
  }
  result.group = f.group;
  const std::vector<double> derivative = bounds::derivative(f, top, axes);
  const std::span<T> part = grad.subspan(static_cast<std::size_t>(f.group) * derivative.size(), derivative.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    part[i] = static_cast<T>(static_cast<double>(part[i]) + options.scale * derivative[i]);
  }
  return result;
}

template ConvolutionNormGradient convolution_norm_vjp<float>(const Tensor&, const ConvolutionLayer&,
                                                             const ConvolutionNormVjpOptions&, std::span<float>,
                                                             Context&);
template ConvolutionNormGradient convolution_norm_vjp<double>(const Tensor&, const ConvolutionLayer&,
                                                              const ConvolutionNormVjpOptions&, std::span<double>,
                                                              Context&);

}  // namespace sigmax::grad
