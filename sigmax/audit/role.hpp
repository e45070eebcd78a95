// Which matrix a tensor is, decided from its type, its shape, its name and, where a graph tells, its use.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Rows [first_row, first_row + rows) of block `block`, measured on their own as well.
struct PartPlan {
  std::string name;
  std::int64_t block = 0;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
};

/// The tensor as `batch` row-major matrices of rows x columns.
struct MatrixPlan {
  Role role = Role::dense;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t batch = 1;
  std::vector<PartPlan> parts;
};

/// Why a tensor is no matrix.
struct NoMatrix {
  std::string reason;
};

/// The two-dimensional and larger shapes of a checkpoint by tensor name: how many gates a recurrent weight stacks is
/// only known from its sibling.
using ShapesByName = std::unordered_map<std::string, Dimensions>;
ShapesByName shapes_by_name(const io::Checkpoint& checkpoint);

/// The rules, in order:
///  1. values that cannot be read, integers, scalars, vectors and empty tensors are no matrices;
///  2. neither is a constant that the graph only adds, multiplies or compares entry by entry;
///  3. an input of an ONNX LSTM, GRU or RNN node is recurrent, one block a direction; so is a 2-dimensional tensor
///  whose
///     name ends in weight_ih, weight_hh or weight_hr (and _l0, _l0_reverse, ...), as PyTorch names them;
///  4. 3 to 5 dimensions are a convolution kernel [first, rest], unless the graph multiplies with them or the name says
///     experts: then, as for more dimensions, a stack of matrices over all but the last two;
///  5. 2 dimensions are an embedding if the graph gathers from them or the name says so, and dense otherwise.
std::variant<MatrixPlan, NoMatrix> classify(const io::Entry& entry, const ShapesByName& shapes);

}  // namespace sigmax::audit
