#include "sigmax/linalg/lu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kLuPanel = 96;
constexpr std::int64_t kLuTile = 192;
constexpr std::int64_t kLeaf = 8;

// A block of a matrix by columns.
struct Block {
  double* first;
  std::int64_t rows, columns, stride;

  double* column(std::int64_t j) const { return first + j * stride; }
  double& at(std::int64_t i, std::int64_t j) const { return first[i + j * stride]; }
  Block part(std::int64_t i, std::int64_t j, std::int64_t height, std::int64_t width) const {
    return {first + i + j * stride, height, width, stride};
  }
};

// Exchanges row i with row pivots[i], for i in order. The rows are counted from that of pivots[0].
void exchange(const Block& a, const std::int64_t* pivots, std::int64_t count) {
  for (std::int64_t j = 0; j < a.columns; ++j) {
    double* const column = a.column(j);
    for (std::int64_t i = 0; i < count; ++i) std::swap(column[i], column[pivots[i]]);
  }
}

// The rows of `right` above `corner`'s order become those of U; those below have L U subtracted.
void update(const Block& left, const Block& right) {
  const int order = static_cast<int>(left.columns);
  const int width = static_cast<int>(right.columns);
  const int ld = static_cast<int>(left.stride);
  cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasUnit, order, width, 1.0, left.first, ld,
              right.first, ld);
  const int below = static_cast<int>(left.rows - left.columns);
  if (below == 0) return;
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, below, width, order, -1.0, left.first + order, ld, right.first,
              ld, 1.0, right.first + order, ld);
}

bool factor_columns(const Block& a, std::int64_t* pivots) {
  for (std::int64_t k = 0; k < a.columns; ++k) {
    const double* const column = a.column(k);
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < a.rows; ++i) {
      if (std::fabs(column[i]) > std::fabs(column[pivot])) pivot = i;
    }
    pivots[k] = pivot;
    if (!(std::fabs(column[pivot]) > 0) || !std::isfinite(column[pivot])) return false;
    for (std::int64_t j = 0; pivot != k && j < a.columns; ++j) std::swap(a.at(k, j), a.at(pivot, j));
    const double divisor = a.at(k, k);
    for (std::int64_t i = k + 1; i < a.rows; ++i) a.at(i, k) /= divisor;
    for (std::int64_t j = k + 1; j < a.columns; ++j) {
      const double factor = a.at(k, j);
      double* const to = a.column(j);
      for (std::int64_t i = k + 1; i < a.rows; ++i) to[i] -= column[i] * factor;
    }
  }
  return true;
}

// The left half, its effect on the right half, the right half. Pivots count from the block's first row.
bool factor_panel(const Block& a, std::int64_t* pivots) {
  if (a.columns <= kLeaf) return factor_columns(a, pivots);
  const std::int64_t half = a.columns / 2;
  const Block left = a.part(0, 0, a.rows, half);
  const Block right = a.part(0, half, a.rows, a.columns - half);
  if (!factor_panel(left, pivots)) return false;
  exchange(right, pivots, half);
  update(left, right);
  if (!factor_panel(right.part(half, 0, a.rows - half, right.columns), pivots + half)) return false;
  exchange(left.part(half, 0, a.rows - half, half), pivots + half, right.columns);
  for (std::int64_t k = half; k < a.columns; ++k) pivots[k] += half;
  return true;
}

}  // namespace

// Right-looking, by panels of columns. The next panel is brought up to date and factored in the same parallel loop that
// updates the tiles to its right, because one thread alone has to factor it.
std::optional<Lu> lu(Matrix<double> a, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const std::int64_t n = a.rows();
  if (n != a.columns()) throw Error(fmt::format("[lu] a {}x{} matrix is not square", n, a.columns()));
  if (n == 0) return Lu{std::move(a), {}};
  const Block whole{a.values().data(), n, n, n};
  std::vector<std::int64_t> pivots(static_cast<std::size_t>(n));
  const auto pivots_of = [&](std::int64_t k) { return pivots.data() + k; };
  const auto panel_at = [&](std::int64_t k) { return whole.part(k, k, n - k, std::min(kLuPanel, n - k)); };
  if (!factor_panel(panel_at(0), pivots_of(0))) return std::nullopt;
  for (std::int64_t k = 0; k + kLuPanel < n; k += kLuPanel) {
    context.check_cancel();
    const Block panel = panel_at(k);
    const std::int64_t next = k + kLuPanel;
    const std::int64_t beyond = std::min(next + kLuPanel, n);
    const std::int64_t tiles = (n - beyond + kLuTile - 1) / kLuTile;
    bool complete = true;
    context.parallel_for(static_cast<std::size_t>(tiles + 1), [&](std::size_t t) {
      const bool is_panel = t == 0;
      const std::int64_t first = is_panel ? next : beyond + (static_cast<std::int64_t>(t) - 1) * kLuTile;
      const std::int64_t last = is_panel ? beyond : std::min(first + kLuTile, n);
      const Block columns = whole.part(k, first, n - k, last - first);
      exchange(columns, pivots_of(k), panel.columns);
      update(panel, columns);
      if (is_panel) complete = factor_panel(panel_at(next), pivots_of(next));
    });
    if (!complete) return std::nullopt;
  }
  // The columns of L to the left of each panel.
  context.parallel_for(static_cast<std::size_t>((n + kLuPanel - 1) / kLuPanel), [&](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * kLuPanel;
    for (std::int64_t k = first + kLuPanel; k < n; k += kLuPanel) {
      exchange(whole.part(k, first, n - k, kLuPanel), pivots_of(k), std::min(kLuPanel, n - k));
    }
  });
  Lu result{std::move(a), std::vector<std::int64_t>(static_cast<std::size_t>(n))};
  std::iota(result.rows.begin(), result.rows.end(), std::int64_t{0});
  for (std::int64_t k = 0; k < n; ++k) {
    const std::int64_t base = k / kLuPanel * kLuPanel;  // pivots count from the first row of their panel
    std::swap(result.rows[static_cast<std::size_t>(k)],
              result.rows[static_cast<std::size_t>(base + pivots[static_cast<std::size_t>(k)])]);
  }
  return result;
}

