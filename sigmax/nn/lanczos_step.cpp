// The Lanczos steps of normalize.hpp: iteration.hpp declares them.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "sigmax/kernels/vector.hpp"
#include "sigmax/linalg/tridiagonal.hpp"
#include "sigmax/nn/iteration.hpp"
#include "sigmax/svd/convergence.hpp"

namespace sigmax::nn {
namespace {

// With C = W^T W / unit^2, where unit is a power of two near |W q_1| if that is far from 1 (so that nothing leaves the
// range of T) and 1 otherwise:
//
//   C Q_k = Q_k T_k + beta_k q_{k+1} e_k^T,    A_k = W Q_k / unit,    T_k tridiagonal
template <Real T>
class KrylovSpace {
 public:
  KrylovSpace(const Products<T>& w, std::int64_t most, Context& context)
      : w_(w),
        context_(context),
        rows_(static_cast<std::size_t>(w.rows())),
        columns_(static_cast<std::size_t>(w.columns())),
        basis_(context.scratch<T>(columns_ * static_cast<std::size_t>(most + 1))),
        images_(context.scratch<T>(rows_ * static_cast<std::size_t>(most))) {}

  std::int64_t size() const { return static_cast<std::int64_t>(form_.diagonal.size()); }
  double unit() const { return unit_; }
  std::int64_t reads() const { return reads_; }
  std::span<T> vector(std::int64_t j) { return {basis_.data() + static_cast<std::size_t>(j) * columns_, columns_}; }
  std::span<T> image(std::int64_t j) { return {images_.data() + static_cast<std::size_t>(j) * rows_, rows_}; }

  // Adds one vector. False if the remainder is only rounding, or if the image is zero or not finite.
  bool extend() {
    const std::int64_t j = size();
    const std::span<T> next = vector(j + 1);
    if (j > 0) form_.off_diagonal.push_back(beta_);
    multiply(j, next);
    const double length = kernels::norm2(std::span<const T>(image(j)));
    form_.diagonal.push_back(length * length);
    // Twice against every vector, because the space is small.
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t i = j; i >= 0; --i) {
        const double overlap = kernels::dot(std::span<const T>(vector(i)), std::span<const T>(next));
        kernels::axpy(static_cast<T>(-overlap), std::span<const T>(vector(i)), next);
      }
    }
    beta_ = kernels::norm2(std::span<const T>(next));
    largest_ = std::max({largest_, length * length, beta_});
    constexpr double kNothing = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
    if (!(beta_ > kNothing * largest_) || !std::isfinite(largest_)) {
      beta_ = 0;
      std::fill(next.begin(), next.end(), T(0));
      return false;
    }
    divide(next, beta_);
    return true;
  }

  // The leading eigenvector of T_k, and the estimated error of its value theta.
  struct Leading {
    std::vector<double> y;
    double theta = 0;
    double error = 0;
  };
  Leading leading() {
    Leading result{{1.0}, form_.diagonal.front(), beta_};
    if (size() == 1) return result;
    const std::vector<double> theta = eigenvalues(form_, context_);
    result.theta = theta.back();
    result.y = eigenvector(form_, result.theta).value_or(std::vector<double>(theta.size(), 0.0));
    if (result.y.front() == 0 && result.y.back() == 0) result.y.front() = 1;
    // The sign follows the start: the state keeps its sign from step to step.
    if (result.y.front() < 0) std::transform(result.y.begin(), result.y.end(), result.y.begin(), std::negate<>());
    const double residual = beta_ * std::fabs(result.y.back());
    const std::array<double, 2> top{result.theta, theta[theta.size() - 2]};
    result.error = estimated_error(top, residual, 0);
    return result;
  }

