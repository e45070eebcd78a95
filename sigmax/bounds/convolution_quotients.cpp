#include "sigmax/bounds/convolution_quotients.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/convolution_proof/sub_block.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kLargeImage = 0x1p16;   // positions of an image on which Lanczos runs first
constexpr double kMostProducts = 300;    // of a Lanczos process
constexpr double kMostOfSearch = 3e12;   // flops of that many
constexpr double kMostEntries = 0x1p23;  // of both sides of a matrix for which Lanczos keeps tens of vectors
constexpr double kMostPadded = 0x1p27;   // entries of a padded image that products copy
constexpr double kReaches = 16;          // the least size of the smaller image, relative to the kernel's
constexpr double kLeastReaches = 2;
constexpr double kMostOfStep = 2e11;  // flops of a step from which on that size is halved

double sides_of(const ConvolutionGeometry& geometry) {
  return static_cast<double>(geometry.rows()) + static_cast<double>(geometry.columns());
}

// |A x| / |x|, by one product.
void take_quotient(const LinearOperator<double>& a, std::vector<double> x, ConvolutionEnds& ends, Context& context) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  if (!(squares > 0x1p-60)) return;
  const double length = std::sqrt(squares);
  SvdResult<double> hint;
  hint.sigma = {1};
  hint.u = Matrix<double>(a.shape().rows, 1);
  hint.v = Matrix<double>(a.shape().columns, 1);
  std::transform(x.begin(), x.end(), hint.v.values().begin(), [&](double value) { return value / length; });
  CertifyOptions certificate;
  certificate.method = CertifyMethod::none;
  certificate.random = RandomState{};
  ends.take_lower(certify(a, hint, certificate, context).lower, ConvolutionTheorem::product);
}

}  // namespace

double flops_of_step(const ConvolutionGeometry& geometry) {
  const Correlation& c = geometry.correlation();
  return 4 * static_cast<double>(c.rows()) * static_cast<double>(c.terms());
}

ConvolutionQuotients::ConvolutionQuotients(const Tensor& kernel, const ConvolutionGeometry& geometry, double width,
                                           Budget& budget, Context& context)
    : kernel_(kernel), geometry_(geometry), width_(width), budget_(budget), context_(context) {
  const Correlation& c = geometry.correlation();
  double padded = static_cast<double>(c.in_channels);
  for (const CorrelationAxis& axis : c.axes) padded *= static_cast<double>(std::max(axis.window(), axis.input));
  fits_ = padded <= kMostPadded * 8;
  is_large_ = static_cast<double>(c.input_positions()) > kLargeImage ||
              kMostProducts * flops_of_step(geometry) > kMostOfSearch || !(padded <= kMostPadded);
}

void ConvolutionQuotients::search(ConvolutionEnds& ends) {
  if (!is_large_) return search_on(kernel_, geometry_, 1, ends);
  const std::optional<ConvolutionGeometry> small = smaller();
  if (small) search_on(kernel_of_group(), *small, 0.25, ends);
}

void ConvolutionQuotients::search_all(ConvolutionEnds& ends) {
  if (fits_ && sides_of(geometry_) <= kMostEntries) search_on(kernel_, geometry_, 0.25, ends);
}

void ConvolutionQuotients::at_peak(const Symbols& symbols, const Range& peak, ConvolutionEnds& ends) {
  if (peak.top.vector.re.empty()) return;
  const Symbol& f = symbols.groups[peak.group];
  group_ = f.group;
  const std::optional<ConvolutionGeometry> small = smaller();
  if (!small || !budget_.allows(flops_of_step(*small))) return;
  const Operator<double> a = convolution<double>(kernel_of_group(), *small);
  Wave wave =
      windowed_wave(f, peak.top.at, peak.top.vector, reduced_axes(geometry_.layer()), small->correlation().axes);
  budget_.flops += flops_of_step(*small);
  take_quotient(*a, std::move(wave.re), ends, context_);
  take_quotient(*a, std::move(wave.im), ends, context_);
}

void ConvolutionQuotients::search_on(const Tensor& kernel, const ConvolutionGeometry& geometry, double share,
                                     ConvolutionEnds& ends) {
  // The proof is one product more.
  const double left = budget_.most_flops - budget_.flops;
  const double affordable = std::floor(share * left / flops_of_step(geometry)) - 1;
  if (!(affordable >= 2)) return;
  const Operator<double> a = convolution<double>(kernel, geometry);  // refuses images beyond its memory
  SvdOptions<double> search;
  search.random = RandomState{};
  search.check = Check::none;
  search.tolerance = std::clamp(width_ / 16, 1e-10, 1e-2);
  search.max_products = static_cast<std::int64_t>(std::min(affordable, kMostProducts));
  CertifyOptions certificate;
  certificate.method = CertifyMethod::none;
  certificate.random = RandomState{};
  const SvdResult<double> found = svd(*a, search, context_);
  ends.take_lower(certify(*a, found, certificate, context_).lower, ConvolutionTheorem::product);
  budget_.flops += static_cast<double>(found.statistics.products + 1) * flops_of_step(geometry);
}

// From this size on its norm is a few thousandths below, since norms approach S with the square of the size.
std::optional<ConvolutionGeometry> ConvolutionQuotients::smaller() const {
  const Correlation& c = geometry_.correlation();
  const std::int64_t groups = group_ ? c.groups : 1;
  const double channels = static_cast<double>(c.in_channels + c.out_channels) / static_cast<double>(groups);
  const double positions = std::clamp(kMostEntries / channels, 256.0, kLargeImage);
  const double side = std::pow(positions, 1 / static_cast<double>(c.axes.size()));
  for (double reaches = kReaches;; reaches /= 2) {
    std::vector<CorrelationAxis> axes;
    for (const CorrelationAxis& axis : c.axes) {
      const SymbolAxis symbol = reduced_axis(axis.kernel, axis.stride, axis.dilation);
      const double enough = reaches * static_cast<double>(symbol.dilation * (symbol.kernel - 1) + 1);
      const auto most = static_cast<std::int64_t>(std::min(std::max(side, enough), 0x1p40));
      const std::optional<CorrelationAxis> part = sub_block(geometry_.layer().padding_mode, axis, most);
      if (!part) return std::nullopt;
      axes.push_back(*part);
    }
    ConvolutionGeometry small = geometry_of(c.in_channels / groups, c.out_channels / groups, c.groups / groups, axes);
    if (reaches <= kLeastReaches || flops_of_step(small) <= kMostOfStep) return small;
  }
}

// In the correlation's layout, which a transposed layer's kernel has as well.
Tensor ConvolutionQuotients::kernel_of_group() const {
  if (!group_) return kernel_;
  const std::int64_t height = geometry_.correlation().out_channels / geometry_.correlation().groups;
  return kernel_.range(*group_ * height, height);
}

}  // namespace sigmax::bounds
