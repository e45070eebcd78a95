#include "sigmax/ops/sparse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

void check(Shape shape, std::span<const std::int64_t> row, std::span<const std::int64_t> column) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (shape.rows < 0 || shape.columns < 0 || shape.rows > kMost || shape.columns > kMost) {
    throw Error(
        fmt::format("[sparse] each side must be between 0 and {}, got {}x{}", kMost, shape.rows, shape.columns));
  }
  if (row.size() != column.size()) {
    throw Error(fmt::format("[sparse] {} row indices for {} column indices", row.size(), column.size()));
  }
  for (std::size_t e = 0; e < row.size(); ++e) {
    if (row[e] < 0 || row[e] >= shape.rows || column[e] < 0 || column[e] >= shape.columns) {
      throw Error(fmt::format("[sparse] place {} is ({}, {}), outside of a {}x{} matrix; indices count from 0", e,
                              row[e], column[e], shape.rows, shape.columns));
    }
  }
}

// A stable sort by counting: `order` is the list of elements by ascending key, `begin` where each key begins.
struct Counted {
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> order;
};

template <class KeyOf, class ElementAt>
Counted sorted_by(std::int64_t keys, std::size_t count, const KeyOf& key_of, const ElementAt& element_at) {
  Counted result{std::vector<std::int64_t>(static_cast<std::size_t>(keys) + 1), std::vector<std::int64_t>(count)};
  for (std::size_t e = 0; e < count; ++e) ++result.begin[static_cast<std::size_t>(key_of(e)) + 1];
  for (std::size_t k = 1; k < result.begin.size(); ++k) result.begin[k] += result.begin[k - 1];
  std::vector<std::int64_t> next(result.begin.begin(), result.begin.end() - 1);
  for (std::size_t position = 0; position < count; ++position) {
    const std::int64_t e = element_at(position);
    result.order[static_cast<std::size_t>(next[static_cast<std::size_t>(key_of(static_cast<std::size_t>(e)))]++)] = e;
  }
  return result;
}

std::int64_t empty_lists(const std::vector<std::int64_t>& begin) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i + 1 < begin.size(); ++i) count += begin[i + 1] == begin[i] ? 1 : 0;
  return count;
}

template <Real T>
class Sparse final : public LinearOperator<T> {
 public:
  explicit Sparse(SparseMatrix matrix)
      : matrix_(std::move(matrix)), by_rows_(matrix_.values.begin(), matrix_.values.end()) {
    by_columns_.reserve(by_rows_.size());
    for (const std::int64_t e : matrix_.pattern->from_rows())
      by_columns_.push_back(by_rows_[static_cast<std::size_t>(e)]);
  }

  Shape shape() const override { return matrix_.pattern->shape(); }

  std::int64_t parameter_count() const override { return matrix_.pattern->size(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      for (const double value : by_rows_) {
        // Beyond this, sums and squares may leave the range of float.
        if (value != 0 && !(std::fabs(value) >= 0x1p-40 && std::fabs(value) <= 0x1p40)) return nullptr;
      }
      return std::make_shared<Sparse<float>>(matrix_);
    }
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    kernels::multiply<T>(matrix_.pattern->by_rows(), by_rows_, x, y, context);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    kernels::multiply<T>(matrix_.pattern->by_columns(), by_columns_, y, x, context);
  }

  // d/d a_ij of sum_t w_t u_t^T A v_t is the entry (i, j) of sum_t w_t u_t v_t^T.
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    Matrix<double> left(g.u.rows, g.terms());
    Matrix<double> right(g.v.rows, g.terms());
    for (std::int64_t t = 0; t < g.terms(); ++t) {
      for (std::int64_t i = 0; i < g.u.rows; ++i) {
        left(i, t) =
            g.weights[static_cast<std::size_t>(t)] * static_cast<double>(g.u.column(t)[static_cast<std::size_t>(i)]);
      }
      std::copy(g.v.column(t).begin(), g.v.column(t).end(), right.column(t).begin());
    }
    std::vector<double> entries(grad.size());
    kernels::sampled_product(matrix_.pattern->by_rows(), left.view(), right.view(), entries, context);
    for (std::size_t e = 0; e < grad.size(); ++e) grad[e] = static_cast<T>(static_cast<double>(grad[e]) + entries[e]);
  }

  SparseMatrix matrix_;
  std::vector<T> by_rows_;
  std::vector<T> by_columns_;
};

}  // namespace

SparsePattern::SparsePattern(Shape shape, std::span<const std::int64_t> row, std::span<const std::int64_t> column)
    : shape_(shape) {
  check(shape, row, column);
  const std::size_t count = row.size();
  const auto itself = [](std::size_t e) { return static_cast<std::int64_t>(e); };
  const Counted columns = sorted_by(
      shape.columns, count, [&](std::size_t e) { return column[e]; }, itself);
  Counted rows = sorted_by(
      shape.rows, count, [&](std::size_t e) { return row[e]; },
      [&](std::size_t position) { return columns.order[position]; });
  row_begin_ = std::move(rows.begin);
  given_ = std::move(rows.order);
  column_.reserve(count);
  std::vector<std::int32_t> row_of;
  row_of.reserve(count);
  for (std::size_t e = 0; e < count; ++e) {
    const auto from = static_cast<std::size_t>(given_[e]);
    column_.push_back(static_cast<std::int32_t>(column[from]));
    row_of.push_back(static_cast<std::int32_t>(row[from]));
    if (e > 0 && row_of[e] == row_of[e - 1] && column_[e] == column_[e - 1]) {
      throw Error(fmt::format("[sparse] place ({}, {}) is given twice: add the values, or choose one of them",
                              row_of[e], column_[e]));
    }
  }
  Counted across = sorted_by(
      shape.columns, count, [&](std::size_t e) { return column_[e]; }, itself);
  column_begin_ = std::move(across.begin);
  from_rows_ = std::move(across.order);
  row_.reserve(count);
  for (const std::int64_t e : from_rows_) row_.push_back(row_of[static_cast<std::size_t>(e)]);
}

std::int64_t SparsePattern::empty_rows() const noexcept { return empty_lists(row_begin_); }
std::int64_t SparsePattern::empty_columns() const noexcept { return empty_lists(column_begin_); }

SparseMatrix::SparseMatrix(std::shared_ptr<const SparsePattern> places, std::vector<double> all)
    : pattern(std::move(places)), values(std::move(all)) {
  if (pattern == nullptr) throw Error("[sparse] the pattern is null");
  if (static_cast<std::int64_t>(values.size()) != pattern->size()) {
    throw Error(fmt::format("[sparse] {} values for {} places", values.size(), pattern->size()));
  }
}

SparseMatrix::SparseMatrix(Shape shape, std::span<const std::int64_t> row, std::span<const std::int64_t> column,
                           std::span<const double> given)
    : pattern(std::make_shared<SparsePattern>(shape, row, column)) {
  if (given.size() != row.size()) {
    throw Error(fmt::format("[sparse] {} values for {} places", given.size(), row.size()));
  }
  values.reserve(given.size());
  for (const std::int64_t from : pattern->given()) values.push_back(given[static_cast<std::size_t>(from)]);
}

template <Real T>
Operator<T> sparse(const SparseMatrix& matrix) {
  const FloatingEnvironment environment;
  return std::make_shared<Sparse<T>>(SparseMatrix(matrix.pattern, matrix.values));
}

template Operator<float> sparse<float>(const SparseMatrix&);
template Operator<double> sparse<double>(const SparseMatrix&);

}  // namespace sigmax
