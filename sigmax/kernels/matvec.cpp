#include "sigmax/kernels/matvec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

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

template <Real T>
void require(const StoredMatrix& a, MatrixView<const T> in, std::int64_t in_wanted, MatrixView<T> out,
             std::int64_t out_wanted) {
  if (!is_real(a.dtype)) throw Error(fmt::format("[matvec] {} does not store real numbers", name(a.dtype)));
  if (in.rows != in_wanted || out.rows != out_wanted || in.columns != out.columns) {
    throw Error(fmt::format("[matvec] a {}x{} matrix takes {} rows to {}, got {}x{} to {}x{}", a.rows, a.columns,
                            in_wanted, out_wanted, in.rows, in.columns, out.rows, out.columns));
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

void multiply_one(const StoredMatrix& a, const double* x, double* y, Context& context) {
  const auto [rows_each, count] = cut_rows(a);
  context.parallel_for(static_cast<std::size_t>(count), [&, rows_each = rows_each](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * rows_each;
    HWY_DYNAMIC_DISPATCH(multiply_rows)(a.row_range(first, std::min(rows_each, a.rows - first)), x, y + first);
  });
}

// Runs product(column of in, column of out) in double, whatever T is.
template <Real T, class Product>
void each_column(MatrixView<const T> in, MatrixView<T> out, Context& context, const Product& product) {
  if constexpr (std::same_as<T, double>) {
    for (std::int64_t j = 0; j < in.columns; ++j) product(in.column(j), out.column(j));
  } else {
    auto from = context.scratch<double>(static_cast<std::size_t>(in.rows));
    auto to = context.scratch<double>(static_cast<std::size_t>(out.rows));
    for (std::int64_t j = 0; j < in.columns; ++j) {
      std::copy(in.column(j).begin(), in.column(j).end(), from.begin());
      product(std::span<const double>(from.data(), from.size()), std::span<double>(to.data(), to.size()));
      for (std::size_t i = 0; i < to.size(); ++i) out.column(j)[i] = static_cast<float>(to[i]);
    }
  }
}

}  // namespace

template <Real T>
void multiply(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, Context& context) {
  require(a, x, a.columns, y, a.rows);
  each_column(x, y, context, [&](std::span<const double> in, std::span<double> out) {
    if (a.size() == 0) return std::fill(out.begin(), out.end(), 0.0);
    multiply_one(a, in.data(), out.data(), context);
  });
}

template <Real T>
void multiply_transposed(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> x, Context& context) {
  require(a, y, a.rows, x, a.columns);
  each_column(y, x, context, [&](std::span<const double> in, std::span<double> out) {
    sum_over_pieces(a, out, context, [&](const StoredMatrix& part, std::int64_t first, double* partial) {
      HWY_DYNAMIC_DISPATCH(add_weighted_rows)(part, in.data() + first, partial);
    });
  });
}

template <Real T>
void gram(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) {
  require(a, x, a.columns, z, a.columns);
  if (y.data != nullptr) {
    multiply(a, x, y, context);
    return multiply_transposed(a, MatrixView<const T>(y), z, context);
  }
  each_column(x, z, context, [&](std::span<const double> in, std::span<double> out) {
    sum_over_pieces(a, out, context, [&](const StoredMatrix& part, std::int64_t, double* partial) {
      HWY_DYNAMIC_DISPATCH(add_gram_rows)(part, in.data(), partial);
    });
  });
}

template <Real T>
void outer_gram(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z, Context& context) {
  require(a, y, a.rows, z, a.rows);
  auto image = context.scratch<T>(static_cast<std::size_t>(a.columns * y.columns));
  const MatrixView<T> x(image.data(), a.columns, y.columns);
  multiply_transposed(a, y, x, context);
  multiply(a, MatrixView<const T>(x), z, context);
}

template void multiply<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, Context&);
template void multiply<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, Context&);
template void multiply_transposed<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, Context&);
template void multiply_transposed<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, Context&);
template void gram<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, MatrixView<float>, Context&);
template void gram<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, MatrixView<double>,
                           Context&);
template void outer_gram<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, Context&);
template void outer_gram<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, Context&);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