  // a = A_k y, b = C Q_k y = Q_k T_k y + beta_k y_k q_{k+1}
  void combine(const std::vector<double>& y, std::span<T> a, std::span<T> b) {
    std::fill(a.begin(), a.end(), T(0));
    std::fill(b.begin(), b.end(), T(0));
    const std::size_t k = y.size();
    for (std::size_t i = 0; i <= k; ++i) {
      double weight = i < k ? form_.diagonal[i] * y[i] : 0.0;
      if (i > 0) weight += (i < k ? form_.off_diagonal[i - 1] : beta_) * y[i - 1];
      if (i + 1 < k) weight += form_.off_diagonal[i] * y[i + 1];
      const auto j = static_cast<std::int64_t>(i);
      kernels::axpy(static_cast<T>(weight), std::span<const T>(vector(j)), b);
      if (i < k) kernels::axpy(static_cast<T>(y[i]), std::span<const T>(image(j)), a);
    }
  }

 private:
  // image(j) = W q_j / unit, next = W^T image(j) / unit
  void multiply(std::int64_t j, std::span<T> next) {
    if (unit_ == 1) {
      w_.gram(vector(j), image(j), next, context_);
      reads_ += w_.gram_reads();
      if (j > 0) return;
      constexpr double kFar = std::same_as<T, float> ? 0x1p+30 : 0x1p+300;
      const double length = kernels::norm2(std::span<const T>(image(0)));
      const bool far = length > kFar || (length > 0 && length < 1 / kFar);
      if (!far || !std::isfinite(length)) return;
      unit_ = std::ldexp(1.0, std::ilogb(length));
    }
    w_.multiply(vector(j), image(j), context_);
    divide(image(j), unit_);
    w_.transposed(image(j), next, context_);
    divide(next, unit_);
    reads_ += 2;
  }

  const Products<T>& w_;
  Context& context_;
  std::size_t rows_, columns_;
  Context::Buffer<T> basis_, images_;
  Tridiagonal form_;
  double unit_ = 1;
  double beta_ = 0;
  double largest_ = 0;
  std::int64_t reads_ = 0;
};

}  // namespace

// x = Q_k y with T_k y = theta y: the leading Ritz vector. The result of a further step of power iteration is known
// without a product: W x / unit = A_k y, W^T W x / unit^2 = Q_k T_k y + beta_k y_k q_{k+1}. So u = W x / |W x|,
// v = W^T u / |W^T u|, sigma = |W^T u|, and one step equals a step of u_first.
template <Real T>
void lanczos_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context) {
  // Directions that W maps to zero count once.
  const std::int64_t most = std::max<std::int64_t>(std::min({options.steps, w.rows() + 1, w.columns()}), 1);
  if (options.steps == 1 || w.rows() == 0 || w.columns() == 0) {
    return u_first_steps(w, options, work, result, context);
  }
  KrylovSpace<T> space(w, most, context);
  std::copy(work.v.begin(), work.v.end(), space.vector(0).begin());
  divide(space.vector(0), kernels::norm2(std::span<const T>(work.v)));
  const Convergence wanted{Accuracy::values, options.tolerance, 1};
  bool more = true;
  while (more && space.size() < most && !result.tolerance_met) {
    context.check_cancel();
    more = space.extend();
    if (options.tolerance > 0) {
      const auto leading = space.leading();
      result.tolerance_met = leading.error <= wanted.allowed(leading.theta, leading.theta);
    }
  }
  result.steps += space.size();
  result.reads += space.reads();
  space.combine(space.leading().y, work.t, work.x);
  const double image = kernels::norm2(std::span<const T>(work.t));
  const double back = kernels::norm2(std::span<const T>(work.x));
  result.sigma = image > 0 ? space.unit() * (back / image) : image;
  if (!(result.sigma > 0) || !std::isfinite(result.sigma)) return;
  std::copy(work.t.begin(), work.t.end(), work.u.begin());
  std::copy(work.x.begin(), work.x.end(), work.v.begin());
  divide(work.u, image);
  divide(work.v, back);
}

template void lanczos_steps<float>(const Products<float>&, const StepOptions&, const Workspace<float>&, StepResult&,
                                   Context&);
template void lanczos_steps<double>(const Products<double>&, const StepOptions&, const Workspace<double>&, StepResult&,
                                    Context&);

}  // namespace sigmax::nn
