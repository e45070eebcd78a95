#include "sigmax/lipschitz/classifier.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

Numbers logits_of(const Classifier& classifier, const Numbers& x) {
  return outputs(classifier.graph, graph::evaluate(classifier.graph, x));
}

// An image of 2 channels and 1 x 3 pixels, channels first or last.
Maker image(Dimensions shape) {
  Maker maker(1);
  maker.graph.inputs = {maker.add(graph::Input{}, {}, std::move(shape))};
  maker.graph.outputs = {maker.graph.inputs[0]};
  return maker;
}

TEST(Classifier, NormalizesEachChannel) {
  const Numbers x = {1, 2, 3, 4, 5, 6};
  for (const bool last : {false, true}) {
    Maker maker = image(last ? Dimensions{1, 1, 3, 2} : Dimensions{1, 2, 1, 3});
    maker.graph.outputs = {
        maker.map(0, dense<double>(Tensor::copy_of(Numbers{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, {2, 6})))};
    const Numbers found = logits_of(classifier(maker.graph, {{0.5, 1}, {0.25, 3}}), x);
    EXPECT_NEAR(found[0], (1 - 0.5) / 0.25, 0x1p-28);
    EXPECT_NEAR(found[1], last ? (4.0 - 1) / 3 : (4.0 - 1) / 3, 0x1p-28);
  }
}

TEST(Classifier, LeavesOutWhatKeepsTheOrder) {
  Maker maker(2);
  const Index x = maker.input(3);
  const Index logits = maker.affine(x, 4);
  maker.graph.outputs = {maker.add(graph::Softmax{{1, 4, 1}, false}, {logits}, {4})};
  const Classifier found = classifier(maker.graph);
  ASSERT_EQ(found.changes.size(), 1U);
  EXPECT_EQ(found.graph.outputs, std::vector<Index>{logits});
  // Of groups of its own it does not.
  maker.graph.outputs = {maker.add(graph::Softmax{{2, 2, 1}, false}, {logits}, {4})};
  EXPECT_TRUE(classifier(maker.graph).changes.empty());
}

TEST(Classifier, OneLogitDecidesByItsSign) {
  Maker maker(3);
  const Index x = maker.input(2);
  const Index logit = maker.map(x, dense<double>(Tensor::copy_of(Numbers{1, -1}, {1, 2})));
  maker.graph.outputs = {logit};
  EXPECT_EQ(logits_of(classifier(maker.graph), {3, 1}), (Numbers{0, 2}));
  maker.graph.outputs = {maker.apply(logit, graph::named_function("Sigmoid"))};
  EXPECT_EQ(logits_of(classifier(maker.graph), {3, 1}), (Numbers{0, 2}));
  // Its sign says nothing: a probability by another function, and a value that is never negative.
  for (const graph::Function& f : {graph_support::relu(), graph::named_function("Softplus")}) {
    maker.graph.outputs = {maker.apply(logit, f)};
    EXPECT_THROW(classifier(maker.graph), Error);
  }
}

TEST(Classifier, RefusesWhatIsNone) {
  Maker maker(4);
  const Index x = maker.input(4);
  const Index y = maker.affine(x, 3);
  maker.graph.outputs = {y, x};
  EXPECT_THROW(classifier(maker.graph), Error);
  maker.graph.outputs = {maker.add(graph::Sum{}, {x, x}, {2, 2})};
  EXPECT_THROW(classifier(maker.graph), Error);
  maker.graph.outputs = {y};
  EXPECT_THROW(classifier(maker.graph, {{0, 1, 2}, {}}), Error);
  EXPECT_THROW(classifier(maker.graph, {{}, {0}}), Error);
  EXPECT_THROW(classifier(maker.graph, {{}, {-1}}), Error);
  EXPECT_THROW(classifier(maker.graph, {{std::nan("")}, {}}), Error);
  EXPECT_THROW(classifier(maker.graph, {{1e308}, {1e-300}}), Error);
  maker.input(2);
  EXPECT_THROW(classifier(maker.graph), Error);
}

}  // namespace
}  // namespace sigmax::lipschitz
