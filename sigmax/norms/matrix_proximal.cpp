#include "sigmax/norms/matrix_proximal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/maps/line_maps.hpp"
#include "sigmax/norms/maps/proximal.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::norms {
namespace {

// Entries in double, row-major in the tensor's shape.
struct Copy {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;

  Lines lines(By by) const {
    Lines result(static_cast<std::size_t>(by == By::rows ? rows : columns));
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        result[static_cast<std::size_t>(by == By::rows ? i : j)].push_back(
            values[static_cast<std::size_t>(i * columns + j)]);
      }
    }
    return result;
  }

  std::vector<double> from(const Lines& lines, By by) const {
    std::vector<double> result(values.size());
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const auto [line, place] = by == By::rows ? std::pair(i, j) : std::pair(j, i);
        result[static_cast<std::size_t>(i * columns + j)] =
            lines[static_cast<std::size_t>(line)][static_cast<std::size_t>(place)];
      }
    }
    return result;
  }
};

Copy copy_of(const char* who, const Tensor& matrix, Context& context) {
  const StoredView view = stored_view(matrix);
  static_cast<void>(scanned(who, view.matrix, view.transposed, context));
  Copy copy{matrix.shape()[0], matrix.shape()[1], std::vector<double>(static_cast<std::size_t>(matrix.size()))};
  std::vector<double> row(static_cast<std::size_t>(view.matrix.columns));
  for (std::int64_t i = 0; i < view.matrix.rows; ++i) {
    kernels::convert(view.matrix.row_range(i, 1), 1, row.data(), view.matrix.columns);
    for (std::int64_t j = 0; j < view.matrix.columns; ++j) {
      const std::int64_t at = view.transposed ? j * copy.columns + i : i * copy.columns + j;
      copy.values[static_cast<std::size_t>(at)] = row[static_cast<std::size_t>(j)];
    }
  }
  return copy;
}

struct MapOf {
  Map operator()(Frobenius) const { return Map::closed; }
  Map operator()(MaxAbs) const { return Map::closed; }
  Map operator()(Entrywise n) const { return n.p == 1 ? Map::closed : Map::root; }
  Map operator()(ColumnSum n) const { return n.smallest ? Map::none : Map::root; }
  Map operator()(RowSum n) const { return n.smallest ? Map::none : Map::root; }
  Map operator()(Spectral) const { return Map::closed; }
  Map operator()(SmallestSingular) const { return Map::none; }
  Map operator()(Nuclear) const { return Map::closed; }
  Map operator()(Schatten) const { return Map::root; }
  Map operator()(KyFan n) const { return n.p == 1 ? Map::root : Map::nested; }
  Map operator()(Mixed n) const { return n.p == 2 || n.q == 1 || std::isinf(n.q) ? Map::root : Map::nested; }
  Map operator()(Induced) const { return Map::none; }
  Map operator()(NumericalRadius) const { return Map::none; }
};

// One of the two maps of a norm of a list of numbers: entries, or singular values.
struct ListMap {
  std::span<const double> x;
  double amount;
  bool onto_ball;

  std::vector<double> of_p(double p) const { return onto_ball ? project_p(x, p, amount) : proximal_p(x, p, amount); }
  std::vector<double> of_ky_fan(KyFan n) const {
    return onto_ball ? project_ky_fan(x, n, amount) : proximal_ky_fan(x, n, amount);
  }

  std::vector<double> operator()(Frobenius) const { return of_p(2); }
  std::vector<double> operator()(MaxAbs) const { return of_p(kInfinity); }
  std::vector<double> operator()(Entrywise n) const { return of_p(n.p); }
  std::vector<double> operator()(Spectral) const { return of_p(kInfinity); }
  std::vector<double> operator()(Nuclear) const { return of_p(1); }
  std::vector<double> operator()(Schatten n) const { return of_p(n.p); }
  std::vector<double> operator()(KyFan n) const { return of_ky_fan(n); }
  template <class Other>
  std::vector<double> operator()(Other) const {
    throw InternalError("[proximal] a norm of lines is not one of a list");
  }
};

