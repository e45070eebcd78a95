// A graph's derivatives at one point, node by node. Internal to graph/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/evaluate/local_map.hpp"
#include "sigmax/graph/graph.hpp"

namespace sigmax::graph::evaluation {

/// The pieces of a vector that belong to these nodes, one after another, added to what is in their places.
void scatter(const Graph& graph, const std::vector<Index>& nodes, std::span<const double> from,
             std::vector<Vector>& to);

/// Tangents go down the nodes, cotangents up. The graph and the values must outlive it.
class Linearization {
 public:
  Linearization(const Graph& graph, const Values& values);

  /// J dx, J^T dy and graph::bend(). Vectors have the sizes of the graph.
  Vector forward(std::span<const double> dx, Context& context) const;
  Vector reverse(std::span<const double> dy, Context& context) const;
  Vector bend(std::span<const double> dx, std::span<const double> dy, double width, Context& context) const;

 private:
  /// For each node its tangent; empty: zero. `slopes`: of functions of single entries, in place of their derivatives.
  std::vector<Vector> tangents(std::span<const double> dx, const std::vector<Vector>& slopes, Context& context) const;
  /// For each function of single entries its mean slopes over z_i -+ w.
  std::vector<Vector> mean_slopes(double width) const;
  void pull(Index node, const Vector& slopes, std::vector<Vector>& all, Context& context) const;
  /// For each node a vector of zeros, where one is wanted.
  std::vector<Vector> zeros() const;
  Vector gathered(const std::vector<Index>& nodes, const std::vector<Vector>& from) const;
  std::vector<const Vector*> operands(Index node) const;
  std::vector<Vector*> wanted(Index node, std::vector<Vector>& all) const;
  void add_bend(Index node, const std::vector<Vector>& tangents, const Vector& cotangent, double width,
                std::vector<Vector>& bends, Context& context) const;

  const Graph& graph_;
  const Values& values_;
  std::vector<bool> moves_;  ///< depends on an input, and an output depends on it
  std::vector<Map> maps_;    ///< null where it does not, and for the inputs
};

}  // namespace sigmax::graph::evaluation
