// The maxima of |F(t)|_2 over the torus, to rounding, with their singular vectors: what the derivative of the supremum
// is made of. Peaks are what a search finds, which may miss one. Internal to bounds/ and grad/.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// A local maximum of |F(t)|_2 in one group, with singular vectors of norm 1, F(t) v = norm u. A maximum that is
/// clearly not the highest is approximate and has no vectors.
struct Peak {
  std::size_t group = 0;  ///< its index in Symbols::groups
  TorusPoint at;
  ComplexVector u;
  ComplexVector v;
  double norm = 0;
  double second = 0;  ///< the second singular value of F(t); 0 if there is none
  /// The least of -|F|'' / |F| over the directions, an axis measured in units of 1 / degree: at most 1 at a maximum by
  /// Bernstein's inequality, 0 on a ridge. 1 if F does not depend on t.
  double curvature = 1;
  double point_error = 0;   ///< about, in the same units
  double vector_error = 0;  ///< about, of v; infinite if the value is multiple
};

struct Peaks {
  std::vector<Peak> list;  ///< the highest first, equal ones of different places included
  double rest = 0;         ///< at least |F| of the groups that were not searched, because they cannot be the highest
  std::optional<Enclosure> supremum;
};

/// The highest maxima: climbs from the best of some points that cover the torus, then Newton's method. With
/// `relative_width` > 0 branch and bound comes first: the highest value it saw is a further start, and S is enclosed in
/// the kernel's own units. Symbols that are zero have no peaks. Threads change nothing. Cost: a few hundred
/// products with G(t) for each of them, and the coefficients of G. Throws Error if those exceed the number of
/// operations.
Peaks peaks(const Symbols& symbols, double relative_width, double most_flops, Context& context);

/// dS/dK of that peak, [out / groups, in / groups, taps...] of its group: Re(conj(u_o) v_i exp(i p.t)).
std::vector<double> derivative(const Symbol& f, const Peak& peak, std::span<const SymbolAxis> axes);

}  // namespace sigmax::bounds
