#include "sigmax/bounds/operator_proof/form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

using Kind = Expression::Kind;

constexpr std::int64_t kRowsEach = 64;

Formed empty(const Expression& e, Context& context) {
  return {e.rows, e.columns, context.scratch<double>(static_cast<std::size_t>(e.rows * e.columns)), 0};
}

// sqrt(sum x_i^2) of nonnegative numbers, rounded up; 0 only if all are.
double root_sum_squares(std::span<const double> x) {
  const NormRange range = norm_range(x);
  return range.upper > 0 ? round_up(std::ldexp(range.upper, range.exponent)) : 0;
}

void for_rows(std::int64_t rows, Context& context, const std::function<void(std::int64_t, std::int64_t)>& body) {
  context.parallel_for(static_cast<std::size_t>((rows + kRowsEach - 1) / kRowsEach), [&](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * kRowsEach;
    body(first, std::min(kRowsEach, rows - first));
  });
}

// Runs body(piece of the values) over pieces of whole rows.
void for_values(Formed& m, Context& context, const std::function<void(std::span<double>, std::int64_t)>& body) {
  for_rows(m.rows, context, [&](std::int64_t first, std::int64_t count) {
    body({m.values.data() + first * m.columns, static_cast<std::size_t>(count * m.columns)}, first);
  });
}

// |values|_F, rounded up; 0 only if all are.
double frobenius(Formed& m, Context& context) {
  std::vector<double> norms(static_cast<std::size_t>((m.rows + kRowsEach - 1) / kRowsEach));
  for_values(m, context, [&](std::span<double> values, std::int64_t first) {
    const NormRange range = norm_range(values);
    norms[static_cast<std::size_t>(first / kRowsEach)] = range.upper > 0 ? std::ldexp(range.upper, range.exponent) : 0;
  });
  return root_sum_squares(norms);
}

double root_of_size(const Formed& m) { return std::sqrt(static_cast<double>(m.values.size())); }

// 2^shift times the values: exact except for underflow. Underflow is checked for, so that an exact result is known to
// be exact. Parts are weighted by less than 1 and products are brought near 1, so no shift is large and positive.
void shift(Formed& m, std::int64_t shift, Context& context) {
  if (shift == 0) return;
  if (shift > 1000) throw_contradiction(fmt::format("a part weighted by 2^{}", shift));
  if (shift < -1000) {  // so far below the largest that its whole norm counts as error
    const double all = frobenius(m, context) + m.error;
    std::fill(m.values.begin(), m.values.end(), 0.0);
    m.error = all > 0 ? round_up(all * 0x1p-1000) : 0;
    return;
  }
  const int by = static_cast<int>(shift);
  const double factor = std::ldexp(1.0, by);
  const double back = std::ldexp(1.0, -by);
  std::vector<char> inexact(static_cast<std::size_t>((m.rows + kRowsEach - 1) / kRowsEach), 0);
  for_values(m, context, [&](std::span<double> values, std::int64_t first) {
    bool lost = false;
    for (double& value : values) {
      const double moved = value * factor;
      lost = lost || moved * back != value;
      value = moved;
    }
    inexact[static_cast<std::size_t>(first / kRowsEach)] = lost ? 1 : 0;
  });
  const bool lost = std::any_of(inexact.begin(), inexact.end(), [](char piece) { return piece != 0; });
  const double underflow = lost ? root_of_size(m) * 0x1p-1074 : 0;
  m.error = m.error > 0 || lost ? round_up(m.error * factor + underflow) : 0;
}

// The stored matrix times a power of two: exact, except for f64 entries so far below the largest that they underflow,
// here or in in_range().
Formed form_leaf(const Expression& e, Context& context) {
  Formed m = empty(e, context);
  const kernels::StoredMatrix& a = e.leaf.matrix;
  if (!e.transposed) {
    in_double(a, e.unit, m.values.data(), context);
  } else {
    for_rows(a.rows, context, [&](std::int64_t first, std::int64_t count) {
      std::vector<double> rows(static_cast<std::size_t>(count * a.columns));
      kernels::convert(a.row_range(first, count), e.unit, rows.data(), a.columns);
      for (std::int64_t j = 0; j < a.columns; ++j) {
        double* const to = m.values.data() + j * m.columns + first;
        for (std::int64_t i = 0; i < count; ++i) to[i] = rows[static_cast<std::size_t>(i * a.columns + j)];
      }
    });
  }
  // 2^-1075 for an entry that underflows here, and unit 2^-1075 <= 2^-674 for one that did in in_range().
  if (a.dtype == DType::f64) m.error = round_up(root_of_size(m) * (e.leaf.factor == 1 ? 0x1p-1074 : 0x1p-600));
  return m;
}

