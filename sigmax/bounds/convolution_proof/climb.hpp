// From a point of the torus to a maximum of the norm of a symbol nearby: nothing here is a proof. Internal to bounds/.
#pragma once

#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// Climbs from there: with fixed singular vectors |u^* F(t) v| is a trigonometric polynomial, whose maximum nearby is
/// the next t; |F(t)| grows with each step. Ends when a step gains less than `tolerance`, relatively, or after about
/// `most_flops` and one step more; what it took is added to the flops of `from`.
Top climb(const GramPolynomial& g, Top from, double tolerance, double most_flops, Context& context);

}  // namespace sigmax::bounds
