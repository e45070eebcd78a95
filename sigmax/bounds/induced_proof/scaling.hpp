// |M|_{p->q} from above by a diagonal scaling and sigma_max. Internal to bounds/.
#pragma once

#include <optional>
#include <span>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/options.hpp"

namespace sigmax::bounds {

/// An upper bound and its probability of being wrong.
struct Bounded {
  double upper = 0;
  double failure = 0;
};

/// At least |M|_2, by enclose() with the given options. Nothing if that has no upper end.
std::optional<Bounded> spectral_upper_bound(const NearMatrix& m, const CertifyOptions& options, Context& context);

/// For all w, v > 0, by Hoelder's inequality twice,
///
///     |M|_{p->q} <= |1/w|_s |1/v|_t sigma_max(diag(w) M diag(v)),
///     1/s = max(1/q - 1/2, 0),   1/t = max(1/2 - 1/p, 0).
///
/// Where 1/s or 1/t is 0, the norm is the largest entry: |y|_q <= |y|_2 for q >= 2. `w` and `v` are any numbers from
/// 2^-100 to 2^100; nothing is returned if one is not. Cost: a copy of M in double, and enclose() of it.
std::optional<Bounded> scaled_upper_bound(const NearMatrix& m, double p, double q, std::span<const double> w,
                                          std::span<const double> v, const CertifyOptions& options, Context& context);

}  // namespace sigmax::bounds