// Weights times a power of two, exact as in form_leaf. Those that meet in one entry of x, at most `copies`, are added.
[[gnu::noinline]] Formed form_convolution(const Expression& e, Context& context) {
  Formed m = empty(e, context);
  std::fill(m.values.begin(), m.values.end(), 0.0);
  const Correlation& c = *e.correlation;
  const kernels::StoredMatrix& a = e.leaf.matrix;
  std::vector<double> weights(static_cast<std::size_t>(a.size()));
  kernels::convert(a, e.unit, weights.data(), a.columns);
  const std::int64_t taps = c.taps();
  const std::int64_t outputs = c.output_positions();
  const std::int64_t row_step = e.transposed ? 1 : m.columns;
  const std::int64_t column_step = e.transposed ? m.columns : 1;
  for_rows(c.out_channels, context, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t o = first; o < first + count; ++o) {
      const std::int64_t first_channel = o / (c.out_channels / c.groups) * (c.in_channels / c.groups);
      for (std::int64_t at = 0; at < outputs * taps; ++at) {
        const std::int64_t j = input_of(c, at / taps, at % taps);
        if (j == kPaddedZero) continue;
        double* const row = m.values.data() + (o * outputs + at / taps) * row_step;
        for (std::int64_t i = 0; i < c.in_channels / c.groups; ++i) {
          row[((first_channel + i) * c.input_positions() + j) * column_step] +=
              weights[static_cast<std::size_t>(o * a.columns + i * taps + at % taps)];
        }
      }
    }
  });
  if (c.copies() > 1) m.error = gamma(c.copies()) * e.frobenius;
  if (a.dtype == DType::f64) m.error += root_of_size(m) * (e.leaf.factor == 1 ? 0x1p-1074 : 0x1p-600);
  if (m.error > 0) m.error = round_up(m.error);
  return m;
}

// Ones, and a diagonal scaled by a power of two: exact, except for entries that underflowed in take_apart().
Formed form_diagonal(const Expression& e, Context& context) {
  Formed m = empty(e, context);
  std::fill(m.values.begin(), m.values.end(), 0.0);
  for (std::int64_t i = 0; i < e.rows; ++i) {
    m.values.data()[i * (e.rows + 1)] = e.is_identity() ? 1 : (*e.diagonal)[static_cast<std::size_t>(i)];
  }
  if (e.underflowed) m.error = round_up(root_of_size(m) * 0x1p-1074);
  return m;
}

Formed form_selection(const Expression& e, Context& context) {
  Formed m = empty(e, context);
  std::fill(m.values.begin(), m.values.end(), 0.0);
  for (std::int64_t i = 0; i < e.selected->size(); ++i) {
    const std::int64_t at = e.selected->at(i);
    if (at >= 0) m.values.data()[e.transposed ? at * m.columns + i : i * m.columns + at] = 1;
  }
  return m;
}

// (M_1 + E_1) (x) (M_2 + E_2) - M_1 (x) M_2, and |X (x) Y|_F = |X|_F |Y|_F; products with ones and zeros do not round.
Formed form_kronecker(const Expression& e, Context& context) {
  Formed left = form(e.parts[0], context);
  Formed right = form(e.parts[1], context);
  Formed m = empty(e, context);
  for_values(m, context, [&](std::span<double> values, std::int64_t first) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::int64_t i = first + static_cast<std::int64_t>(k) / m.columns;
      const std::int64_t j = static_cast<std::int64_t>(k) % m.columns;
      values[k] = left.values.data()[i / right.rows * left.columns + j / right.columns] *
                  right.values.data()[i % right.rows * right.columns + j % right.columns];
    }
  });
  const double left_norm = frobenius(left, context);
  const double right_norm = frobenius(right, context);
  const bool rounds = std::none_of(e.parts.begin(), e.parts.end(), [](const Expression& part) {
    return part.is_identity() || part.kind == Kind::selection;
  });
  const double rounding = rounds ? kUnitRoundoff * left_norm * right_norm + root_of_size(m) * 0x1p-1074 : 0;
  const double error = rounding + left.error * right_norm + left_norm * right.error + left.error * right.error;
  m.error = error > 0 ? round_up(error) : 0;
  shift(m, std::ilogb(e.unit), context);
  return m;
}

