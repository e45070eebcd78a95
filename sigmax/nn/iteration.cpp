#include "sigmax/nn/iteration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/kernels/vector.hpp"
#include "sigmax/svd/convergence.hpp"

namespace sigmax::nn {
namespace {

// Bounds of |W v| for |v| = 1: between them W^T W v is in range whatever the shape.
template <Real T>
constexpr double kFar = std::same_as<T, float> ? 0x1p+50 : 0x1p+400;

template <Real T>
bool is_far(double norm) {
  return norm > kFar<T> || (norm < 1 / kFar<T> && norm > 0);
}

template <Real T>
double norm_of(std::span<T> x) {
  return kernels::norm2(std::span<const T>(x));
}

// The inner product of a vector of length `norm` with itself divided by max(norm, epsilon).
double over_guarded(double norm, double epsilon) { return norm * (norm / std::max(norm, epsilon)); }

template <Real T>
void quotient(std::span<const T> x, double d, std::span<T> out) {
  std::copy(x.begin(), x.end(), out.begin());
  divide(out, d);
}

}  // namespace

template <Real T>
void divide(std::span<T> x, double d) {
  const T divisor = static_cast<T>(d);
  if (std::isnormal(divisor)) {
    for (T& value : x) value /= divisor;
  } else {
    for (T& value : x) value = static_cast<T>(static_cast<double>(value) / d);
  }
}

// t = W v, x = W^T t        one read
// u = t / max(|t|, epsilon)
// W^T u = x / max(|t|, epsilon), so v = x / |x| and sigma = |x| / |t|, unless epsilon takes hold
template <Real T>
void u_first_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context) {
  const Convergence wanted{Accuracy::values, options.tolerance, 1};
  for (std::int64_t step = 0; step < options.steps; ++step) {
    context.check_cancel();
    w.gram(work.v, work.t, work.x, context);
    result.reads += w.gram_reads();
    const double image = norm_of(work.t);
    double divisor = std::max(image, options.epsilon);
    quotient<T>(work.t, divisor, work.u);
    if (is_far<T>(image)) {
      w.transposed(work.u, work.x, context);
      ++result.reads;
      divisor = 1;
    }
    const double length = norm_of(work.x) / divisor;
    const double before = result.sigma;
    result.sigma = over_guarded(length, options.epsilon);
    quotient<T>(work.x, divisor * std::max(length, options.epsilon), work.v);
    ++result.steps;
    if (!(result.sigma > 0) || !std::isfinite(result.sigma)) return;
    result.tolerance_met = wanted.has_settled(before, result.sigma);
    if (result.tolerance_met) return;
  }
}

// x = W^T u
// each step:  v = x / max(|x|, epsilon)
//             t = W v, together with x = W^T t if another step may follow
//             u = t / max(|t|, epsilon), sigma = |t|, W^T u = x / max(|t|, epsilon)
template <Real T>
void v_first_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context) {
  w.transposed(work.u, work.x, context);
  ++result.reads;
  double divisor = 1;
  const Convergence wanted{Accuracy::values, options.tolerance, 1};
  for (std::int64_t step = 0; step < options.steps; ++step) {
    context.check_cancel();
    const double length = norm_of(work.x) / divisor;
    quotient<T>(work.x, divisor * std::max(length, options.epsilon), work.v);
    const bool last = step + 1 == options.steps;
    if (last) {
      w.multiply(work.v, work.t, context);
    } else {
      w.gram(work.v, work.t, work.x, context);
    }
    result.reads += last ? 1 : w.gram_reads();
    const double image = norm_of(work.t);
    divisor = std::max(image, options.epsilon);
    quotient<T>(work.t, divisor, work.u);
    if (!last && is_far<T>(image)) {
      w.transposed(work.u, work.x, context);
      ++result.reads;
      divisor = 1;
    }
    const double before = result.sigma;
    result.sigma = over_guarded(image, options.epsilon);
    ++result.steps;
    if (!(result.sigma > 0) || !std::isfinite(result.sigma)) return;
    result.tolerance_met = wanted.has_settled(before, result.sigma);
    if (result.tolerance_met) return;
  }
}

template void divide<float>(std::span<float>, double);
template void divide<double>(std::span<double>, double);
template void u_first_steps<float>(const Products<float>&, const StepOptions&, const Workspace<float>&, StepResult&,
                                   Context&);
template void u_first_steps<double>(const Products<double>&, const StepOptions&, const Workspace<double>&, StepResult&,
                                    Context&);
template void v_first_steps<float>(const Products<float>&, const StepOptions&, const Workspace<float>&, StepResult&,
                                   Context&);
template void v_first_steps<double>(const Products<double>&, const StepOptions&, const Workspace<double>&, StepResult&,
                                    Context&);

}  // namespace sigmax::nn