using ValueMap = std::function<std::vector<double>(std::span<const double> sigma)>;

// U diag(s) V^T with the mapped values, row-major.
std::vector<double> of_values(const Tensor& matrix, const ValueMap& map, Context& context) {
  const SerialBlas serial;
  SvdOptions<double> whole;
  whole.k = std::min(matrix.shape()[0], matrix.shape()[1]);
  whole.method = DenseLapack{};
  const SvdResult<double> found = svd(*dense<double>(matrix), whole, context);
  const std::vector<double> mapped = map(found.sigma);
  if (mapped.size() != found.sigma.size() ||
      !std::ranges::all_of(mapped, [](double value) { return std::isfinite(value); })) {
    throw Error(fmt::format("[mapped_values] the map gave {} numbers for {} singular values, or one that is not finite",
                            mapped.size(), found.sigma.size()));
  }
  Matrix<double> scaled = found.v;
  for (std::int64_t j = 0; j < scaled.columns(); ++j) {
    for (double& value : scaled.column(j)) value *= mapped[static_cast<std::size_t>(j)];
  }
  // Column-major (U S V^T)^T is row-major U S V^T.
  const Matrix<double> result = lapack::product(scaled, lapack::transposed(found.u.view()));
  return {result.values().begin(), result.values().end()};
}

std::vector<double> mapped(const char* who, const Tensor& matrix, const Norm& which, double amount, bool onto_ball,
                           Context& context) {
  if (!(amount >= 0) || std::isinf(amount)) {
    throw Error(fmt::format("[{}] lambda or radius must be finite and not negative, got {}", who, amount));
  }
  const Copy copy = copy_of(who, matrix, context);
  require_valid(who, which, std::min(copy.rows, copy.columns));
  if (map_of(which) == Map::none) {
    throw Error(fmt::format("[{}] {} has no map in closed form or by a root", who, spelling_of(which)));
  }
  const Norm same = simplified(which);
  std::optional<Mixed> lines;
  if (const auto* n = std::get_if<Mixed>(&same)) lines = *n;
  if (std::holds_alternative<ColumnSum>(same)) lines = Mixed{1, kInfinity, By::columns};
  if (std::holds_alternative<RowSum>(same)) lines = Mixed{1, kInfinity, By::rows};
  if (lines) {
    const Lines before = copy.lines(lines->by);
    return copy.from(onto_ball ? project_lines(before, *lines, amount) : proximal_lines(before, *lines, amount),
                     lines->by);
  }
  if (is_of_singular_values(same)) {
    return of_values(
        matrix,
        [&](std::span<const double> sigma) {
          return std::visit(ListMap{sigma, amount, onto_ball}, same);
        },
        context);
  }
  return std::visit(ListMap{copy.values, amount, onto_ball}, same);
}

}  // namespace

Map map_of(const Norm& which) {
  const FloatingEnvironment environment;
  return std::visit(MapOf{}, simplified(which));
}

std::vector<double> proximal(const Tensor& matrix, const Norm& which, double lambda, Context& context) {
  const FloatingEnvironment environment;
  return mapped("proximal", matrix, which, lambda, false, context);
}

std::vector<double> project(const Tensor& matrix, const Norm& which, double radius, Context& context) {
  const FloatingEnvironment environment;
  return mapped("project", matrix, which, radius, true, context);
}

std::vector<double> mapped_values(const Tensor& matrix, const ValueMap& map, Context& context) {
  const FloatingEnvironment environment;
  if (!map) throw Error("[mapped_values] there is no map");
  const StoredView view = stored_view(matrix);
  static_cast<void>(scanned("mapped_values", view.matrix, view.transposed, context));
  if (matrix.size() == 0) {
    throw Error(fmt::format("[mapped_values] a matrix without entries, {}", to_string(matrix.shape())));
  }
  return of_values(matrix, map, context);
}

}  // namespace sigmax::norms