Matrix<double> adjoint_inverse(const Lu& factored, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const std::int64_t n = factored.factors.rows();
  const double* const a = factored.factors.values().data();
  Matrix<double> x(n, n);
  const int ld = static_cast<int>(n);
  context.parallel_for(static_cast<std::size_t>((n + kLuTile - 1) / kLuTile), [&](std::size_t t) {
    const std::int64_t first = static_cast<std::int64_t>(t) * kLuTile;
    const auto width = static_cast<int>(std::min(kLuTile, n - first));
    auto w = context.scratch<double>(static_cast<std::size_t>(n * width));
    std::fill(w.begin(), w.end(), 0.0);
    for (std::int64_t j = 0; j < width; ++j) w[static_cast<std::size_t>(first + j + j * n)] = 1;
    // The rows of Z above the ones are 0.
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, static_cast<int>(n - first), width, 1.0,
                a + first + first * n, ld, w.data() + first, ld);
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasTrans, CblasUnit, ld, width, 1.0, a, ld, w.data(), ld);
    for (std::int64_t j = 0; j < width; ++j) {
      const std::span<double> to = x.column(first + j);
      for (std::int64_t i = 0; i < n; ++i) {
        to[static_cast<std::size_t>(factored.rows[static_cast<std::size_t>(i)])] =
            w[static_cast<std::size_t>(i + j * n)];
      }
    }
  });
  return x;
}

namespace {

using Vector = std::vector<double>;

double largest(const Vector& x) { return x.empty() ? 0.0 : *std::max_element(x.begin(), x.end()); }

// |U|^T |L|^T |W| e, with W e = P (|X| e).
double row_sum(const Lu& factored, const Matrix<double>& x) {
  const std::int64_t n = x.rows();
  const auto count = static_cast<std::size_t>(n);
  Vector of_x(count), w(count), of_l(count), of_u(count);
  for (std::int64_t j = 0; j < n; ++j) {
    const std::span<const double> column = x.column(j);
    for (std::size_t i = 0; i < count; ++i) of_x[i] += std::fabs(column[i]);
  }
  for (std::size_t i = 0; i < count; ++i) w[i] = of_x[static_cast<std::size_t>(factored.rows[i])];
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const double> column = factored.factors.column(static_cast<std::int64_t>(j));
    double sum = w[j];
    for (std::size_t i = j + 1; i < count; ++i) sum += std::fabs(column[i]) * w[i];
    of_l[j] = sum;
  }
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const double> column = factored.factors.column(static_cast<std::int64_t>(j));
    double sum = 0;
    for (std::size_t i = 0; i <= j; ++i) sum += std::fabs(column[i]) * of_l[i];
    of_u[j] = sum;
  }
  return largest(of_u);
}

// e^T |U|^T |L|^T |W| = (|L| |U| e)^T |W|
double column_sum(const Lu& factored, const Matrix<double>& x) {
  const auto count = static_cast<std::size_t>(x.rows());
  Vector of_u(count), of_l(count), v(count), sums(count);
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const double> column = factored.factors.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i <= j; ++i) of_u[i] += std::fabs(column[i]);
  }
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const double> column = factored.factors.column(static_cast<std::int64_t>(j));
    of_l[j] += of_u[j];
    for (std::size_t i = j + 1; i < count; ++i) of_l[i] += std::fabs(column[i]) * of_u[j];
  }
  for (std::size_t i = 0; i < count; ++i) v[static_cast<std::size_t>(factored.rows[i])] = of_l[i];
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const double> column = x.column(static_cast<std::int64_t>(j));
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += std::fabs(column[i]) * v[i];
    sums[j] = sum;
  }
  return largest(sums);
}

}  // namespace

SizeOfSolution size_of_solution(const Lu& factored, const Matrix<double>& x, Context& context) {
  const FloatingEnvironment environment;
  SizeOfSolution result;
  context.parallel_for(2, [&](std::size_t t) {
    if (t == 0) {
      result.row_sum = row_sum(factored, x);
    } else {
      result.column_sum = column_sum(factored, x);
    }
  });
  return result;
}

}  // namespace sigmax
