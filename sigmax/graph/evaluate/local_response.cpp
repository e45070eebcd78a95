// y_i = x_i d_i^-beta, d_i = bias + alpha / size * the sum of x_j^2 over the window W(i). The derivative is
//
//     dy_i = d_i^-beta dx_i - 2 beta alpha / size x_i d_i^(-beta - 1) * the sum of x_j dx_j over W(i)
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph::evaluation {
namespace {

class LocalResponseMap final : public LocalMap {
 public:
  explicit LocalResponseMap(const LocalResponse& response)
      : r_(response), share_(response.alpha / static_cast<double>(response.size)) {}

  Vector value(Operands x, Context&) const override {
    const Vector d = divisors(*x[0]);
    Vector y(d.size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (*x[0])[i] * std::pow(d[i], -r_.beta);
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    const Vector d = divisors(*x[0]);
    Vector dy(y.size());
    for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = (*dx[0])[i] * std::pow(d[i], -r_.beta);
    each_pair([&](std::size_t i, std::size_t j) { dy[i] -= factor(y[i], d[i]) * (*x[0])[j] * (*dx[0])[j]; });
    return dy;
  }
  void pull(Operands x, const Vector& y, const Vector& dy, Cotangents dx, Context&) const override {
    const Vector d = divisors(*x[0]);
    for (std::size_t i = 0; i < dy.size(); ++i) (*dx[0])[i] += dy[i] * std::pow(d[i], -r_.beta);
    each_pair([&](std::size_t i, std::size_t j) { (*dx[0])[j] -= factor(y[i], d[i]) * (*x[0])[j] * dy[i]; });
  }

 private:
  double factor(double y, double d) const { return 2 * r_.beta * share_ * y / d; }

  Vector divisors(const Vector& x) const {
    Vector squares(x.size(), 0.0);
    each_pair([&](std::size_t i, std::size_t j) { squares[i] += x[j] * x[j]; });
    for (double& each : squares) each = r_.bias + share_ * each;
    return squares;
  }

  // body(i, j) for each j in W(i)
  template <class Body>
  void each_pair(const Body& body) const {
    const Groups& g = r_.groups;
    each_group(g, [&](std::size_t start) {
      for (std::int64_t i = 0; i < g.length; ++i) {
        const std::int64_t last = std::min(g.length - 1, i + r_.size / 2);
        for (std::int64_t j = std::max<std::int64_t>(0, i - (r_.size - 1) / 2); j <= last; ++j) {
          body(start + static_cast<std::size_t>(i * g.inner), start + static_cast<std::size_t>(j * g.inner));
        }
      }
    });
  }
  const LocalResponse& r_;
  double share_;
};

}  // namespace

Map map_of(const LocalResponse& response, const Node&) { return std::make_unique<LocalResponseMap>(response); }

}  // namespace sigmax::graph::evaluation
