#include "sigmax/graph/sparse_rows.hpp"

#include <map>
#include <type_traits>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/kernels/convert.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph {
namespace {

using Row = SparseRows::value_type;

class Entries {
 public:
  explicit Entries(std::size_t most) : most_(most) {}

  std::optional<SparseRows> of(const LinearOperator<double>& a) {
    return std::visit(
        [&](const auto& s) -> std::optional<SparseRows> {
          using S = std::decay_t<decltype(s)>;
          if constexpr (std::is_same_v<S, structure::Stored>) return stored(s);
          if constexpr (std::is_same_v<S, structure::Diagonal>) return diagonal(s);
          if constexpr (std::is_same_v<S, structure::Selection>) return selection(*s.entries);
          if constexpr (std::is_same_v<S, structure::Kronecker<double>>) return kronecker(s);
          if constexpr (std::is_same_v<S, structure::Sum<double>>) return sum(s);
          if constexpr (std::is_same_v<S, structure::Scaled<double>>) return scaled(s);
          if constexpr (std::is_same_v<S, structure::Product<double>>) {
            const auto left = of(*s.left), right = of(*s.right);
            return left && right ? product_of_rows(*left, *right, most_) : std::nullopt;
          }
          return std::nullopt;
        },
        a.structure());
  }

 private:
  bool fits(const SparseRows& rows) const {
    std::size_t count = rows.size();
    for (const Row& row : rows) count += row.size();
    return count <= most_;
  }

  std::optional<SparseRows> stored(const structure::Stored& s) const {
    const kernels::StoredMatrix& a = *s.matrix;
    if (static_cast<double>(a.rows) * static_cast<double>(a.columns) > static_cast<double>(most_)) return std::nullopt;
    SparseRows rows(static_cast<std::size_t>(s.transposed ? a.columns : a.rows));
    std::vector<double> row(static_cast<std::size_t>(a.columns));
    for (std::int64_t i = 0; i < a.rows; ++i) {
      kernels::convert(a.row_range(i, 1), 1, row.data(), a.columns);
      for (std::size_t j = 0; j < row.size(); ++j) {
        if (row[j] == 0) continue;
        if (s.transposed) {
          rows[j].emplace_back(i, point(row[j]));
        } else {
          rows[static_cast<std::size_t>(i)].emplace_back(static_cast<std::int64_t>(j), point(row[j]));
        }
      }
    }
    return rows;
  }

  std::optional<SparseRows> diagonal(const structure::Diagonal& s) const {
    if (s.order > static_cast<std::int64_t>(most_)) return std::nullopt;
    SparseRows rows(static_cast<std::size_t>(s.order));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double entry = s.is_identity() ? 1 : s.entries[i];
      if (entry != 0) rows[i].emplace_back(static_cast<std::int64_t>(i), point(entry));
    }
    return rows;
  }

  std::optional<SparseRows> selection(const SelectedEntries& entries) const {
    if (entries.size() > static_cast<std::int64_t>(most_)) return std::nullopt;
    SparseRows rows(static_cast<std::size_t>(entries.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t from = entries.at(static_cast<std::int64_t>(i));
      if (from >= 0) rows[i].emplace_back(from, point(1));
    }
    return rows;
  }

  std::optional<SparseRows> kronecker(const structure::Kronecker<double>& s) {
    SparseRows all(1, Row{{0, point(1)}});
    for (const Operator<double>& factor : s.factors) {
      const auto own = of(*factor);
      if (!own) return std::nullopt;
      std::size_t count = 0;
      for (const Row& a : all) {
        for (const Row& b : *own) count += 1 + a.size() * b.size();
        if (count > most_) return std::nullopt;
      }
      const std::int64_t columns = factor->shape().columns;
      SparseRows next;
      for (const Row& a : all) {
        for (const Row& b : *own) {
          Row& row = next.emplace_back();
          for (const auto& [i, x] : a) {
            for (const auto& [j, y] : b) row.emplace_back(i * columns + j, x * y);
          }
        }
      }
      all = std::move(next);
    }
    return all;
  }

  std::optional<SparseRows> sum(const structure::Sum<double>& s) {
    std::optional<SparseRows> all;
    for (const Operator<double>& term : s.terms) {
      auto own = of(*term);
      if (!own) return std::nullopt;
      if (!all) {
        all = std::move(own);
        continue;
      }
      for (std::size_t i = 0; i < all->size(); ++i) {
        std::map<std::int64_t, Interval> row((*all)[i].begin(), (*all)[i].end());
        for (const auto& [j, x] : (*own)[i]) {
          const auto [at, is_new] = row.emplace(j, x);
          if (!is_new) at->second = at->second + x;
        }
        (*all)[i].assign(row.begin(), row.end());
      }
      if (!fits(*all)) return std::nullopt;
    }
    return all;
  }

  std::optional<SparseRows> scaled(const structure::Scaled<double>& s) {
    auto rows = of(*s.of);
    if (!rows) return std::nullopt;
    for (Row& row : *rows) {
      for (auto& [column, x] : row) x = point(s.factor) * x;
    }
    return rows;
  }

  std::size_t most_;
};

}  // namespace

std::optional<SparseRows> product_of_rows(const SparseRows& a, const SparseRows& b, std::size_t most) {
  SparseRows rows;
  std::size_t count = 0;
  for (const Row& own : a) {
    std::map<std::int64_t, Interval> row;
    for (const auto& [i, x] : own) {
      for (const auto& [j, y] : b[static_cast<std::size_t>(i)]) {
        const auto [at, is_new] = row.emplace(j, x * y);
        if (!is_new) at->second = at->second + x * y;
      }
    }
    rows.emplace_back(row.begin(), row.end());
    count += 1 + row.size();
    if (count > most) return std::nullopt;
  }
  return rows;
}

std::optional<SparseRows> sparse_rows(const LinearOperator<double>& a, std::size_t most) { return Entries(most).of(a); }

}  // namespace sigmax::graph
