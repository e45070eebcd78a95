// What the searches for the extreme values of symbols share. Internal to bounds/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// The order from which float may be faster.
inline constexpr std::int64_t kSingleFrom = 64;

/// The work that may still be used, and what was used.
struct Budget {
  double most_flops = 1e14;
  double flops = 0;
  std::int64_t points = 0;

  bool allows(double more) const noexcept { return flops + more <= most_flops; }
};

/// lower <= quantity <= upper for the values of the symbols, both rounded outward; infinite: unknown.
struct Range {
  double lower = 0;
  double upper = 0;
  Top top;                ///< where the lower end was found
  std::size_t group = 0;  ///< and in which group
};

/// What is known of the largest value so far.
struct Best {
  Range range;

  void look_at(const Symbol& f, std::size_t group, Top top);
};

/// The largest value over the groups: `visit` raises the best by what it finds in a group, whose index it is given.
/// Groups come by descending spread, since the first is likely to have the largest value, which refutes the others
/// quickly.
Range largest_of_groups(const Symbols& symbols, const std::function<void(std::size_t group, Best& best)>& visit);

/// Whether the coefficients of the symbol may be formed; their flops are taken from the budget.
bool may_form(const Symbol& f, Budget& budget);

/// Factors G at `points` points in pieces of a fixed size, each by factor(first, count); counted in the budget.
void factor_in_pieces(const GramPolynomial& g, std::size_t points, Budget& budget, Context& context,
                      const std::function<void(std::size_t first, std::size_t count)>& factor);

/// The points at which |F(t)|^2 <= `square` is not proven, in float (if `single`) or in double.
std::vector<TorusPoint> not_at_most(const GramPolynomial& g, std::span<const TorusPoint> points, double square,
                                    bool single, Budget& budget, Context& context);

/// Every point, or `most` of them.
std::vector<TorusPoint> thinned(const std::vector<TorusPoint>& points, std::size_t most);

}  // namespace sigmax::bounds
