#include "environment/entry_functions.hpp"
#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/networks.hpp"

namespace sigmax {

void add_lipschitz(Functions& f) {
  for (const double scale : {0x1p-1030, 1.0}) {
    std::vector<Matrix<double>> weights = networks::weights({6, 9, 8, 3}, 1);
    for (double& value : weights[1].values()) value *= scale;
    f.add("lmi_bound and chain_of", [=](Context& context) {
      std::vector<Operator<double>> operators;
      for (const Matrix<double>& w : weights) {
        operators.push_back(dense<double>(Tensor::rounded(w.values(), {w.rows(), w.columns()}, DType::f64)));
      }
      const LayeredNetwork network = lipschitz::chain_of(operators, 0.1, 1, context);
      Values values;
      for (const lipschitz::LmiEffort effort : {lipschitz::LmiEffort::fast, lipschitz::LmiEffort::high}) {
        const lipschitz::LmiBound found = lipschitz::lmi_bound(network, {.effort = effort}, context);
        values.push_back(found.bound->lipschitz.value());
        values.push_back(prove_network_bound(network, found.multipliers, context)->rho);
        for (const auto& layer : found.multipliers.values) values.insert(values.end(), layer.begin(), layer.end());
      }
      values.push_back(lipschitz::lmi_bounds(network, {network.output}, {}, context)[0]->lipschitz.value());
      const LayeredNetwork same = lipschitz::with_distinct_slopes(lipschitz::chain_of(weights, 1, 1));
      values.push_back(same.layers[0].most[0]);
      return values;
    });
  }
  ImageMap first;
  first.correlation = {1, 2, 1, PaddingMode::Zeros, {{3, 1, 1, 1, 7, 7}}};
  first.kernel = {0.3, 1, 0x1p-1060, -0.5, 0.25, 1};
  ImageMap second;
  second.correlation = {2, 1, 1, PaddingMode::Zeros, {{2, 1, 1, 0, 7, 6}}};
  second.kernel = {1, 0.5, -0.25, 1};
  const ImageSegment segment{{1}, {{first, {1, 0.5}, {2, 1}}}};
  Matrix<double> dense(2, 14);
  for (std::int64_t k = 0; k < 14; ++k) dense(k % 2, k) = 0.1 * static_cast<double>(k) - 0.4;
  f.add("image_norm", [=](Context& context) { return Values{image_norm(segment, second, {true}, context)->value()}; });
  f.add("pooled_units", [=](Context& context) {
    const PoolWindow pool{{1, 1, 1, PaddingMode::Zeros, {{2, 2, 1, 0, 6, 3}}}, {1}, {0.25}};
    return *pooled_units(segment, second, pool, {}, context);
  });
  f.add("flattened_change", [=](Context& context) {
    const auto change = flattened_change(segment, dense, {7}, {}, context);
    return Values(change->factor.values().begin(), change->factor.values().end());
  });
}

}  // namespace sigmax
