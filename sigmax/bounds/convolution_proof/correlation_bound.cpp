#include "sigmax/bounds/convolution_proof/correlation_bound.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {

// The padded image is a copying matrix times the image, and the correlation reads it without further padding: a
// sub-block of the convolution on the infinite grid. A circular one as well: its padding copies entries, too.
double symbol_upper_bound(const InRange& kernel, const Correlation& correlation, double width, double most_flops,
                          Context& context) {
  const FloatingEnvironment environment;
  std::vector<SymbolAxis> axes;
  double copies = 1;
  for (const CorrelationAxis& axis : correlation.axes) {
    axes.push_back(reduced_axis(axis.kernel, axis.stride, axis.dilation));
    copies *= static_cast<double>(copies_of(correlation.padding_mode, axis));
  }
  const Symbols symbols = make_symbols(kernel, correlation.out_channels, correlation.groups, axes);
  if (symbols.is_zero) return 0;
  Budget budget;
  budget.most_flops = most_flops;
  const Range range = supremum(symbols, width, budget, context);
  const double upper = copies > 1 ? round_up(range.upper * round_up(std::sqrt(copies))) : range.upper;
  return widened_upper(times_power(upper, symbols.exponent - static_cast<std::int64_t>(std::ilogb(kernel.factor))));
}

}  // namespace sigmax::bounds
