// The symbol of a convolution, F(t) = sum_p K_p exp(i p.t), as a list of matrices. Internal to bounds/ and grad/.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/phase.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// The symbol of one group. Rows are at least as many as columns: a wide symbol is transposed tap by tap, which does
/// not change its singular values.
struct Symbol {
  std::int64_t group = 0;  ///< its index in the kernel
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<Position> taps;
  std::vector<double> values;             ///< tap after tap, each column-major
  std::array<double, 3> degree{0, 0, 0};  ///< half the extent of the taps on each axis: the exponential type
  bool is_transposed = false;
  double spread = 0;    ///< at least |sum_p |K_p||_2, and so at least |F(t)|_2 at every t
  double spread_f = 0;  ///< at least |sum_p |K_p||_F

  const double* tap(std::size_t p) const { return values.data() + static_cast<std::int64_t>(p) * rows * columns; }
};

/// The symbols of all groups, of a correlation with stride s as polyphase blocks: F(t) has the columns (i, phase), and
/// tap p of the kernel is at floor(dilation p / s) in the block of phase dilation p mod s.
struct Symbols {
  std::vector<Symbol> groups;
  /// 2^exponent times the values are the kernel's entries; the largest value is in [1/2, 1).
  std::int64_t exponent = 0;
  bool is_zero = false;  ///< then there are no groups
  /// Whether the smallest singular values of F(t) are 0 at every t: a group of zeros, or phases of the stride that have
  /// no taps and leave fewer columns than the shorter side. Groups of zeros are left out of the list.
  bool is_deficient = false;
};

/// What to make of dilation and stride.
struct SymbolAxis {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
};

/// The phases that have taps, in the order of the symbol's blocks of columns: phase_0 for one axis, phase_0 stride_1 +
/// phase_1 for two, and so on.
std::vector<std::int64_t> phases_with_taps(std::span<const SymbolAxis> axes);

/// For a kernel of shape [out, in / groups, taps...] in this order, out a multiple of groups. Throws Error if the
/// kernel is not of a real type, its shape does not fit, it is empty, or entries are NaN or infinite.
Symbols make_symbols(const Tensor& kernel, std::int64_t groups, std::span<const SymbolAxis> axes, Context& context);

/// The same for a scanned kernel of finite entries, as a matrix with a row for each output channel.
Symbols make_symbols(const InRange& kernel, std::int64_t out, std::int64_t groups, std::span<const SymbolAxis> axes);

/// The adjoint of make_symbols() for one group: from derivatives with respect to the values, laid out as f.values, to
/// derivatives with respect to the kernel's entries of the group, [out / groups, in / groups, taps...] row-major. For a
/// function that scales as the values do, so that their exponent cancels.
std::vector<double> of_kernel(const Symbol& f, std::span<const double> derivatives, std::span<const SymbolAxis> axes);

/// The axes of a layer, reduced by the common divisor of stride and dilation, and without dilation where the stride is
/// then 1: neither changes the supremum over the torus.
SymbolAxis reduced_axis(std::int64_t kernel, std::int64_t stride, std::int64_t dilation);
std::vector<SymbolAxis> reduced_axes(const ConvolutionLayer& layer);

/// The symbols of a layer, with reduced axes.
Symbols symbols_of(const Tensor& kernel, const ConvolutionLayer& layer, Context& context);

/// The layer with stride 1. The rows of a strided convolution are some of its rows.
ConvolutionLayer without_stride(ConvolutionLayer layer);

/// y = F(t) v for complex v, as pairs of vectors; |fl(y) - y|_2 <= `error` |v|_2.
struct ComplexVector {
  std::vector<double> re;
  std::vector<double> im;
};
ComplexVector times(const Symbol& f, const TorusPoint& t, const ComplexVector& v);
double times_error(const Symbol& f);

/// At most |F(t)|_2: |F(t) v| / |v| less its rounding.
double quotient_below(const Symbol& f, const TorusPoint& t, const ComplexVector& v);

/// At least the smallest of the `columns` singular values of F(t): |F(t) v| / |v| and its rounding.
double quotient_above(const Symbol& f, const TorusPoint& t, const ComplexVector& v);

}  // namespace sigmax::bounds
