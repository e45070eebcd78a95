#include "sigmax/bounds/induced_proof/line_norms.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/convert.hpp"

namespace sigmax::bounds {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 16;
constexpr std::int64_t kMostPieces = 64;

// Adds (|a_ij| / largest)^p to the sum of its line, or takes the maximum for p = infinity.
struct Adder {
  double largest = 1;
  double p = 1;

  void operator()(double& sum, double entry) const {
    const double x = std::fabs(entry) / largest;
    if (p == kInfinity) {
      sum = larger_of(sum, x);
    } else if (p == 1) {
      sum += x;
    } else if (p == 2) {
      sum += x * x;
    } else if (x > 0) {
      sum += power(x, p);
    }
  }
};

std::vector<double> line_sums(const kernels::StoredMatrix& a, bool of_columns, const Adder& add, Context& context) {
  const auto length = static_cast<std::size_t>(of_columns ? a.columns : a.rows);
  const std::int64_t pieces =
      std::clamp<std::int64_t>(a.size() / kPieceElements, 1, std::min(kMostPieces, std::max<std::int64_t>(a.rows, 1)));
  std::vector<std::vector<double>> partial(of_columns ? static_cast<std::size_t>(pieces) : 1,
                                           std::vector<double>(length, 0.0));
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    auto row = context.scratch<double>(static_cast<std::size_t>(a.columns));
    std::vector<double>& mine = partial[of_columns ? piece : 0];
    const auto number = static_cast<std::int64_t>(piece);
    for (std::int64_t i = a.rows * number / pieces; i < a.rows * (number + 1) / pieces; ++i) {
      kernels::convert(a.row_range(i, 1), 1, row.data(), a.columns);
      for (std::size_t j = 0; j < row.size(); ++j) add(mine[of_columns ? j : static_cast<std::size_t>(i)], row[j]);
    }
  });
  for (std::size_t piece = 1; piece < partial.size(); ++piece) {
    for (std::size_t j = 0; j < length; ++j) {
      double& sum = partial[0][j];
      sum = add.p == kInfinity ? larger_of(sum, partial[piece][j]) : sum + partial[piece][j];
    }
  }
  return std::move(partial[0]);
}

}  // namespace

// Relative to the largest entry of M, whose line has a sum of at least 1 and, unless another line has a larger one, is
// the answer. Terms that underflow are negligible compared with 1. An exponent beyond kLargestPower counts as infinity:
// n^(1/p) <= 1 + 90 / p.
LargestLine largest_line(const NearMatrix& m, Line line, double p, Context& context) {
  const FloatingEnvironment environment;
  if (m.is_zero) return {};
  const double largest = m.range.facts.max_abs;
  const bool as_maximum = p > kLargestPower;
  const Adder add{largest, as_maximum ? kInfinity : p};
  const bool of_columns = (line == Line::column) != m.transposed;
  const std::vector<double> sums = line_sums(m.range.matrix, of_columns, add, context);
  const auto at = std::max_element(sums.begin(), sums.end());
  LargestLine result{{largest, largest}, at - sums.begin()};
  if (as_maximum) {
    if (p < kInfinity) result.norm.upper = round_up(largest * (1 + 90 / p));
    return result;
  }
  const double error = power_sum_error(p, line == Line::column ? m.rows : m.columns);
  const ValueRange sum{larger_of(1.0, round_down(*at * (1 - error))), round_up(*at * (1 + error))};
  const ValueRange factor = p == 1 ? sum : root(sum, p);
  result.norm = {larger_of(largest, round_down(largest * factor.lower)), round_up(largest * factor.upper)};
  return result;
}

double conjugate(double p) {
  if (p == 1) return kInfinity;
  if (p == kInfinity) return 1;
  return std::max(1.0, p / (p - 1));
}

LargestLine largest_conjugate_line(const NearMatrix& m, Line line, double p, Context& context) {
  const FloatingEnvironment environment;
  LargestLine result = largest_line(m, line, conjugate(p), context);
  if (p == 1 || p == 2 || p == kInfinity) return result;
  result.norm.lower = round_down(result.norm.lower * (1 - 0x1p-44));
  result.norm.upper = round_up(result.norm.upper * (1 + 0x1p-44));
  return result;
}

}  // namespace sigmax::bounds
