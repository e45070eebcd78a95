#include "sigmax/bounds/matrix_proof/values_proof.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/gram_proof.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/bounds/matrix_proof/stretches.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/small_dense.hpp"

namespace sigmax::bounds {
namespace {

// More than the effect of underflow on a product with B, whose largest entry is in [1/2, 1).
constexpr double kValueUnderflow = 0x1p-500;

// B = s A, or s A^T if g is of the rows. Its norm is at most `norm`, and |B|_F at most `frobenius`.
class Scaled {
 public:
  Scaled(const InRange& a, const GramMatrix& g, Context& context) : a_(a.matrix), g_(g), context_(context) {
    frobenius = round_up(g.scale * frobenius_upper_bound(a));
    norm = round_up(g.scale * norm_upper_bound(a).value());
  }

  // fl(B X), with g.terms rows.
  Matrix<double> times(const Matrix<double>& x) const { return image(x, g_.of_rows, g_.terms); }
  // fl(B^T Y)
  Matrix<double> adjoint_times(const Matrix<double>& y) const { return image(y, !g_.of_rows, g_.order); }

  double frobenius = 0;
  double norm = 0;

 private:
  Matrix<double> image(const Matrix<double>& x, bool transposed, std::int64_t rows) const {
    Matrix<double> y(rows, x.columns());
    if (transposed) {
      kernels::multiply_transposed<double>(a_, x.view(), y.view(), context_);
    } else {
      kernels::multiply<double>(a_, x.view(), y.view(), context_);
    }
    for (double& value : y.values()) value *= g_.scale;
    return y;
  }

