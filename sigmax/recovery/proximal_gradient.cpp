// Z = X_k + b (X_k - X_{k-1})
// X_{k+1} = the triplets of Z + P(T - Z) / c, shrunk by lambda / c
//
// The step minimizes a model of the objective that lies above it where |P(X_{k+1} - Z)|^2 <= c |X_{k+1} - Z|^2. Every
// c >= 1 has that, and c = 1 is soft-impute. Between matrices of low rank with a share s observed, c is near s: steps
// are 1 / s times as long there, and the condition of the problem is better by that factor. So c follows what the last
// step showed, and a step that c was too small for is repeated (Beck and Teboulle, SIAM J. Imaging Sci. 2, 2009; Toh
// and Yun, Pacific J. Optim. 6, 2010).
#include "sigmax/recovery/proximal_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/linalg/lapack.hpp"

namespace sigmax::recovery {
namespace {

// <A, B>_F = sum_kl s_k t_l (u_k^T x_l) (v_k^T y_l): two products of thin matrices.
double inner(const LowRank& a, const LowRank& b) {
  if (a.rank() == 0 || b.rank() == 0) return 0;
  const Matrix<double> of_u = lapack::product(a.u, b.u, true);
  const Matrix<double> of_v = lapack::product(a.v, b.v, true);
  double total = 0;
  for (std::int64_t l = 0; l < b.rank(); ++l) {
    for (std::int64_t k = 0; k < a.rank(); ++k) {
      total += a.sigma[static_cast<std::size_t>(k)] * b.sigma[static_cast<std::size_t>(l)] * of_u(k, l) * of_v(k, l);
    }
  }
  return total;
}

double squared_distance(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t e = 0; e < x.size(); ++e) sum += (x[e] - y[e]) * (x[e] - y[e]);
  return sum;
}

// The share of all entries that is observed.
double share(const SparsePattern& pattern, std::size_t count) {
  const Shape shape = pattern.shape();
  return static_cast<double>(count) / (static_cast<double>(shape.rows) * static_cast<double>(shape.columns));
}

constexpr double kTiny = 0x1p-900;

}  // namespace

double Iterate::nuclear() const {
  double sum = 0;
  for (const double value : x.sigma) sum += value;
  return sum;
}

void ProximalGradient::start(LowRank x) {
  now_.entries = problem_.entries(x, context_);
  now_.x = std::move(x);
  before_ = now_;
  momentum_ = 1;
}

double ProximalGradient::objective(const Iterate& it, std::span<const double> target, double lambda) const {
  return squared_distance(target, it.entries) / 2 + lambda * it.nuclear();
}

// X_{k+1} and what its acceptance depends on.
struct ProximalGradient::Trial {
  Iterate found;
  double curvature;  // |P(X_{k+1} - Z)|^2 / |X_{k+1} - Z|^2, 0 where rounding hides it
  double against;    // <Z - X_{k+1}, X_{k+1} - X_k>
  double moved;      // |X_{k+1} - X_k|^2
  double size;       // |X_{k+1}|^2
};

ProximalGradient::Trial ProximalGradient::trial(std::span<const double> target, double lambda, double b) {
  // The squared distances are differences of squares: below this share of them, rounding is all that is left.
  constexpr double kVisible = 0x1p-40;
  std::vector<double> z(target.size());
  std::vector<double> rest(target.size());
  for (std::size_t e = 0; e < rest.size(); ++e) {
    z[e] = now_.entries[e] + b * (now_.entries[e] - before_.entries[e]);
    rest[e] = (target[e] - z[e]) / curvature_;
  }
  const Observed::Part parts[] = {{&now_.x, 1 + b}, {&before_.x, -b}};
  const double accuracy = std::clamp(0.1 * change_, 1e-11, 1e-3);
  const Operator<double> step = problem_.operator_of(parts, std::move(rest));
  Trial t{};
  t.found.x = threshold_(*step, lambda / curvature_, accuracy, context_);
  t.found.entries = problem_.entries(t.found.x, context_);

  const double square = inner(t.found.x, t.found.x);
  const double with_now = inner(t.found.x, now_.x);
  const double with_before = inner(t.found.x, before_.x);
  const double of_now = inner(now_.x, now_.x);
  const double of_both = inner(now_.x, before_.x);
  const double from_z = square + (1 + b) * (1 + b) * of_now + b * b * inner(before_.x, before_.x) -
                        2 * (1 + b) * with_now + 2 * b * with_before - 2 * b * (1 + b) * of_both;
  const bool is_visible = from_z > kVisible * std::max(square, of_now);
  t.curvature = is_visible ? squared_distance(t.found.entries, z) / from_z : 0;
  t.against = (1 + b) * (with_now - of_now) - b * (with_before - of_both) - (square - with_now);
  t.moved = std::max(square - 2 * with_now + of_now, 0.0);
  t.size = square;
  return t;
}

// The momentum begins again if the objective has risen, if the step points against it: <Z - X_{k+1}, X_{k+1} - X_k> > 0
// (O'Donoghue and Candes, Found. Comput. Math. 15, 2015), and if c was too small. The second test sees an overshoot of
// one part long before the sum of all parts rises.
void ProximalGradient::step(std::span<const double> target, double lambda) {
  constexpr double kSlack = 1.02;
  constexpr double kRaise = 1.5;
  constexpr double kAbove = 1.2;
  constexpr double kForget = 0.9;
  constexpr int kTries = 4;  // then c = 1, which always holds
  Trial t{};
  double next = 0;
  for (int tries = 0;; ++tries) {
    next = (1 + std::sqrt(1 + 4 * momentum_ * momentum_)) / 2;
    t = trial(target, lambda, (momentum_ - 1) / next);
    if (curvature_ >= 1 || t.curvature <= kSlack * curvature_) break;
    curvature_ = tries < kTries ? std::min(1.0, kRaise * t.curvature) : 1;
    momentum_ = 1;
  }
  if (t.curvature > 0) {
    const double least = share(problem_.pattern(), target.size());
    curvature_ = std::clamp(std::max(kAbove * t.curvature, kForget * curvature_), least, 1.0);
  }
  double size = 0;
  for (const double entry : t.found.entries) size += entry * entry;
  change_ = std::sqrt(squared_distance(t.found.entries, now_.entries) / std::max(size, kTiny));
  distance_ = std::sqrt(t.moved / std::max(t.size, kTiny));
  const bool has_risen = objective(t.found, target, lambda) > objective(now_, target, lambda);
  momentum_ = t.against > 0 || has_risen ? 1 : next;
  before_ = std::move(now_);
  now_ = std::move(t.found);
  residual_.resize(target.size());
  for (std::size_t e = 0; e < residual_.size(); ++e) residual_[e] = target[e] - now_.entries[e];
}

}  // namespace sigmax::recovery
