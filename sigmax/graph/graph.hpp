// A network as a typed graph: linear maps, functions applied entry by entry, and the few operations that are neither.
//
// A value is a vector: the entries of a tensor in row-major order. `shape` is what messages show and what importers
// need; the mathematics is about vectors of size() entries and the Euclidean norm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/scalar_function.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph {

/// The position of a node in Graph::nodes.
using Index = std::size_t;

/// A value that the user gives.
struct Input {};

/// A value that does not depend on the inputs.
struct Constant {
  std::vector<double> values;
};

/// y = (I + D) A x + offset, with D diagonal and unknown, |D_ii| <= row_error. Weights keep the values that the file
/// stores; row_error covers what was rounded when constants were folded into A (BatchNormalization), offset_error what
/// was rounded in the offset: the true one is within offset_error_i of offset_i.
struct Affine {
  Operator<double> map;
  std::vector<double> offset{};  ///< empty: zeros
  double row_error = 0;
  std::vector<double> offset_error{};  ///< empty: zeros
};

/// y_i = f(x_i), with f = functions[which[i]].
struct Elementwise {
  std::vector<Function> functions;
  std::vector<std::uint32_t> which{};  ///< empty: functions[0] everywhere
};

/// y = sum of the inputs, which have one size. An input may occur twice.
struct Sum {};

/// The entries of the inputs one after another.
struct Stack {};

/// y_i = a_i b_i
struct Product {};

/// y_i = a_i / b_i
struct Quotient {};

/// Y_b = A_b B_b for each b: rows x inner times inner x columns, row-major.
struct MatrixProduct {
  std::int64_t batch = 1;
  std::int64_t rows = 1;
  std::int64_t inner = 1;
  std::int64_t columns = 1;
};

/// y_i = max (min, if `least`) of the inputs' entries i.
struct Extreme {
  bool least = false;
};

/// Groups of entries that an operation treats alike: [outer, length, inner] in row-major order, with a group for each
/// pair (o, i).
struct Groups {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
};

/// y = exp(beta x) / sum exp(beta x) in each group; if `logarithm`, its logarithm.
struct Softmax {
  Groups groups;
  bool logarithm = false;
};

/// One number a group. LogSumExp: log(sum exp(x_i)).
struct Reduction {
  enum class Kind { Maximum, Minimum, EuclideanNorm, AbsoluteSum, LogSumExp };
  Kind kind = Kind::Maximum;
  Groups groups;
};

/// For each channel and output position the maximum of the entries in its window, those in the padding left out. The
/// correlation has one input and one output channel; channels follow each other.
struct MaxPool {
  Correlation window;
  std::int64_t channels = 1;
};

/// y = gain (x - mean) / (sqrt(variance + epsilon) + added) + offset in each group (LayerNorm, InstanceNorm,
/// GroupNorm); without `centered`, y = gain x / (sqrt(mean of x^2 + epsilon) + added) + offset (RMSNorm). The sum of
/// squares is divided by the group's length less `correction`. `gain` and `offset` have an entry for each entry of x,
/// or are empty: ones and zeros.
struct Standardization {
  Groups groups;
  bool centered = true;
  double epsilon = 1e-5;
  std::vector<double> gain{};
  std::vector<double> offset{};
  double added = 0;
  std::int64_t correction = 0;  ///< 0 to the length less 1
};

/// The `count` least entries of each group in ascending order, or the greatest in descending order.
struct Sorted {
  Groups groups;
  std::int64_t count = 1;  ///< 1 to groups.length
  bool descending = true;
};

/// y_i = x_i / (bias + alpha / size * sum of x_j^2 over i - (size - 1) / 2 <= j <= i + size / 2 in the group)^beta, the
/// quotients rounded down: ONNX's LRN.
struct LocalResponse {
  Groups groups;
  std::int64_t size = 1;  ///< at least 1
  double alpha = 1e-4;    ///< not negative, as beta
  double beta = 0.75;
  double bias = 1;         ///< positive
  double alpha_error = 0;  ///< relative: each entry of a window may have an alpha of its own, this near
};

/// One direction of a recurrent layer from a zero state: x is [steps, width], y the hidden states [steps, hidden], in
/// the order of time unless `backward`. Gates in ONNX's order (i, o, f, c; z, r, h) below each other.
struct Recurrence {
  enum class Kind { Simple, Gru, Lstm };
  Kind kind = Kind::Simple;
  std::int64_t steps = 1;
  std::int64_t width = 1;
  std::int64_t hidden = 1;
  Operator<double> input_weight;      ///< gates * hidden x width
  Operator<double> recurrent_weight;  ///< gates * hidden x hidden
  std::vector<double> bias{};         ///< gates * hidden; empty: zeros
  /// hidden; of a GRU's candidate, behind the reset gate, with linear_before_reset; empty: zeros
  std::vector<double> recurrent_bias{};
  std::vector<Function> functions{};  ///< in ONNX's order: f; f, g; f, g, h
  bool backward = false;
  bool linear_before_reset = false;
};

/// Not Lipschitz, or not known: nothing is claimed about it, and nothing that depends on it has a bound.
struct Refused {
  std::string reason;  ///< in words, to follow the node's name: `steps where its argument is 0`
};

using Operation =
    std::variant<Input, Constant, Affine, Elementwise, Sum, Stack, Product, Quotient, MatrixProduct, Extreme, Softmax,
                 Reduction, MaxPool, Standardization, Sorted, LocalResponse, Recurrence, Refused>;

struct Node {
  std::string name;  ///< as a person looks for it in the file: `Conv 'conv1'`
  Operation operation;
  std::vector<Index> inputs{};  ///< of nodes before this one
  Dimensions shape{};

  std::int64_t size() const;  ///< entries of its value
};

/// Nodes in an order in which they can be computed.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Index> inputs;  ///< the Input nodes, in the order in which the user gives them
  std::vector<Index> outputs;
  std::vector<std::string> assumptions{};  ///< what was not in the file: `batch size 1`
};

/// Throws Error that names the node if an input is not a node before it, a number of inputs or a size does not fit the
/// operation, or an output is not a node.
void validate(const Graph& graph);

}  // namespace sigmax::graph
