// sigma_max of a weight with a low-rank adapter merged into it, W + s B A, which is never formed.
#include <cstdio>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "sigmax/svd/svd.hpp"

int main() {
  const std::int64_t rows = 768;
  const std::int64_t columns = 512;
  const std::int64_t rank = 8;
  const double alpha = 16;

  // In a real program they come from a checkpoint; here they are normal random numbers of the usual sizes in the usual
  // types.
  sigmax::RandomState random = sigmax::random_state(7);
  const auto normal = [&random](std::int64_t m, std::int64_t n, double size, sigmax::DType dtype) {
    std::vector<double> values(static_cast<std::size_t>(m * n));
    random = sigmax::fill_normal(random, values);
    for (double& value : values) value *= size;
    return sigmax::Tensor::rounded(values, {m, n}, dtype);
  };
  const auto weight = sigmax::dense<double>(normal(rows, columns, 0.04, sigmax::DType::bf16));
  const auto update = sigmax::low_rank<double>(normal(rows, rank, 0.02, sigmax::DType::f32),
                                               normal(rank, columns, 0.05, sigmax::DType::f32), alpha / rank);
  const auto merged = weight + update;

  const double of_weight = sigmax::svd(*weight).sigma[0];
  const double of_update = sigmax::svd(*update).sigma[0];
  const double of_merged = sigmax::svd(*merged).sigma[0];
  std::printf("sigma_max of W            %.9f\n", of_weight);
  std::printf("sigma_max of s B A        %.9f\n", of_update);
  std::printf("sigma_max of W + s B A    %.9f\n", of_merged);
  std::printf("the adapter moves it by   %+.9f, and by no more than its own sigma_max (Weyl)\n", of_merged - of_weight);
}
