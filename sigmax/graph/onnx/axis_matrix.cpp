#include "sigmax/graph/onnx/axis_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/selection.hpp"
#include "sigmax/ops/sum.hpp"

namespace sigmax::graph::onnx {
namespace {

constexpr std::size_t kMostInRow = 64;

double exact(std::int64_t number) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (number > kExact || number < -kExact) throw RefusedNode{"has weights that a double does not hold exactly"};
  return static_cast<double>(number);
}

/// Columns ascending, each once, none with 0.
AxisMatrix::Row added_up(AxisMatrix::Row row) {
  std::ranges::sort(row.entries);
  std::vector<std::pair<std::int64_t, std::int64_t>> once;
  for (const auto& [column, numerator] : row.entries) {
    if (!once.empty() && once.back().first == column) {
      once.back().second += numerator;
    } else {
      once.emplace_back(column, numerator);
    }
  }
  std::erase_if(once, [](const auto& entry) { return entry.second == 0; });
  row.entries = std::move(once);
  return row;
}

/// Whether the quotient is a double. It is away from underflow: |numerator / divisor| >= 2^-53.
bool is_exact_quotient(double numerator, double divisor) {
  return std::fma(numerator / divisor, divisor, -numerator) == 0;
}

enum class RowKind { One, Exact, OneNumber, Several };

/// A single 1 or no entry; quotients that are doubles; one number at several places, rounded once; others.
RowKind kind_of(const AxisMatrix::Row& row) {
  if (row.entries.empty()) return RowKind::One;
  if (row.entries.size() == 1 && row.entries[0].second == row.divisor) return RowKind::One;
  const double divisor = exact(row.divisor);
  if (std::ranges::all_of(row.entries,
                          [divisor](const auto& e) { return is_exact_quotient(exact(e.second), divisor); }))
    return RowKind::Exact;
  const std::int64_t first = row.entries.front().second;
  const bool alike = std::ranges::all_of(row.entries, [first](const auto& entry) { return entry.second == first; });
  return alike ? RowKind::OneNumber : RowKind::Several;
}

Operator<double> as_selection(const std::vector<AxisMatrix::Row>& rows, std::int64_t columns) {
  std::vector<std::int64_t> source;
  source.reserve(rows.size());
  for (const AxisMatrix::Row& row : rows) source.push_back(row.entries.empty() ? -1 : row.entries.front().first);
  return selection<double>(columns, std::move(source));
}

double weight_of(const AxisMatrix::Row& row, std::int64_t numerator, bool of_numerators) {
  return of_numerators ? exact(numerator) : exact(numerator) / exact(row.divisor);
}

/// Entry k of each row, for k = 0, 1, ...
Operator<double> as_weighted_selections(const std::vector<AxisMatrix::Row>& rows, std::int64_t columns,
                                        bool of_numerators) {
  std::size_t most = 0;
  for (const AxisMatrix::Row& row : rows) most = std::max(most, row.entries.size());
  if (most > kMostInRow) {
    throw RefusedNode{fmt::format("maps an axis of {} entries to {}: its matrix is too large", columns, rows.size())};
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  std::vector<Operator<double>> terms;
  for (std::size_t k = 0; k < most; ++k) {
    std::vector<std::int64_t> source(rows.size(), -1);
    std::vector<double> weights(rows.size(), 0.0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (k >= rows[i].entries.size()) continue;
      source[i] = rows[i].entries[k].first;
      weights[i] = weight_of(rows[i], rows[i].entries[k].second, of_numerators);
    }
    terms.push_back(
        product(diagonal<double>(Tensor::copy_of(weights, {count})), selection<double>(columns, std::move(source))));
  }
  return sum(std::move(terms));
}

Operator<double> as_matrix(const std::vector<AxisMatrix::Row>& rows, std::int64_t columns, bool of_numerators,
                           std::int64_t most_stored) {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (columns > 0 && count > 1 && count > most_stored / columns) {
    return as_weighted_selections(rows, columns, of_numerators);
  }
  std::vector<double> values(static_cast<std::size_t>(count * columns), 0.0);
  for (std::int64_t i = 0; i < count; ++i) {
    const AxisMatrix::Row& row = rows[static_cast<std::size_t>(i)];
    for (const auto& [column, numerator] : row.entries) {
      values[static_cast<std::size_t>(i * columns + column)] = weight_of(row, numerator, of_numerators);
    }
  }
  return dense<double>(Tensor::copy_of(values, {count, columns}));
}

}  // namespace

AxisOperator axis_operator(const AxisMatrix& matrix, std::int64_t most_stored) {
  std::vector<AxisMatrix::Row> rows;
  RowKind kind = RowKind::One;
  for (const AxisMatrix::Row& row : matrix.rows) {
    rows.push_back(added_up(row));
    kind = std::max(kind, kind_of(rows.back()));
  }
  switch (kind) {
    case RowKind::One: return {as_selection(rows, matrix.columns), 0};
    case RowKind::Exact: return {as_matrix(rows, matrix.columns, false, most_stored), 0};
    case RowKind::OneNumber: return {as_matrix(rows, matrix.columns, false, most_stored), 1};
    case RowKind::Several: break;
  }
  std::vector<double> inverses;
  inverses.reserve(rows.size());
  for (const AxisMatrix::Row& row : rows) inverses.push_back(1 / exact(row.divisor));
  const auto count = static_cast<std::int64_t>(rows.size());
  return {
      product(diagonal<double>(Tensor::copy_of(inverses, {count})), as_matrix(rows, matrix.columns, true, most_stored)),
      1};
}

Value along_axes(Builder& builder, const Value& value, const std::vector<std::optional<AxisMatrix>>& matrices) {
  std::vector<Operator<double>> factors;
  std::int64_t roundings = 0;
  Dimensions shape = value.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (!matrices[axis]) {
      factors.push_back(identity<double>(shape[axis]));
      continue;
    }
    AxisOperator along = axis_operator(*matrices[axis]);
    roundings += along.roundings;
    shape[axis] = static_cast<std::int64_t>(matrices[axis]->rows.size());
    factors.push_back(std::move(along.map));
  }
  if (factors.empty()) return reshaped(builder, value, std::move(shape));
  return emit_affine(builder, kronecker(std::move(factors)), builder.node_of(value), std::move(shape), {},
                     rounding_error(roundings));
}

}  // namespace sigmax::graph::onnx
