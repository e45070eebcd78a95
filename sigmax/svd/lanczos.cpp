#include "sigmax/svd/lanczos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/svd/blas.hpp"

namespace sigmax {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// The top of the spectrum of the tridiagonal matrix of one cycle.
struct Ritz {
  double theta = 0;
  double next = -1;             // the second eigenvalue; -1 for a matrix of order one
  std::vector<double> weights;  // the eigenvector of theta in the Lanczos basis
};

Ritz top_of(std::span<const double> alpha, std::span<const double> beta) {
  const int n = static_cast<int>(alpha.size());
  if (n == 1) return {alpha[0], -1, {1.0}};
  std::vector<double> diagonal(alpha.begin(), alpha.end());
  std::vector<double> off(beta.begin(), beta.end());
  const int wanted = 2;
  const int first = n - 1;
  const double unused = 0;
  int found = 0;
  int info = 0;
  std::vector<double> values(static_cast<std::size_t>(n));
  std::vector<double> vectors(static_cast<std::size_t>(n) * wanted);
  std::vector<int> support(2 * wanted);
  std::vector<double> work(static_cast<std::size_t>(20 * n));
  std::vector<int> integer_work(static_cast<std::size_t>(10 * n));
  const int work_size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integer_work.size());
  dstevr_("V", "I", &n, diagonal.data(), off.data(), &unused, &unused, &first, &n, &unused, &found, values.data(),
          vectors.data(), &n, support.data(), work.data(), &work_size, integer_work.data(), &integer_size, &info);
  if (info != 0 || found != wanted) throw Error(fmt::format("[lanczos] dstevr failed, info {}", info));
  const double* top = vectors.data() + n;
  return {values[1], values[0], {top, top + n}};
}

// A growing orthonormal basis, column-major.
class Basis {
 public:
  Basis(std::int64_t n, std::int64_t capacity, Context& context)
      : n_(static_cast<int>(n)),
        vectors_(context.scratch<double>(static_cast<std::size_t>(n * capacity))),
        coefficients_(static_cast<std::size_t>(capacity)) {}

  std::span<double> at(std::int64_t j) { return {vectors_.data() + j * n_, static_cast<std::size_t>(n_)}; }

  // x -= Q Q^T x over the first `count` vectors, twice: once leaves errors that grow with cancellation, twice is
  // enough.
  void orthogonalize(std::span<double> x, std::int64_t count) {
    for (int pass = 0; pass < 2; ++pass) {
      cblas_dgemv(CblasColMajor, CblasTrans, n_, static_cast<int>(count), 1.0, vectors_.data(), n_, x.data(), 1, 0.0,
                  coefficients_.data(), 1);
      cblas_dgemv(CblasColMajor, CblasNoTrans, n_, static_cast<int>(count), -1.0, vectors_.data(), n_,
                  coefficients_.data(), 1, 1.0, x.data(), 1);
    }
  }

  void combine(std::span<const double> weights, std::span<double> x) {
    cblas_dgemv(CblasColMajor, CblasNoTrans, n_, static_cast<int>(weights.size()), 1.0, vectors_.data(), n_,
                weights.data(), 1, 0.0, x.data(), 1);
  }

 private:
  int n_;
  Context::Buffer<double> vectors_;
  std::vector<double> coefficients_;
};

double norm2(std::span<const double> x) { return cblas_dnrm2(static_cast<int>(x.size()), x.data(), 1); }

void scale(std::span<double> x, double factor) {
  for (double& value : x) value *= factor;
}

// Ritz values are looked at after steps 1, 2, 4, 6, ...: early while steps are few, then often enough not to overshoot.
bool worth_checking(std::int64_t step) { return step <= 2 || step % 4 == 0; }

}  // namespace

// q_1 = g / |g|;  for j = 1, 2, ...
//   z = C q_j;  alpha_j = q_j^T z;  z -= Q Q^T z;  beta_j = |z|;  q_{j+1} = z / beta_j
//   (theta, s) = the largest eigenpair of T_j;  residual = beta_j |s_j|;  stop if it is small
//   if the basis is full: start again from q_1 = Q s
LanczosResult lanczos(std::int64_t n, const SymmetricProduct& product, const LanczosOptions& options,
                      Context& context) {
  if (n < 1) throw Error(fmt::format("[lanczos] the operator's order must be positive, got {}", n));
  const SerialBlas serial;
  const std::int64_t capacity = std::min(std::max<std::int64_t>(options.basis, 2), n);
  Basis basis(n, capacity, context);
  LanczosResult result;
  result.vector.resize(static_cast<std::size_t>(n));
  std::vector<double> z(static_cast<std::size_t>(n));

  result.random = fill_normal(options.random, z);
  result.recurrence.start_norm = norm2(z);
  std::vector<double> alpha;
  std::vector<double> beta;
  for (bool first_cycle = true;; first_cycle = false) {
    alpha.clear();
    beta.clear();
    scale(z, 1 / norm2(z));
    std::copy(z.begin(), z.end(), basis.at(0).begin());
    Ritz ritz;
    for (bool done = false; !done;) {
      context.check_cancel();
      const auto j = static_cast<std::int64_t>(alpha.size());
      product(basis.at(j), z);
      ++result.products;
      alpha.push_back(cblas_ddot(static_cast<int>(n), basis.at(j).data(), 1, z.data(), 1));
      basis.orthogonalize(z, j + 1);
      const double next = norm2(z);
      beta.push_back(next);
      const double largest = *std::max_element(alpha.begin(), alpha.end());
      const bool exhausted = j + 1 == n || next <= static_cast<double>(n) * kEpsilon * largest;
      const bool full = j + 1 == capacity;
      const bool spent = result.products >= options.max_products;
      if (exhausted || full || spent || worth_checking(j + 1)) {
        ritz = top_of(alpha, beta);
        result.residual = exhausted ? 0.0 : next * std::fabs(ritz.weights.back());
        const double gap = ritz.theta - ritz.next;
        const double error = gap > result.residual ? result.residual * result.residual / gap : result.residual;
        // Two steps at least, so that an unlucky first residual cannot end the process.
        const bool converged = j >= 1 && error <= options.tolerance * ritz.theta;
        if (exhausted)
          result.outcome = LanczosOutcome::invariant_subspace;
        else if (converged)
          result.outcome = LanczosOutcome::converged;
        else
          result.outcome = LanczosOutcome::out_of_products;
        if (exhausted || converged || spent) {
          basis.combine(ritz.weights, result.vector);
          result.theta = ritz.theta;
          if (first_cycle) result.recurrence = {alpha, beta, result.recurrence.start_norm};
          return result;
        }
        done = full;
      }
      if (!done) {
        scale(z, 1 / next);
        std::copy(z.begin(), z.end(), basis.at(j + 1).begin());
      }
    }
    basis.combine(ritz.weights, z);
    if (first_cycle) result.recurrence = {alpha, beta, result.recurrence.start_norm};
  }
}

}  // namespace sigmax
