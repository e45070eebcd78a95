// The search for the largest singular value of a symbol: nothing here is a proof. Internal to bounds/.
#pragma once

#include <complex>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// An approximate first singular pair of F(t): a right singular vector and the norm that it shows.
struct Top {
  TorusPoint at;
  ComplexVector vector;  ///< empty if nothing was found
  double norm = 0;       ///< an estimate
  double flops = 0;      ///< about what it took to find it
  double residual = 0;   ///< |G(t) v - norm^2 v| / norm^2, as the recurrence of Lanczos has it
};

/// By Lanczos on G(t), from `start` or a fixed vector, until the residual is below `tolerance` or after `steps`
/// products with G(t). With `apart`, a vector of norm 1: the first pair among those orthogonal to it.
Top top_at(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, double tolerance, int steps,
           const ComplexVector* apart, Context& context);

/// The same without exclusion: in float, if `g` has it and the tolerance is at least 1e-4.
Top top_from(const GramPolynomial& g, const TorusPoint& t, const ComplexVector& start, double tolerance, int steps,
             Context& context);

/// The same for many points and a start of its own.
std::vector<Top> tops_at(const GramPolynomial& g, std::span<const TorusPoint> points, double tolerance, int steps,
                         Context& context);

/// u^* K_p v for every tap.
std::vector<std::complex<double>> tap_weights(const Symbol& f, const ComplexVector& u, const ComplexVector& v);

/// About the flops of one point in tops_at(), of `steps` products.
double flops_of_top(const GramPolynomial& g, int steps);

}  // namespace sigmax::bounds
