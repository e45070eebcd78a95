#include "sigmax/grad/batched.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax {
namespace {

void check(const Tensor& matrices, const BatchResult& triplets, const BatchCotangent& cotangent, std::size_t entries) {
  if (matrices.rank() != 3) {
    throw Error(fmt::format("[batched_svd_vjp] a batch has 3 dimensions, [batch, rows, columns], got {}",
                            to_string(matrices.shape())));
  }
  const auto count = static_cast<std::size_t>(matrices.shape()[0]);
  if (triplets.outcome.size() != count || triplets.u.size() != count || triplets.v.size() != count) {
    throw Error(fmt::format("[batched_svd_vjp] results with {} vectors for {} matrices: ask batched_svd for vectors",
                            triplets.u.size(), count));
  }
  if (static_cast<std::int64_t>(entries) != matrices.size()) {
    throw Error(fmt::format("[batched_svd_vjp] a gradient of {} entries for {}", entries, to_string(matrices.shape())));
  }
  const auto fits = [](std::size_t size, std::size_t wanted) { return size == 0 || size == wanted; };
  if (!fits(cotangent.sigma.size(), triplets.sigma.size()) || !fits(cotangent.u.size(), count) ||
      !fits(cotangent.v.size(), count)) {
    throw Error(
        fmt::format("[batched_svd_vjp] cotangents of {} values and {} and {} blocks of vectors for {} values of "
                    "{} matrices",
                    cotangent.sigma.size(), cotangent.u.size(), cotangent.v.size(), triplets.sigma.size(), count));
  }
}

template <Real T>
SvdResult<T> triplets_of(const BatchResult& all, std::size_t i) {
  SvdResult<T> one;
  const std::span<const double> sigma = all.values(static_cast<std::int64_t>(i));
  one.sigma.assign(sigma.begin(), sigma.end());
  if (!all.residual.empty()) one.residual.assign(sigma.size(), all.residual[i]);
  one.u = converted<T>(all.u[i]);
  one.v = converted<T>(all.v[i]);
  return one;
}

template <Real T>
SvdCotangent<T> cotangent_of(const BatchCotangent& all, const BatchResult& triplets, std::size_t i) {
  SvdCotangent<T> one;
  if (!all.sigma.empty()) {
    const auto first = all.sigma.begin();
    one.sigma.assign(first + triplets.first[i], first + triplets.first[i + 1]);
  }
  if (!all.u.empty()) one.u = converted<T>(all.u[i]);
  if (!all.v.empty()) one.v = converted<T>(all.v[i]);
  return one;
}

}  // namespace

template <Real T>
std::vector<GradientReport> batched_svd_vjp(const Tensor& matrices, const BatchResult& triplets,
                                            const BatchCotangent& cotangent, const GradientOptions& options,
                                            std::span<T> grad, Context& context) {
  const FloatingEnvironment environment;
  check(matrices, triplets, cotangent, grad.size());
  const auto count = static_cast<std::size_t>(matrices.shape()[0]);
  std::vector<GradientReport> reports(count);
  if (matrices.size() == 0) return reports;
  const std::size_t each = grad.size() / count;
  const SerialBlas serial_blas;
  context.parallel_for(count, [&](std::size_t i) {
    const Context::Serial serial(context);
    context.check_cancel();
    if (triplets.outcome[i] == BatchOutcome::not_finite) {
      reports[i].outcome = GradientOutcome::no_gap;
      reports[i].gap.assign(triplets.values(static_cast<std::int64_t>(i)).size(), 0.0);
      return;
    }
    const Operator<T> a = dense<T>(matrices.slice(static_cast<std::int64_t>(i)));
    reports[i] = svd_vjp_into<T>(*a, triplets_of<T>(triplets, i), cotangent_of<T>(cotangent, triplets, i), options,
                                 grad.subspan(i * each, each), context);
  });
  return reports;
}

template std::vector<GradientReport> batched_svd_vjp<float>(const Tensor&, const BatchResult&, const BatchCotangent&,
                                                            const GradientOptions&, std::span<float>, Context&);
template std::vector<GradientReport> batched_svd_vjp<double>(const Tensor&, const BatchResult&, const BatchCotangent&,
                                                             const GradientOptions&, std::span<double>, Context&);

}  // namespace sigmax
