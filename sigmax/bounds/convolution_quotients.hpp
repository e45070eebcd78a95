// Lower ends of a convolution's norm at one input size: quotients |A x| / |x|. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/bounds/convolution_ends.hpp"
#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// The flops of one product with A and one with its adjoint.
double flops_of_step(const ConvolutionGeometry& geometry);

/// What is needed for products: the image of one size and what it costs. References stay with the caller.
class ConvolutionQuotients {
 public:
  /// `width` is what the enclosure is to reach.
  ConvolutionQuotients(const Tensor& kernel, const ConvolutionGeometry& geometry, double width, Budget& budget,
                       Context& context);

  /// Whether Lanczos on the whole image would take long or much memory. Then a smaller image with zeros around it,
  /// whose matrix is a sub-block, comes first: it is enough where the image is much larger than the kernel.
  bool is_large() const noexcept { return is_large_; }

  /// The vector of a Lanczos process on the image itself, or on the smaller one if it is large, with what is left of
  /// the budget. Without any budget there is no lower end.
  void search(ConvolutionEnds& ends);

  /// A wave at the point where the largest norm of the symbols was seen, on the smaller image: two products. Afterwards
  /// search() looks at its group alone.
  void at_peak(const Symbols& symbols, const Range& peak, ConvolutionEnds& ends);

  /// The image itself although it is large, if memory and budget allow.
  void search_all(ConvolutionEnds& ends);

  /// Whether the image itself may be used in products.
  bool fits() const noexcept { return fits_; }

 private:
  void search_on(const Tensor& kernel, const ConvolutionGeometry& geometry, double share, ConvolutionEnds& ends);
  std::optional<ConvolutionGeometry> smaller() const;
  Tensor kernel_of_group() const;

  const Tensor& kernel_;
  const ConvolutionGeometry& geometry_;
  double width_;
  Budget& budget_;
  Context& context_;
  std::optional<std::int64_t> group_;  // empty: all
  bool is_large_ = false;
  bool fits_ = true;
};

}  // namespace sigmax::bounds
