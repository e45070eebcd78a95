#include "sigmax/grad/check_norm.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {
namespace {

double value_of(const LinearOperator<double>& a, const norms::Norm& which, Context& context) {
  if (norms::is_of_singular_values(which)) {
    SvdOptions<double> all;
    all.k = std::min(a.shape().rows, a.shape().columns);
    all.method = DenseLapack{};
    return norms::spectral_value(svd(a, all, context).sigma, which);
  }
  const Matrix<double> entries = materialize(a, context);
  const Tensor tensor(DType::f64, {entries.rows(), entries.columns()}, {1, entries.rows()},
                      std::as_bytes(entries.values()).data(), nullptr);
  return norms::norm(tensor, which, context).value;
}

NormCheckResult judged(NormGradient norm, CheckResult check) {
  NormCheckResult result{std::move(norm), std::move(check)};
  const bool unique = result.norm.kind == GradientKind::unique;
  result.holds = unique ? result.check.agrees() : result.check.verdict != Verdict::disagree;
  return result;
}

}  // namespace

NormCheckResult check_norm(const OperatorFamily& family, std::span<const double> theta, const norms::Norm& which,
                           const CheckOptions& options, Context& context) {
  const FloatingEnvironment environment;
  std::vector<double> gradient(theta.size(), 0.0);
  NormGradient norm = norm_vjp<double>(*family(theta), which, {}, gradient, context);
  const auto value = [&](std::span<const double> x) { return value_of(*family(x), which, context); };
  return judged(std::move(norm), check_gradient(value, theta, gradient, options));
}

NormCheckResult check_norm(const Tensor& matrix, const norms::Norm& which, const CheckOptions& options,
                           Context& context) {
  const FloatingEnvironment environment;
  std::vector<double> gradient(static_cast<std::size_t>(matrix.size()), 0.0);
  NormGradient norm = norm_vjp<double>(matrix, which, {}, gradient, context);
  const Matrix<double> entries = materialize(*dense<double>(matrix), context);
  std::vector<double> x;
  for (std::int64_t i = 0; i < entries.rows(); ++i) {
    for (std::int64_t j = 0; j < entries.columns(); ++j) x.push_back(entries(i, j));
  }
  const auto value = [&](std::span<const double> at) {
    return value_of(*dense<double>(Tensor::copy_of(at, matrix.shape())), which, context);
  };
  return judged(std::move(norm), check_gradient(value, x, gradient, options));
}

}  // namespace sigmax::grad