// A factor that scales or moves the rows or columns of the other one, which need not be formed.
bool is_sparse(const Expression& e) { return e.kind == Kind::diagonal || e.kind == Kind::selection; }

// N M (`on_rows`) or M N, for a selection N: lines of M moved, or those with one destination added.
Formed move(const Expression& n, Formed from, bool on_rows, Context& context) {
  const std::int64_t lines = on_rows ? n.rows : n.columns;
  Expression shape;
  shape.rows = on_rows ? lines : from.rows;
  shape.columns = on_rows ? from.columns : lines;
  Formed m = empty(shape, context);
  std::fill(m.values.begin(), m.values.end(), 0.0);
  const std::int64_t count = on_rows ? m.columns : m.rows;
  const bool gathers = on_rows != n.transposed;
  for (std::int64_t i = 0; i < n.selected->size(); ++i) {
    if (n.selected->at(i) < 0) continue;
    const std::int64_t source = gathers ? n.selected->at(i) : i;
    const std::int64_t target = gathers ? i : n.selected->at(i);
    const double* const in = from.values.data() + source * (on_rows ? from.columns : 1);
    double* const out = m.values.data() + target * (on_rows ? m.columns : 1);
    for (std::int64_t k = 0; k < count; ++k) {
      out[k * (on_rows ? 1 : m.columns)] += in[k * (on_rows ? 1 : from.columns)];
    }
  }
  const std::int64_t copies = n.selected->most_copies();
  const double rounding = gathers || copies < 2 ? 0 : gamma(copies) * frobenius(from, context);
  const double error = n.norm * (from.error + rounding);
  m.error = error > 0 ? round_up(error) : 0;
  return m;
}

// N M or M N for a diagonal N.
Formed weight(const Expression& n, Formed m, bool on_rows, Context& context) {
  if (n.is_identity()) return m;
  const double own = n.underflowed ? 0x1p-1074 * (frobenius(m, context) + m.error) : 0;
  for_values(m, context, [&](std::span<double> values, std::int64_t first) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      const auto line = static_cast<std::int64_t>(k);
      values[k] *= (*n.diagonal)[static_cast<std::size_t>(on_rows ? first + line / m.columns : line % m.columns)];
    }
  });
  m.error = round_up(n.norm * m.error + kUnitRoundoff * frobenius(m, context) + root_of_size(m) * 0x1p-1074 + own);
  return m;
}

// Each addition of an entry rounds by at most u times the sum.
Formed form_sum(const Expression& e, Context& context) {
  Formed total = form(e.parts[0], context);
  shift(total, e.shift(e.parts[0]), context);
  for (std::size_t i = 1; i < e.parts.size(); ++i) {
    Formed next = form(e.parts[i], context);
    shift(next, e.shift(e.parts[i]), context);
    for_values(total, context, [&](std::span<double> values, std::int64_t first) {
      const double* const from = next.values.data() + first * total.columns;
      for (std::size_t k = 0; k < values.size(); ++k) values[k] += from[k];
    });
    const double error = total.error + next.error + kUnitRoundoff * frobenius(total, context);
    total.error = error > 0 ? round_up(error) : 0;
  }
  return total;
}

Formed form_stack(const Expression& e, Context& context) {
  Formed m = empty(e, context);
  const bool below = e.kind == Kind::below;
  std::int64_t offset = 0;
  std::vector<double> errors;
  for (const Expression& e_part : e.parts) {
    Formed part = form(e_part, context);
    if (!e_part.is_zero()) shift(part, e.shift(e_part), context);
    double* const to = m.values.data() + (below ? offset * m.columns : offset);
    for (std::int64_t i = 0; i < part.rows; ++i) {
      std::copy_n(part.values.data() + i * part.columns, part.columns, to + i * m.columns);
    }
    offset += below ? part.rows : part.columns;
    errors.push_back(part.error);
  }
  m.error = root_sum_squares(errors);
  return m;
}

