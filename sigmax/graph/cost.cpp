#include "sigmax/graph/cost.hpp"

#include <algorithm>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::graph {
namespace {

double size_of(std::int64_t a, std::int64_t b) { return static_cast<double>(a) * static_cast<double>(b); }

struct ProductFlops {
  const LinearOperator<double>& a;

  double operator()(const structure::Opaque&) const { return 2 * size_of(a.shape().rows, a.shape().columns); }
  double operator()(const structure::Stored&) const { return 2 * size_of(a.shape().rows, a.shape().columns); }
  double operator()(const structure::Convolution& c) const {
    return 2 * size_of(c.correlation->rows(), c.correlation->terms());
  }
  double operator()(const structure::Diagonal& d) const { return d.is_identity() ? 0 : static_cast<double>(d.order); }
  double operator()(const structure::Selection&) const { return static_cast<double>(a.shape().rows); }
  // Each factor on all lines along its axis, the longer side of the others.
  double operator()(const structure::Kronecker<double>& k) const {
    double lines = 1;
    for (const Operator<double>& factor : k.factors) lines *= longer_side(*factor);
    double sum = 0;
    for (const Operator<double>& factor : k.factors) {
      sum += product_flops(*factor) * (lines / std::max(longer_side(*factor), 1.0));
    }
    return sum;
  }
  double operator()(const structure::Sum<double>& s) const { return of_all(s.terms); }
  double operator()(const structure::Product<double>& p) const {
    return product_flops(*p.left) + product_flops(*p.right);
  }
  double operator()(const structure::Scaled<double>& s) const { return product_flops(*s.of); }
  double operator()(const structure::Transposed<double>& t) const { return product_flops(*t.of); }
  double operator()(const structure::Stacked<double>& s) const { return of_all(s.parts); }

 private:
  static double longer_side(const LinearOperator<double>& factor) {
    return static_cast<double>(std::max(factor.shape().rows, factor.shape().columns));
  }
  static double of_all(const std::vector<Operator<double>>& parts) {
    double sum = 0;
    for (const Operator<double>& part : parts) sum += product_flops(*part);
    return sum;
  }
};

struct NodeFlops {
  double entries;

  template <class Other>
  double operator()(const Other&) const {
    return 10 * entries;
  }
  double operator()(const Affine& affine) const { return product_flops(*affine.map); }
  double operator()(const MatrixProduct& m) const { return 2 * size_of(m.batch, m.rows) * size_of(m.inner, m.columns); }
  double operator()(const Recurrence& r) const {
    const double each = product_flops(*r.input_weight) + product_flops(*r.recurrent_weight);
    return static_cast<double>(r.steps) * each + 10 * entries;
  }
};

}  // namespace

double product_flops(const LinearOperator<double>& a) { return std::visit(ProductFlops{a}, a.structure()); }

double evaluation_flops(const Graph& graph) {
  const std::vector<bool> needed = leads_to_output(graph);
  double sum = 0;
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (!needed[node]) continue;
    auto entries = static_cast<double>(graph.nodes[node].size());
    for (const Index input : graph.nodes[node].inputs) entries += static_cast<double>(graph.nodes[input].size());
    sum += std::visit(NodeFlops{entries}, graph.nodes[node].operation);
  }
  return sum;
}

}  // namespace sigmax::graph
