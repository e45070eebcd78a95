#include "sigmax/bounds/operator_proof/collatz.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

// The theorem only requires q_i > 0. A floor far below the largest entry does no harm where q_i should be zero: a zero
// column has the quotient 0, and a tiny column has a tiny quotient.
constexpr double kFloor = 0x1p-60;

void normalize(std::vector<double>& q) {
  double largest = 0;
  for (double& value : q) {
    value = std::isfinite(value) ? std::fabs(value) : 0.0;
    largest = larger_of(largest, value);
  }
  if (largest == 0) return std::fill(q.begin(), q.end(), 1.0);
  for (double& value : q) value = larger_of(value / largest, kFloor);
}

}  // namespace

// q <- |start|;  repeat: w >= |N|^T |N| q;  bound <- min(bound, sqrt(max w_i / q_i));  q <- w
double collatz_upper_bound(const Expression& e, std::span<const double> start, const CollatzOptions& options,
                           Context& context) {
  const FloatingEnvironment environment;
  double bound = e.norm;
  if (e.is_zero()) return 0;
  std::vector<double> q(static_cast<std::size_t>(e.columns), 1.0);
  if (!start.empty()) std::copy(start.begin(), start.end(), q.begin());
  normalize(q);
  for (int step = 0; step < options.most; ++step) {
    context.check_cancel();
    std::vector<double> w = absolute_gram_image(e, q, context);
    double largest = 0;
    double along = 0;
    double square = 0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      largest = larger_of(largest, w[i] / q[i]);
      along += w[i] * q[i];
      square += q[i] * q[i];
    }
    const double quotient = round_up(std::sqrt(round_up(largest)));
    const bool fell = quotient < bound * (1 - 1e-3);
    bound = smaller_of(bound, quotient);
    if (bound * (1 - options.width) <= options.lower) break;
    // The Rayleigh quotient of |N|^T |N| at q: no bound can be below it, so further steps are useless.
    const bool hopeless = std::sqrt(along / square) * (1 - options.width) > options.lower * (1 + 1e-12);
    if (hopeless && !(options.persist && (fell || step == 0))) break;
    q = std::move(w);
    normalize(q);
  }
  return bound;
}

}  // namespace sigmax::bounds
