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
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/entrywise.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/proximal.hpp"
#include "sigmax/norms/root.hpp"
#include "sigmax/norms/vector.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The rows or the columns of a matrix.
using Lines = std::vector<std::vector<double>>;

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

std::vector<double> lengths_of(const Lines& lines, double p) {
  std::vector<double> lengths;
  lengths.reserve(lines.size());
  for (const std::vector<double>& line : lines) lengths.push_back(vector_norm(line, p));
  return lengths;
}

// The 2-norm does not distinguish directions, so lines keep theirs and their lengths are mapped.
Lines with_lengths(Lines lines, const std::vector<double>& before, const std::vector<double>& after) {
  for (std::size_t j = 0; j < lines.size(); ++j) {
    const double factor = before[j] > 0 ? after[j] / before[j] : 0;
    for (double& value : lines[j]) value *= factor;
  }
  return lines;
}

Lines each_proximal(const Lines& lines, double p, double lambda) {
  Lines result;
  for (const std::vector<double>& line : lines) result.push_back(proximal_p(line, p, lambda));
  return result;
}

// Onto sum |a_j|_p <= radius: each line's map for the lambda that fills the ball. At the largest p*-norm of a line
// nothing is left.
Lines onto_sum(const Lines& lines, double p, double radius) {
  const std::vector<double> lengths = lengths_of(lines, p);
  if (vector_norm(lengths, 1) <= radius) return lines;
  const auto excess = [&](double lambda) {
    return vector_norm(lengths_of(each_proximal(lines, p, lambda), p), 1) - radius;
  };
  const double most = vector_norm(lengths_of(lines, conjugate(p)), kInfinity) * (1 + 1e-12);
  return each_proximal(lines, p, root_of_falling(excess, 0, most));
}

Lines project_mixed(const Lines& lines, const Mixed& n, double radius) {
  const std::vector<double> lengths = lengths_of(lines, n.p);
  if (vector_norm(lengths, n.q) <= radius) return lines;
  if (n.p == 2) return with_lengths(lines, lengths, project_p(lengths, n.q, radius));
  if (n.q == 1) return onto_sum(lines, n.p, radius);
  Lines result;
  for (const std::vector<double>& line : lines) result.push_back(project_p(line, n.p, radius));
  return result;
}

Lines proximal_mixed(const Lines& lines, const Mixed& n, double lambda) {
  if (n.p == 2) {
    const std::vector<double> lengths = lengths_of(lines, 2);
    return with_lengths(lines, lengths, proximal_p(lengths, n.q, lambda));
  }
  if (n.q == 1) return each_proximal(lines, n.p, lambda);
  // Moreau: the dual of the largest p-norm is the sum of p*-norms.
  Lines result = lines;
  const Lines dual = onto_sum(lines, conjugate(n.p), lambda);
  for (std::size_t j = 0; j < lines.size(); ++j) {
    for (std::size_t i = 0; i < lines[j].size(); ++i) result[j][i] -= dual[j][i];
  }
  return result;
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
  Map operator()(KyFan n) const { return n.p == 1 ? Map::root : Map::none; }
  Map operator()(Mixed n) const { return n.p == 2 || n.q == 1 || std::isinf(n.q) ? Map::root : Map::none; }
  Map operator()(Induced) const { return Map::none; }
  Map operator()(NumericalRadius) const { return Map::none; }
};

// One of the two maps of a norm of a list of numbers: entries, or singular values.
struct ListMap {
  std::span<const double> x;
  double amount;
  bool onto_ball;

  std::vector<double> of_p(double p) const { return onto_ball ? project_p(x, p, amount) : proximal_p(x, p, amount); }
  std::vector<double> of_ky_fan(std::int64_t k) const {
    return onto_ball ? project_ky_fan(x, k, amount) : proximal_ky_fan(x, k, amount);
  }

  std::vector<double> operator()(Frobenius) const { return of_p(2); }
  std::vector<double> operator()(MaxAbs) const { return of_p(kInfinity); }
  std::vector<double> operator()(Entrywise n) const { return of_p(n.p); }
  std::vector<double> operator()(Spectral) const { return of_p(kInfinity); }
  std::vector<double> operator()(Nuclear) const { return of_p(1); }
  std::vector<double> operator()(Schatten n) const { return of_p(n.p); }
  std::vector<double> operator()(KyFan n) const { return of_ky_fan(n.k); }
  template <class Other>
  std::vector<double> operator()(Other) const {
    throw InternalError("[proximal] a norm of lines is not one of a list");
  }
};

// U diag(s) V^T with the mapped values, row-major.
std::vector<double> of_values(const Tensor& matrix, const Norm& same, double amount, bool onto_ball, Context& context) {
  const SerialBlas serial;
  SvdOptions<double> whole;
  whole.k = std::min(matrix.shape()[0], matrix.shape()[1]);
  whole.method = DenseLapack{};
  const SvdResult<double> found = svd(*dense<double>(matrix), whole, context);
  const std::vector<double> mapped = std::visit(ListMap{found.sigma, amount, onto_ball}, same);
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
    return copy.from(onto_ball ? project_mixed(before, *lines, amount) : proximal_mixed(before, *lines, amount),
                     lines->by);
  }
  if (is_of_singular_values(same)) return of_values(matrix, same, amount, onto_ball, context);
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

}  // namespace sigmax::norms
