// The footer of `sigmax lipschitz --help`.
#include <fmt/format.h>

#include <string>

#include "cli/reading/help.hpp"

namespace sigmax::cli {

std::string lipschitz_footer() {
  return fmt::format(R"(
What is printed:
  norm          of inputs and outputs, --ord: 2, the Euclidean one; 1, the sum of
                all |entries|; inf, the greatest |entry|
  bound         of one node: how much it can stretch a difference of its inputs
  from input    the same from the network's inputs to the node
  at most       |f(x) - f(y)| <= at most |x - y| for all inputs x and y: proven,
                rounding included; the least of what follows
  at least      two inputs were found for which it is that much
  product       the rules of single nodes, multiplied along the graph
  walk          the same with linear maps joined, and residual blocks as one
  inequality    a matrix inequality over whole parts of the network, which knows
                that a neuron's slope is the same on the way of all its inputs;
                for --ord 2 alone

f is the real function of the stored weights: the rounding of a run in float is
not part of it. Inference only: Dropout passes its input on, and a
BatchNormalization has its stored statistics.

A node that has no bound is listed with the reason and with what may help, and
the exit status is 4. With --around it is 4 if some given input has no bound.

Expressions of --fail-if, in the language of sigmax audit:
  lipschitz     the constant itself: a gate trips unless both ends rule the
                expression out
  upper, lower  the ends, `at most` and `at least`
  ratio         upper / lower
  product, walk, inequality
                the bound by each method
  refused       how many nodes have no bound
  output, pair, local
                the largest bound of --per-output, --per-pair and --around
  A figure that does not exist decides nothing: the gate is not judged (4).

Examples:
  sigmax lipschitz model.onnx
  sigmax lipschitz model.onnx --input-shape image=1x3x32x32 --effort high
  sigmax lipschitz model.onnx --ord inf --around images.npy --eps 0.03
  sigmax lipschitz attention.onnx --input-box -1,1 --format json
  sigmax lipschitz classifier.onnx --per-pair all --html bounds.html
  sigmax lipschitz classifier.onnx --around images.npy --eps 0.1 --no-lower
  sigmax lipschitz vad.onnx --input-shape state=2x1x128 --input-value state=0
  sigmax lipschitz model.onnx -q --fail-if 'upper > 100 or ratio > 50'
{})",
                     exit_status());
}

}  // namespace sigmax::cli