  const kernels::StoredMatrix& a_;
  const GramMatrix& g_;
  Context& context_;
};

// V by descending |B v|, and the quantities that the theorem needs. Each number is rounded to its safe side.
struct Frame {
  Matrix<double> v;
  double defect = 0;               // |V^T V - I| <= defect
  double image_error = 0;          // |Y - B V| <= image_error, Y the columns y_j
  Stretches stretches;             // of Y
  std::vector<double> coupling;    // |B^T y_j - V c_j| as computed, its own rounding included
  std::vector<double> coupling_y;  // bound on the rounding error of B^T y_j
  bool usable = false;
};

// Rotates V to Ritz vectors of the Gram matrix, up to rounding. The proof does not depend on it.
void rotate(Matrix<double>& v, const Matrix<double>& y) {
  SmallEigen ritz = largest_of_symmetric(lapack::product(y, y, true), v.columns());
  v = lapack::product(v, ritz.vector);
}

Frame frame_of(const Scaled& b, const ValuesQuestion& question, const GramMatrix& g) {
  Frame f;
  const MatrixView<const double> x = g.of_rows ? question.left : question.right;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (const double value : x.column(j)) {
      if (!std::isfinite(value)) return f;
    }
  }
  Matrix<double> copy(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    double largest = 0;
    for (const double value : x.column(j)) largest = larger_of(largest, std::fabs(value));
    const int exponent = largest > 0 ? -std::ilogb(largest) : 0;
    std::ranges::transform(x.column(j), copy.column(j).begin(),
                           [exponent](double value) { return std::ldexp(value, exponent); });
  }
  f.v = lapack::orthonormal(std::move(copy));
  rotate(f.v, b.times(f.v));
  f.defect = defect_of(f.v);
  const Matrix<double> y = b.times(f.v);
  const Matrix<double> z = b.adjoint_times(y);
  const Matrix<double> c = lapack::product(f.v, z, true);
  const Matrix<double> along = lapack::product(f.v, c);
  f.usable = f.defect < 0.25 && blas_supports_proofs();
  f.stretches = stretches_of(y);
  const double count = static_cast<double>(f.v.columns());
  f.image_error = round_up(gamma(g.order) * b.frobenius * std::sqrt(count) * (1 + f.defect) + kValueUnderflow * count);
  for (std::int64_t j = 0; j < f.v.columns(); ++j) {
    std::vector<double> rest(z.column(j).begin(), z.column(j).end());
    for (std::int64_t i = 0; i < z.rows(); ++i) rest[static_cast<std::size_t>(i)] -= along(i, j);
    // V c_j as computed is not quite in the span: gamma_{k+1} (|V| |c_j|), and one rounding of the difference.
    const double size = length(z.column(j)).upper + (1 + f.defect) * std::sqrt(count) * length(c.column(j)).upper;
    f.coupling.push_back(round_up(length(rest).upper + gamma(f.v.columns() + 2) * size + kValueUnderflow));
    f.coupling_y.push_back(round_up(gamma(g.terms) * b.frobenius * length(y.column(j)).upper + kValueUnderflow));
  }
  return f;
}

// R_i: the coupling of the columns from i on to the rest. |P B^T (y_j - B v_j)| is at most sqrt(rest) times the error
// of y_j, P the projection onto the orthogonal complement of V and `rest` at least |B P|^2.
double coupling_from(const Frame& f, std::size_t first, std::size_t last, double rest) {
  double square = 0;
  for (std::size_t j = first; j < last; ++j) {
    const double each = f.coupling[j] + f.coupling_y[j] + round_up(std::sqrt(rest)) * f.image_error;
    square = round_up(square + each * each);
  }
  return square;
}

// The smallest of max(own + coupled / eta, tau + eta) over a few eta.
double least_of(double own, double coupled, double tau) {
  double best = kInfinity;
  const auto offer = [&](double eta) {
    if (eta > 0 && std::isfinite(eta)) best = smaller_of(best, round_up(larger_of(own + coupled / eta, tau + eta)));
  };
  offer(own - tau);
  offer(std::sqrt(coupled));
  double eta = larger_of(own, tau);
  for (int trial = 0; trial < 60; ++trial, eta *= 0.5) offer(eta);
  return best;
}

// The largest of min(own - coupled / eta, tau - eta); 0 if none is positive.
double most_of(double own, double coupled, double tau) {
  double best = 0;
  const auto offer = [&](double eta) {
    if (!(eta > 0) || !std::isfinite(eta)) return;
    best = larger_of(best, smaller_of(round_down(own - round_up(coupled / eta)), round_down(tau - eta)));
  };
  offer(tau - own);
  offer(std::sqrt(coupled));
  double eta = larger_of(own, tau);
  for (int trial = 0; trial < 60; ++trial, eta *= 0.5) offer(eta);
  return best;
}

// Bounds for B V instead of Y.
double image_lower(const Frame& f, std::size_t i) {
  return larger_of(round_down(f.stretches.shortest[i]) - f.image_error * (1 + 0x1p-40), 0.0);
}
double image_upper(const Frame& f, std::size_t i) { return round_up(f.stretches.longest[i] + f.image_error); }

// W: the columns of V times powers of two, so that W W^T vanishes exactly on the complement of their span. |w_j| is at
// least `least` and less than twice `least`.
Matrix<double> lift_of(const Frame& f, const std::vector<double>& least) {
  Matrix<double> w = f.v;
  for (std::int64_t j = 0; j < w.columns(); ++j) {
    const double wanted = least[static_cast<std::size_t>(j)];
    const double factor = wanted > 0 ? std::ldexp(1.0, std::max(std::ilogb(wanted) + 1, -400)) : 0.0;
    for (double& value : w.column(j)) value *= factor;
  }
  return w;
}

// Values of tau in the order in which they are tried. `next` is 0 if it is not known.
std::vector<double> trials_of(bool largest, double kth, double next, double slack) {
  std::vector<double> trials;
  const double sign = largest ? 1 : -1;
  const double gap = next > 0 ? sign * (kth - next) : 0;
  // Between the k-th value and the next one if there is room for the rounding, otherwise at the k-th: copies of it may
  // follow.
  if (gap > 4 * slack) {
    trials.push_back(kth - sign * 0.25 * gap);
  } else if (next == 0) {
    trials.push_back(kth - sign * larger_of(4 * slack, 1e-3 * kth));
  }
  for (double wide = slack; trials.size() < 8; wide *= 16) {
    const double tau = kth + sign * wide;
    if (!(tau > 0)) break;
    trials.push_back(tau);
  }
  return trials;
}

// The data of a proof of several values.
struct ProofParts {
  const ValuesQuestion& question;
  const Scaled& b;
  const Frame& f;
  bool largest;
  std::size_t k;
  double spread;
  double product_error;
};

// Bounds the squared values of B on the orthogonal complement of V: at most (or at least) the returned number. Tries
// Cholesky factorizations for one tau after another until one completes.
double rest_by_factorization(const ProofParts& p, double rest, GramMatrix& g, double& resolution, Context& context) {
  const std::vector<double> diagonal = take_diagonal(g);
  const double edge = p.f.stretches.longest[p.largest ? p.k - 1 : 0];
  const double kth = edge * edge;
  // A rough estimate of the proof's own error: with W, the diagonal of the factored matrix is about tau plus the excess
  // of W.
  const double n = static_cast<double>(g.order);
  const double rounding = 4 * (p.product_error + n * (n + 9) * kUnitRoundoff * kth);
  const double next = p.question.next.value_or(0) * g.scale;
  resolution = std::sqrt(rounding) / g.scale;
  std::vector<double> least = p.f.stretches.longest;
  for (const double tau : trials_of(p.largest, kth, next * next, rounding + 0x1p-44 * kth)) {
    context.check_cancel();
    if (!p.largest) std::fill(least.begin(), least.end(), std::sqrt(tau));
    const double error =
        shift(g, diagonal, p.largest ? -1 : 1, p.largest ? tau : -tau, lift_of(p.f, least), p.spread, context);
    if (!cholesky(g.values.data(), g.order, context)) continue;
    const double shown = error + p.product_error;
    rest = p.largest ? smaller_of(rest, round_up(tau + shown)) : larger_of(round_down(tau) - round_up(shown), 0.0);
    break;
  }
  restore(g, diagonal, context);
  return rest;
}

// The ends of the i-th value of B, from the i-th columns and `rest`. With `is_all` there is no complement, and `rest`
// is unused.
std::pair<double, double> ends_of(const ProofParts& p, std::size_t i, double rest, bool is_all) {
  const Frame& f = p.f;
  if (!f.usable) return {0, kInfinity};
  const double own_lower = image_lower(f, i);
  const double own_upper = image_upper(f, i);
  if (p.largest) {
    const double lower = round_down(own_lower / std::sqrt(1 + f.defect));
    const double unit = 1 - f.defect;
    const double own = round_up(own_upper * own_upper / unit);
    if (is_all) return {lower, round_up(std::sqrt(own))};
    const double coupled = coupling_from(f, i, p.k, rest);
    return {lower, round_up(std::sqrt(least_of(own, round_up(coupled / unit), rest)))};
  }
  const double upper = round_up(own_upper / std::sqrt(1 - f.defect));
  const double unit = 1 + f.defect;
  const double own = round_down(own_lower * own_lower / unit);
  if (is_all) return {round_down(std::sqrt(own)), upper};
  const double coupled = coupling_from(f, 0, i + 1, round_up(p.b.norm * p.b.norm));
  return {round_down(std::sqrt(most_of(own, round_up(coupled / unit), rest))), upper};
}

}  // namespace

