#include "sigmax/lipschitz/walk/row_norms.hpp"

#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/convolution/products.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::lipschitz {
namespace {

using RowNorms = std::optional<std::vector<double>>;

/// The roots of sums of n squares as computed: each is right to (n + 2) u, and a square that underflows loses 2^-1074.
std::vector<double> roots_of(std::vector<double> sums, std::int64_t n) {
  const double slack = 1 + graph::up(2 * static_cast<double>(n + 2) * 0x1p-53);
  for (double& each : sums) {
    const double lost = static_cast<double>(n) * 0x1p-1074;
    each = graph::up(std::sqrt(graph::up(graph::up(each * slack) + lost)));
  }
  return sums;
}

std::vector<double> of_stored(const kernels::StoredMatrix& a, bool of_columns) {
  std::vector<double> sums(static_cast<std::size_t>(of_columns ? a.columns : a.rows), 0.0);
  std::vector<double> row(static_cast<std::size_t>(a.columns));
  for (std::int64_t i = 0; i < a.rows; ++i) {
    kernels::convert(a.row_range(i, 1), 1, row.data(), a.columns);
    for (std::size_t j = 0; j < row.size(); ++j) {
      sums[of_columns ? j : static_cast<std::size_t>(i)] += row[j] * row[j];
    }
  }
  return roots_of(std::move(sums), of_columns ? a.rows : a.columns);
}

// With zero padding each tap meets another entry, so that the squares of a row are those of the kernel: the convolution
// of ones with them.
RowNorms of_convolution(const structure::Convolution& s, bool adjoint, Context& context) {
  const Correlation& c = *s.correlation;
  if (c.padding_mode != PaddingMode::Zeros) return std::nullopt;
  const kernels::StoredMatrix& kernel = *s.kernel;
  std::vector<double> squares(static_cast<std::size_t>(kernel.size()));
  kernels::convert(kernel, 1, squares.data(), kernel.columns);
  for (double& each : squares) each *= each;
  const ConvolutionProducts<double> products(stored_matrix(squares.data(), kernel.rows, kernel.columns), c);
  std::vector<double> ones(static_cast<std::size_t>(adjoint ? c.rows() : c.columns()), 1.0);
  std::vector<double> sums(static_cast<std::size_t>(adjoint ? c.columns() : c.rows()));
  if (adjoint) {
    products.apply_adjoint(ones, sums, context);
  } else {
    products.apply(ones, sums, context);
  }
  return roots_of(std::move(sums), adjoint ? c.adjoint_terms() : c.terms());
}

std::vector<double> of_selection(const SelectedEntries& entries, bool adjoint) {
  std::vector<double> copies(static_cast<std::size_t>(adjoint ? entries.inputs() : entries.size()), 0.0);
  for (std::int64_t i = 0; i < entries.size(); ++i) {
    if (entries.at(i) >= 0) copies[static_cast<std::size_t>(adjoint ? entries.at(i) : i)] += 1;
  }
  return roots_of(std::move(copies), entries.size());
}

}  // namespace

RowNorms row_norms(const LinearOperator<double>& a, bool adjoint, Context& context) {
  return std::visit(
      [&](const auto& s) -> RowNorms {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, structure::Stored>) return of_stored(*s.matrix, s.transposed != adjoint);
        if constexpr (std::is_same_v<S, structure::Convolution>) return of_convolution(s, adjoint, context);
        if constexpr (std::is_same_v<S, structure::Selection>) return of_selection(*s.entries, adjoint);
        if constexpr (std::is_same_v<S, structure::Transposed<double>>) return row_norms(*s.of, !adjoint, context);
        if constexpr (std::is_same_v<S, structure::Diagonal>) {
          std::vector<double> norms(static_cast<std::size_t>(s.order), 1.0);
          for (std::size_t i = 0; i < s.entries.size(); ++i) norms[i] = std::fabs(s.entries[i]);
          return norms;
        }
        if constexpr (std::is_same_v<S, structure::Scaled<double>>) {
          RowNorms norms = row_norms(*s.of, adjoint, context);
          if (norms) {
            for (double& each : *norms) each = graph::up(each * std::fabs(s.factor));
          }
          return norms;
        }
        return std::nullopt;
      },
      a.structure());
}

}  // namespace sigmax::lipschitz
