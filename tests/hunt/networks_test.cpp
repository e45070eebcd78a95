// The hunt for a wrong bound of a network: random graphs of all operations on random domains. A quotient of two points
// is a lower bound of the constant that the walk bounds from above, and values at points of the domain lie in the
// intervals. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "hunt/budget.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "support/graphs.hpp"
#include "support/layered_graphs.hpp"

namespace sigmax {
namespace {

using graph_support::Maker;

lipschitz::Domain drawn_domain(Maker& random, std::int64_t size) {
  const double scale = std::pow(10.0, static_cast<double>(random.whole(-3, 1)));
  const std::vector<double> center = random.normal(size);
  switch (random.whole(0, 2)) {
    case 0: return lipschitz::Everywhere{};
    case 1: return lipschitz::Ball{center, scale, static_cast<lipschitz::VectorNorm>(random.whole(0, 2))};
    default: {
      graph::Box box;
      for (const double each : center) {
        box.push_back({each - scale * static_cast<double>(random.whole(0, 3)), each + scale});
      }
      return box;
    }
  }
}

TEST(HuntNetworks, NoLowerBoundExceedsTheWalk) {
  const std::int64_t cases = hunt::budget(120);
  int bounded = 0;
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    Maker random(seed + 7919);
    const graph::Graph graph =
        graph_support::composition(seed, static_cast<int>(random.whole(1, 7)), graph_support::all_kinds());
    const lipschitz::Domain domain = drawn_domain(random, input_size(graph));
    lipschitz::WalkOptions options;
    options.join_up_to = random.whole(0, 1) * 2048;
    options.norm = static_cast<lipschitz::VectorNorm>(random.whole(0, 2));
    const lipschitz::Walk walk = lipschitz::walk(graph, domain, options);
    lipschitz::LowerOptions search;
    search.norm = options.norm;
    search.starts = 2;
    search.steps = 25;
    const lipschitz::Lower lower = lipschitz::lower_bound(graph, domain, search);
    if (walk.bound) {
      ++bounded;
      EXPECT_LE(lower.bound.value(), walk.bound->value());
      EXPECT_LE(walk.bound->value(), walk.product->value());
    }
    const graph::Box inputs = lipschitz::box_of(domain, input_size(graph));
    const std::vector<graph::Box> wide = ranges(graph, inputs);
    const std::vector<graph::Box> narrow = ranges(graph, graph::box_of(lower.x));
    for (std::size_t node = 0; node < wide.size(); ++node) {
      for (std::size_t k = 0; k < wide[node].size(); ++k) {
        EXPECT_LE(wide[node][k].least, narrow[node][k].greatest);
        EXPECT_GE(wide[node][k].greatest, narrow[node][k].least);
      }
    }
  }
  EXPECT_GE(2 * bounded, cases);
}

/// Residual blocks, shortcuts and concatenations with functions of every kind, everywhere and on domains on which some
/// functions are linear: the inequality takes them all, and its bound is never refuted.
TEST(HuntNetworks, NoLowerBoundExceedsTheInequality) {
  const std::int64_t cases = hunt::budget(150);
  int by_inequality = 0;
  int less_than_the_walk = 0;
  double worst = 0;
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    Maker random(seed + 104729);
    const graph::Graph graph = graph_support::layered(seed, static_cast<int>(random.whole(1, 7)));
    const lipschitz::Domain domain = drawn_domain(random, input_size(graph));
    lipschitz::NetworkBoundOptions options;
    options.lmi.effort = static_cast<lipschitz::LmiEffort>(random.whole(0, 2));
    options.lower_search.starts = 2;
    options.lower_search.steps = 25;
    const lipschitz::NetworkEnclosure found = network_bound(graph, domain, options);
    ASSERT_TRUE(found.upper && found.lower && found.walk.bound && found.inequality);
    EXPECT_LE(found.lower->bound.value(), found.upper->value());
    EXPECT_LE(found.lower->bound.value(), found.inequality->value());
    EXPECT_LE(found.upper->value(), found.walk.bound->value());
    EXPECT_LE(found.upper->value(), found.walk.product->value());
    ASSERT_EQ(found.parts.size(), 1U);
    if (found.parts[0].search) ++by_inequality;
    if (found.inequality->value() <= found.walk.bound->value() * (1 + 1e-5)) {
      ++less_than_the_walk;
    } else {
      worst = std::max(worst, found.inequality->value() / found.walk.bound->value());
    }
  }
  std::printf("%d by the inequality, %d not above the walk, %g times it at most\n", by_inequality, less_than_the_walk,
              worst);
  EXPECT_GE(2 * by_inequality, cases);
}

}  // namespace
}  // namespace sigmax