// (V, Y = B V, Z = B^T Y) and their rounding;  W <- V 2^e
// for tau between sigma_k^2 and sigma_{k+1}^2, then above sigma_k^2 by more and more:
//   until cholesky(tau I - G + W W^T) completes
ProvenValues prove_values(const InRange& a, GramMatrix& g, const ValuesQuestion& question, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const bool largest = question.which == Which::largest;
  const auto k = static_cast<std::size_t>(question.right.columns);
  if (a.facts.max_abs == 0) return {std::vector<Enclosure>(k, zero_enclosure()), 0};
  const Scaled b(a, g, context);
  const Frame f = frame_of(b, question, g);
  const double spread = smaller_of(round_up(b.frobenius * b.frobenius), round_up(b.norm * b.norm));
  const ProofParts p{question, b, f, largest, k, spread, gram_error(a, g)};
  ProvenValues result;
  const bool is_all = static_cast<std::int64_t>(k) == g.order;
  double rest = largest ? round_up(b.norm * b.norm) : 0.0;
  if (!is_all && f.usable) rest = rest_by_factorization(p, rest, g, result.resolution, context);
  const double most = round_up(norm_upper_bound(a).value());
  for (std::size_t i = 0; i < k; ++i) {
    const auto [lower, upper] = ends_of(p, i, rest, is_all);
    const double end = smaller_of(widened_upper(upper / g.scale), most);
    result.sigma.push_back(Proof::enclosure(widened_lower(lower / g.scale), Proof::proven(end)));
  }
  return result;
}

}  // namespace sigmax::bounds