// (M_1 + E_1)(M_2 + E_2) - M_1 M_2, and the losses of the inner products: gamma_k |M_1| |M_2|, and underflow of each
// entry.
Formed form_product(const Expression& e, Context& context) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const Expression& n = e.parts[i];
    if (!is_sparse(n)) continue;
    Formed other = form(e.parts[1 - i], context);
    Formed m = n.kind == Kind::selection ? move(n, std::move(other), i == 0, context)
                                         : weight(n, std::move(other), i == 0, context);
    shift(m, std::ilogb(e.unit), context);
    return m;
  }
  Formed left = form(e.parts[0], context);
  Formed right = form(e.parts[1], context);
  Formed m = empty(e, context);
  const std::int64_t inner = left.columns;
  {
    const SerialBlas serial;
    constexpr std::int64_t kTile = 256;
    const std::int64_t across = (m.columns + kTile - 1) / kTile;
    const std::int64_t down = (m.rows + kTile - 1) / kTile;
    context.parallel_for(static_cast<std::size_t>(across * down), [&](std::size_t t) {
      const std::int64_t i = static_cast<std::int64_t>(t) / across * kTile;
      const std::int64_t j = static_cast<std::int64_t>(t) % across * kTile;
      const int rows = static_cast<int>(std::min(kTile, m.rows - i));
      const int columns = static_cast<int>(std::min(kTile, m.columns - j));
      const int n = static_cast<int>(m.columns);
      const int k = static_cast<int>(inner);
      double* const to = m.values.data() + i * m.columns + j;
      for (int row = 0; row < rows; ++row) std::fill_n(to + row * m.columns, columns, 0.0);
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, k, 1.0, left.values.data() + i * inner, k,
                  right.values.data() + j, n, 1.0, to, n);
    });
  }
  const double left_norm = frobenius(left, context);
  const double right_norm = frobenius(right, context);
  const double underflow = root_of_size(m) * inner_product_underflow(inner);
  m.error = round_up(gamma(inner + 1) * left_norm * right_norm + left.error * right_norm + left_norm * right.error +
                     left.error * right.error + underflow);
  shift(m, std::ilogb(e.unit), context);
  return m;
}

// A power of two is exact except for underflow.
Formed form_scaled(const Expression& e, Context& context) {
  Formed m = form(e.parts[0], context);
  const double by = e.is_power_of_two() ? std::copysign(1.0, e.factor) : e.factor;
  for_values(m, context, [&](std::span<double> values, std::int64_t) {
    for (double& value : values) value *= by;
  });
  if (e.is_power_of_two()) {
    shift(m, std::ilogb(e.factor), context);
    return m;
  }
  const double rounding = kUnitRoundoff * frobenius(m, context) + root_of_size(m) * 0x1p-1074;
  m.error = round_up(std::fabs(e.factor) * m.error + rounding);
  return m;
}

}  // namespace

bool is_formable(const Expression& e, std::int64_t entries) {
  if (e.rows > 0 && e.columns > entries / e.rows) return false;
  if (e.rows > 2147483647 || e.columns > 2147483647) return false;
  const bool moves = e.kind == Kind::product && (is_sparse(e.parts[0]) || is_sparse(e.parts[1]));
  if (moves) return is_formable(e.parts[is_sparse(e.parts[0]) ? 1 : 0], entries);
  return std::all_of(e.parts.begin(), e.parts.end(),
                     [entries](const Expression& part) { return is_formable(part, entries); });
}

Formed form(const Expression& e, Context& context) {
  const FloatingEnvironment environment;
  context.check_cancel();
  switch (e.kind) {
    case Kind::zero: {
      Formed zero = empty(e, context);
      std::fill(zero.values.begin(), zero.values.end(), 0.0);
      return zero;
    }
    case Kind::stored: return form_leaf(e, context);
    case Kind::convolution: return form_convolution(e, context);
    case Kind::diagonal: return form_diagonal(e, context);
    case Kind::selection: return form_selection(e, context);
    case Kind::kronecker: return form_kronecker(e, context);
    case Kind::sum: return form_sum(e, context);
    case Kind::below:
    case Kind::beside: return form_stack(e, context);
    case Kind::product: return form_product(e, context);
    case Kind::scaled: return form_scaled(e, context);
  }
  return empty(e, context);
}

}  // namespace sigmax::bounds
