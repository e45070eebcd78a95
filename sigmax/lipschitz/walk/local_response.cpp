// The rule of local response normalization.
#include <algorithm>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/elementary.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"

namespace sigmax::lipschitz {

// y_i = x_i d_i^-b, d_i = k + a |x_W|^2 with x_W the entries of the window of i, of n entries at most. The Jacobian is
// diag(d^-b) - M, where row i of M is 2 b a x_i d_i^(-b - 1) x_W. With t = a |x_W|^2 and |x_i| <= |x_W| its norm is at
// most 2 b t (k + t)^(-b - 1), which is greatest at t = k / b: k^-b c, c = 2 (b / (b + 1))^(b + 1). Each entry is in n
// windows at most, so |M v|^2 <= (k^-b c)^2 times the sum of |v_W|^2 <= (k^-b c)^2 n |v|^2. Hence
//
//     |J| <= k^-b (1 + c sqrt n)
//
// Where the entries of a window have weights a_j that differ by a factor of 1 + e, t = sum a_j x_j^2 and the norm of
// row i grows by sqrt(max a_j / a_i) <= 1 + e.
//
// In the norm of greatest entries a row's sum of magnitudes is at most sqrt n times its norm: the same. In that of
// sums, |x_i x_j| <= |x_W|^2 / 2 for i != j: a column has the sum k^-b c (1 + (n - 1) / 2) at most.
Rule rule_of(const graph::LocalResponse& r, VectorNorm norm) {
  using graph::Interval;
  using graph::point;
  const double n = static_cast<double>(std::min(r.size, r.groups.length));
  const Interval ratio = point(r.beta) / (point(r.beta) + point(1));
  const Interval spread = point(1) + point(4) * point(r.alpha_error);
  const Interval c = r.alpha > 0 ? spread * point(2) * ratio * graph::power(ratio, r.beta) : point(0);
  const Interval windows = norm == VectorNorm::one ? point((n + 1) / 2) : graph::square_root(point(n));
  const Limit bound = limit((graph::power(point(r.bias), -r.beta) * (point(1) + c * windows)).greatest);
  if (!bound) return {{}, false, "has a bound beyond the range of double", false};
  return {{bound}, false, {}, false};
}

}  // namespace sigmax::lipschitz
