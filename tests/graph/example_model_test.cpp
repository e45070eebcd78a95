// The example model of the repository, with the logits that another program computes.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/from_onnx.hpp"

namespace sigmax::graph {
namespace {

TEST(ExampleModel, GivesTheLogitsOfOnnxsReferenceEvaluator) {
  const std::filesystem::path file = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "examples/models/fashion_mnist.onnx";
  const Graph graph = from_onnx(io::read_computation(file));
  ASSERT_EQ(graph.inputs.size(), 1U);
  ASSERT_EQ(graph.outputs.size(), 1U);
  for (const Node& node : graph.nodes) EXPECT_FALSE(std::holds_alternative<Refused>(node.operation)) << node.name;
  std::vector<double> x(static_cast<std::size_t>(graph.nodes[graph.inputs[0]].size()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 256) / 256;
  // onnx.reference.ReferenceEvaluator, onnx 1.23.2, in f32.
  const double expected[] = {-1.508056402206421,  -2.364917516708374, -3.134650468826294, -5.534766674041748,
                             -1.4428107738494873, -7.267665386199951, 0.5014061331748962, -11.822983741760254,
                             6.451383113861084,   -5.535063743591309};
  const std::vector<double> found = outputs(graph, evaluate(graph, x));
  ASSERT_EQ(found.size(), std::size(expected));
  // Sums of up to 1568 terms in f32, through five layers that amplify by less than 10 each.
  const double tolerance = 1568 * 0x1p-24 * 10;
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << i;
}

}  // namespace
}  // namespace sigmax::graph
