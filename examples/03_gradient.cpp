// The gradient of a loss of the largest singular triplet, and a check of it against differences.
#include <cstdio>
#include <vector>

#include "sigmax/grad/check.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

using sigmax::Tensor;

namespace {

// The loss is sigma + (u_1 v_1)^2, with the first entries u_1 and v_1. The pair (u, v) has two signs, and a loss that
// does not change with the sign is a function of A.
sigmax::SvdResult<double> triplet_of(const sigmax::LinearOperator<double>& a) {
  sigmax::SvdOptions<double> options;
  options.accuracy = sigmax::Accuracy::vectors;  // the gradient is as good as the vectors are
  options.tolerance = 1e-13;
  return sigmax::svd(a, options);
}

double loss(std::span<const double> values) {
  const auto a = sigmax::dense<double>(Tensor::copy_of(values, {2, 3}));
  const auto top = triplet_of(*a);
  const double product = top.u(0, 0) * top.v(0, 0);
  return top.sigma[0] + product * product;
}

}  // namespace

int main() {
  const std::vector<double> values = {2, -1, 0, 1, 3, 1};
  const auto a = sigmax::dense<double>(Tensor::copy_of(values, {2, 3}));
  const auto top = triplet_of(*a);

  // The derivatives of the loss with respect to sigma, u and v.
  sigmax::SvdCotangent<double> cotangent;
  cotangent.sigma = {1};
  cotangent.u = sigmax::Matrix<double>(2, 1);
  cotangent.v = sigmax::Matrix<double>(3, 1);
  cotangent.u(0, 0) = 2 * top.u(0, 0) * top.v(0, 0) * top.v(0, 0);
  cotangent.v(0, 0) = 2 * top.u(0, 0) * top.u(0, 0) * top.v(0, 0);

  std::vector<double> gradient(values.size());
  sigmax::Context context;
  sigmax::svd_vjp_into<double>(*a, top, cotangent, {}, gradient, context);
  std::printf("gradient %9.6f %9.6f %9.6f\n", gradient[0], gradient[1], gradient[2]);
  std::printf("         %9.6f %9.6f %9.6f\n", gradient[3], gradient[4], gradient[5]);

  const auto check = sigmax::grad::check_gradient(loss, values, gradient);
  std::printf("agrees with differences: %s\n", check.agrees() ? "yes" : "no");
  return check.agrees() ? 0 : 1;
}
