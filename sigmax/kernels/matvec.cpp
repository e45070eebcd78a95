#include "sigmax/kernels/matvec.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/matvec.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// y_i = a_i . x
void multiply_rows(const StoredMatrix& a, const double* x, double* y) {
  with_type(a, [&](const auto* first) {
    std::int64_t i = 0;
    for (; i + kRowsAtOnce <= a.rows; i += kRowsAtOnce) {
      dot_rows<kRowsAtOnce>(first + i * a.stride, a.stride, a.columns, x, y + i);
    }
    for (; i < a.rows; ++i) dot_rows<1>(first + i * a.stride, a.stride, a.columns, x, y + i);
  });
}

// w += sum_i y_i a_i
void add_weighted_rows(const StoredMatrix& a, const double* y, double* w) {
  with_type(a, [&](const auto* first) {
    std::int64_t i = 0;
    for (; i + kRowsAtOnce <= a.rows; i += kRowsAtOnce) {
      add_rows<kRowsAtOnce>(first + i * a.stride, a.stride, a.columns, y + i, w);
    }
    for (; i < a.rows; ++i) add_rows<1>(first + i * a.stride, a.stride, a.columns, y + i, w);
  });
}

// w += sum_i (a_i . x) a_i
void add_gram_rows(const StoredMatrix& a, const double* x, double* w) {
  with_type(a, [&](const auto* first) {
    double t[kRowsAtOnce];
    std::int64_t i = 0;
    for (; i + kRowsAtOnce <= a.rows; i += kRowsAtOnce) {
      dot_rows<kRowsAtOnce>(first + i * a.stride, a.stride, a.columns, x, t);
      add_rows<kRowsAtOnce>(first + i * a.stride, a.stride, a.columns, t, w);
    }
    for (; i < a.rows; ++i) {
      dot_rows<1>(first + i * a.stride, a.stride, a.columns, x, t);
      add_rows<1>(first + i * a.stride, a.stride, a.columns, t, w);
    }
  });
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(multiply_rows);
HWY_EXPORT(add_weighted_rows);
HWY_EXPORT(add_gram_rows);

// Pieces of about this many elements are worth a task; at most kMostPieces, because each piece of a product with A^T
// carries its own partial vector.
constexpr std::int64_t kPieceElements = std::int64_t{1} << 17;
constexpr std::int64_t kMostPieces = 16;

struct Pieces {
  std::int64_t rows_each;
  std::int64_t count;
};

Pieces cut_rows(const StoredMatrix& a) {
  const std::int64_t wanted = std::clamp<std::int64_t>(a.size() / kPieceElements, 1, kMostPieces);
  std::int64_t rows_each = (a.rows + wanted - 1) / wanted;
  rows_each = std::max<std::int64_t>((rows_each + 7) / 8 * 8, 8);
  return {rows_each, (a.rows + rows_each - 1) / rows_each};
}

void require(const StoredMatrix& a, std::size_t in, std::int64_t in_wanted, std::size_t out, std::int64_t out_wanted) {
  if (!is_real(a.dtype)) throw Error(fmt::format("[matvec] {} does not store real numbers", name(a.dtype)));
  if (static_cast<std::int64_t>(in) != in_wanted || static_cast<std::int64_t>(out) != out_wanted) {
    throw Error(fmt::format("[matvec] a {}x{} matrix takes {} values to {}, got {} and {}", a.rows, a.columns,
                            in_wanted, out_wanted, in, out));
  }
}

// Runs add(piece of rows, its first row, partial sum) for every piece and adds the partial sums in order into out.
template <class Add>
void sum_over_pieces(const StoredMatrix& a, std::span<double> out, Context& context, const Add& add) {
  std::fill(out.begin(), out.end(), 0.0);
  if (a.size() == 0) return;
  const auto [rows_each, count] = cut_rows(a);
  if (count == 1) return add(a, 0, out.data());
  const auto n = static_cast<std::size_t>(a.columns);
  auto partial = context.scratch<double>(n * static_cast<std::size_t>(count));
  context.parallel_for(static_cast<std::size_t>(count), [&, rows_each = rows_each](std::size_t p) {
    double* mine = partial.data() + p * n;
    std::fill(mine, mine + n, 0.0);
    const std::int64_t first = static_cast<std::int64_t>(p) * rows_each;
    add(a.row_range(first, std::min(rows_each, a.rows - first)), first, mine);
  });
  for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p) {
    const double* from = partial.data() + p * n;
    for (std::size_t j = 0; j < n; ++j) out[j] += from[j];
  }
}

}  // namespace

void multiply(const StoredMatrix& a, std::span<const double> x, std::span<double> y, Context& context) {
  require(a, x.size(), a.columns, y.size(), a.rows);
  if (a.size() == 0) {
    std::fill(y.begin(), y.end(), 0.0);
    return;
  }
  const auto [rows_each, count] = cut_rows(a);
  context.parallel_for(static_cast<std::size_t>(count), [&, rows_each = rows_each](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * rows_each;
    HWY_DYNAMIC_DISPATCH(multiply_rows)
    (a.row_range(first, std::min(rows_each, a.rows - first)), x.data(), y.data() + first);
  });
}

void multiply_transposed(const StoredMatrix& a, std::span<const double> y, std::span<double> x, Context& context) {
  require(a, y.size(), a.rows, x.size(), a.columns);
  sum_over_pieces(a, x, context, [&](const StoredMatrix& part, std::int64_t first, double* partial) {
    HWY_DYNAMIC_DISPATCH(add_weighted_rows)(part, y.data() + first, partial);
  });
}

void gram(const StoredMatrix& a, std::span<const double> x, std::span<double> z, Context& context) {
  require(a, x.size(), a.columns, z.size(), a.columns);
  sum_over_pieces(a, z, context, [&](const StoredMatrix& part, std::int64_t, double* partial) {
    HWY_DYNAMIC_DISPATCH(add_gram_rows)(part, x.data(), partial);
  });
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
