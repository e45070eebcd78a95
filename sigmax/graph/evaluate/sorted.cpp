// The least or greatest entries of groups, in order.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph::evaluation {
namespace {

class SortedMap final : public LocalMap {
 public:
  explicit SortedMap(const Sorted& sorted) : sorted_(sorted) {}

  Vector value(Operands x, Context&) const override { return taken(*x[0], *x[0]); }
  Vector push(Operands x, const Vector&, Tangents dx, Context&) const override { return taken(*x[0], *dx[0]); }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    each_entry(*x[0], [&](std::size_t out, std::size_t entry) { (*dx[0])[entry] += dy[out]; });
  }

 private:
  Vector taken(const Vector& x, const Vector& of) const {
    Vector y(static_cast<std::size_t>(sorted_.groups.outer * sorted_.count * sorted_.groups.inner));
    each_entry(x, [&](std::size_t out, std::size_t entry) { y[out] = of[entry]; });
    return y;
  }

  // body(entry of y, entry of x)
  template <class Body>
  void each_entry(const Vector& x, const Body& body) const {
    const Groups& g = sorted_.groups;
    std::vector<std::size_t> order(static_cast<std::size_t>(g.length));
    for (std::int64_t o = 0; o < g.outer; ++o) {
      for (std::int64_t i = 0; i < g.inner; ++i) {
        const auto at = [&](std::size_t k) {
          return static_cast<std::size_t>((o * g.length + static_cast<std::int64_t>(k)) * g.inner + i);
        };
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
          return sorted_.descending ? x[at(a)] > x[at(b)] : x[at(a)] < x[at(b)];
        });
        for (std::int64_t k = 0; k < sorted_.count; ++k) {
          body(static_cast<std::size_t>((o * sorted_.count + k) * g.inner + i), at(order[static_cast<std::size_t>(k)]));
        }
      }
    }
  }
  const Sorted& sorted_;
};

}  // namespace

Map map_of(const Sorted& sorted, const Node&) { return std::make_unique<SortedMap>(sorted); }

}  // namespace sigmax::graph::evaluation
