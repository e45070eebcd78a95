#include "sigmax/kernels/matvec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/pieces.hpp"

namespace sigmax::kernels {
namespace {

// Work is cut into at most this many pieces, because each may carry its own partial sums, ...
constexpr std::int64_t kMostPieces = 16;
// ... each of at least this many multiplications, a few microseconds, so that handing it to a thread pays off ...
constexpr std::int64_t kPieceProducts = std::int64_t{1} << 17;
// ... and of at least this many rows where it has partial sums, so that these are small compared with the piece. Pieces
// of columns are no narrower than panels.
constexpr std::int64_t kPieceRows = 32;
// A A^T Y is computed by panels if they have at most this many bytes; larger ones are slower than two reads of A
// (measured: docs/adr/0016-fused-products.md).
constexpr std::int64_t kPanelBytes = std::int64_t{2} << 20;

template <Real T>
void require(const StoredMatrix& a, MatrixView<const T> in, std::int64_t in_wanted, MatrixView<T> out,
             std::int64_t out_wanted) {
  if (!is_real(a.dtype)) throw Error(fmt::format("[matvec] {} does not store real numbers", name(a.dtype)));
  if (in.rows != in_wanted || out.rows != out_wanted || in.columns != out.columns) {
    throw Error(fmt::format("[matvec] a {}x{} matrix takes {} rows to {}, got {}x{} to {}x{}", a.rows, a.columns,
                            in_wanted, out_wanted, in.rows, in.columns, out.rows, out.columns));
  }
}

// `count` pieces of `each` rows or columns, the last one shorter.
struct Cut {
  std::int64_t each;
  std::int64_t count;

  Cut(std::int64_t total, std::int64_t wanted, std::int64_t unit)
      : each(std::max((total + wanted - 1) / wanted + unit - 1, unit) / unit * unit),
        count((total + each - 1) / each) {}

  template <class Body>
  void run(std::int64_t total, Context& context, const Body& body) const {
    context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t p) {
      const auto piece = static_cast<std::int64_t>(p);
      body(piece, piece * each, std::min(each, total - piece * each));
    });
  }
};

std::int64_t pieces_worth(const StoredMatrix& a, std::int64_t columns) {
  return std::clamp<std::int64_t>(a.size() * columns / kPieceProducts, 1, kMostPieces);
}

StoredMatrix column_range(const StoredMatrix& a, std::int64_t first, std::int64_t count) {
  StoredMatrix part = a;
  part.data += static_cast<std::size_t>(first) * size_of(a.dtype);
  part.columns = count;
  return part;
}

template <class View>
View row_range(View view, std::int64_t first, std::int64_t count) {
  if (view.data != nullptr) view.data += first;
  view.rows = count;
  return view;
}

// Uninitialized memory, on the stack if it is small, so that small products spend no time on allocation.
template <Real T>
class Workspace {
 public:
  Workspace(std::int64_t size, Context& context) {
    if (size <= kLocal) return;
    buffer_.emplace(context.scratch<T>(static_cast<std::size_t>(size)));
    data_ = buffer_->data();
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  T* data() noexcept { return data_; }

 private:
  static constexpr std::int64_t kLocal = 2048;
  alignas(64) T local_[kLocal];
  std::optional<Context::Buffer<T>> buffer_;
  T* data_ = local_;
};

// x in the order that the storage type needs: itself, or an arranged copy.
template <Real T>
class Arranged {
 public:
  Arranged(const StoredMatrix& a, MatrixView<const T> x, Context& context)
      : view_(x), copy_(is_arranged(a.dtype) ? arranged_size(x.rows) * x.columns : 0, context) {
    if (!is_arranged(a.dtype)) return;
    const MatrixView<T> to(copy_.data(), arranged_size(x.rows), x.columns);
    arrange(x, to);
    view_ = to;
  }

  MatrixView<const T> view() const { return view_; }

 private:
  MatrixView<const T> view_;
  Workspace<T> copy_;
};

// parts[p] are blocks with the shape of `out`, one after the other. out = their sum, in order.
template <Real T>
void add_parts(const T* parts, std::int64_t count, std::int64_t part_rows, bool arranged, MatrixView<T> out,
               Context& context) {
  const std::int64_t stride = part_rows * out.columns;
  const std::int64_t wanted = std::clamp<std::int64_t>(stride * count / kPieceProducts, 1, kMostPieces);
  const Cut cut(out.rows, wanted, kColumnUnit);
  cut.run(out.rows, context, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    for (std::int64_t c = 0; c < out.columns; ++c) {
      combine(parts + c * part_rows + first, count, stride, rows, arranged, out.column(c).data() + first);
    }
  });
}

// Calls product(w), where w is out itself or a block whose arranged columns are put in order afterwards.
template <Real T, class Product>
void in_order(const StoredMatrix& a, MatrixView<T> out, Context& context, const Product& product) {
  if (!is_arranged(a.dtype)) return product(out);
  const std::int64_t size = arranged_size(out.rows);
  Workspace<T> space(size * out.columns, context);
  product(MatrixView<T>(space.data(), size, out.columns));
  add_parts(space.data(), 1, size, true, out, context);
}

// out = the sum of product(piece, its first row or column, its length, its own block) over the pieces.
template <Real T, class Product>
void sum_of_pieces(const Cut& cut, std::int64_t total, bool arranged, MatrixView<T> out, Context& context,
                   const Product& product) {
  const std::int64_t size = arranged ? arranged_size(out.rows) : out.rows;
  Workspace<T> space(size * out.columns * cut.count, context);
  cut.run(total, context, [&](std::int64_t p, std::int64_t first, std::int64_t count) {
    product(first, count, MatrixView<T>(space.data() + p * size * out.columns, size, out.columns));
  });
  add_parts(space.data(), cut.count, size, arranged, out, context);
}

template <Real T>
void multiply_block(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, Context& context) {
  const Arranged<T> arranged(a, x, context);
  const MatrixView<const T> in = arranged.view();
  const std::int64_t wanted = pieces_worth(a, x.columns);
  if (wanted == 1) return piece_products<T>(a.dtype).multiply(a, in, y, false);
  if (a.rows >= wanted * 8 || a.columns < 2 * kPanelColumns) {
    const Cut cut(a.rows, wanted, 8);
    return cut.run(a.rows, context, [&](std::int64_t, std::int64_t first, std::int64_t count) {
      piece_products<T>(a.dtype).multiply(a.row_range(first, count), in, row_range(y, first, count), false);
    });
  }
  const Cut cut(a.columns, std::min(wanted, a.columns / kPanelColumns), kColumnUnit);
  sum_of_pieces(cut, a.columns, false, y, context, [&](std::int64_t first, std::int64_t count, MatrixView<T> part) {
    piece_products<T>(a.dtype).multiply(column_range(a, first, count), row_range(in, first, count), part, false);
  });
}

template <Real T>
void transposed_block(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> x, Context& context) {
  const std::int64_t wanted = pieces_worth(a, y.columns);
  // Reading streams that end within a page of memory costs more than partial sums, so only few rows are cut by columns.
  if (wanted == 1 || a.rows < wanted * kPieceRows) {
    const Cut cut(a.columns, std::clamp<std::int64_t>(a.columns / kPanelColumns, 1, wanted), kColumnUnit);
    return in_order(a, x, context, [&](MatrixView<T> w) {
      cut.run(a.columns, context, [&](std::int64_t, std::int64_t first, std::int64_t count) {
        piece_products<T>(a.dtype).transposed(column_range(a, first, count), y, row_range(w, first, count));
      });
    });
  }
  const Cut cut(a.rows, wanted, 8);
  sum_of_pieces(cut, a.rows, is_arranged(a.dtype), x, context,
                [&](std::int64_t first, std::int64_t count, MatrixView<T> part) {
                  piece_products<T>(a.dtype).transposed(a.row_range(first, count), row_range(y, first, count), part);
                });
}

template <Real T>
void gram_block(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) {
  const std::int64_t wanted = pieces_worth(a, 2 * x.columns);
  const Arranged<T> arranged(a, x, context);
  const MatrixView<const T> in = arranged.view();
  if (wanted == 1) {
    return in_order(a, z, context, [&](MatrixView<T> w) { piece_products<T>(a.dtype).gram(a, in, y, w); });
  }
  // Too few rows: each piece's partial sum would be as large as the piece.
  if (a.rows < 4 * kPieceRows) {
    Workspace<T> space(y.data == nullptr ? a.rows * x.columns : 0, context);
    const MatrixView<T> image = y.data == nullptr ? MatrixView<T>(space.data(), a.rows, x.columns) : y;
    multiply_block<T>(a, x, image, context);
    return transposed_block<T>(a, image, z, context);
  }
  const Cut cut(a.rows, std::min(wanted, a.rows / kPieceRows), 8);
  sum_of_pieces(cut, a.rows, is_arranged(a.dtype), z, context,
                [&](std::int64_t first, std::int64_t count, MatrixView<T> part) {
                  piece_products<T>(a.dtype).gram(a.row_range(first, count), in, row_range(y, first, count), part);
                });
}

template <Real T>
void outer_gram_block(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z, Context& context) {
  const std::int64_t wanted = pieces_worth(a, 2 * y.columns);
  if (wanted == 1) return piece_products<T>(a.dtype).outer(a, y, z);
  if (a.columns < 2 * kPanelColumns ||
      a.rows * kPanelColumns * static_cast<std::int64_t>(size_of(a.dtype)) > kPanelBytes) {
    Workspace<T> space(a.columns * y.columns, context);
    const MatrixView<T> image(space.data(), a.columns, y.columns);
    transposed_block<T>(a, y, image, context);
    return multiply_block<T>(a, image, z, context);
  }
  const Cut cut(a.columns, std::min(wanted, a.columns / kPanelColumns), kColumnUnit);
  sum_of_pieces(cut, a.columns, false, z, context, [&](std::int64_t first, std::int64_t count, MatrixView<T> part) {
    piece_products<T>(a.dtype).outer(column_range(a, first, count), y, part);
  });
}

template <Real T>
void fill_zero(MatrixView<T> block) {
  for (std::int64_t c = 0; c < block.columns; ++c) std::fill(block.column(c).begin(), block.column(c).end(), T(0));
}

// Calls product(first column, number of columns) for blocks of at most kColumnsARead.
template <class Product>
void each_block(std::int64_t columns, const Product& product) {
  for (std::int64_t c = 0; c < columns; c += kColumnsARead) product(c, std::min(kColumnsARead, columns - c));
}

}  // namespace

template <Real T>
void multiply(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, Context& context) {
  const FloatingEnvironment environment;
  require(a, x, a.columns, y, a.rows);
  if (a.size() == 0) return fill_zero(y);
  each_block(x.columns, [&](std::int64_t first, std::int64_t count) {
    multiply_block<T>(a, x.column_range(first, count), y.column_range(first, count), context);
  });
}

template <Real T>
void multiply_transposed(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> x, Context& context) {
  const FloatingEnvironment environment;
  require(a, y, a.rows, x, a.columns);
  if (a.size() == 0) return fill_zero(x);
  each_block(y.columns, [&](std::int64_t first, std::int64_t count) {
    transposed_block<T>(a, y.column_range(first, count), x.column_range(first, count), context);
  });
}

template <Real T>
void gram(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) {
  const FloatingEnvironment environment;
  require(a, x, a.columns, z, a.columns);
  if (y.data != nullptr) require(a, x, a.columns, y, a.rows);
  if (a.size() == 0) {
    if (y.data != nullptr) fill_zero(y);
    return fill_zero(z);
  }
  each_block(x.columns, [&](std::int64_t first, std::int64_t count) {
    const MatrixView<T> image = y.data == nullptr ? y : y.column_range(first, count);
    gram_block<T>(a, x.column_range(first, count), image, z.column_range(first, count), context);
  });
}

template <Real T>
void outer_gram(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z, Context& context) {
  const FloatingEnvironment environment;
  require(a, y, a.rows, z, a.rows);
  if (a.size() == 0) return fill_zero(z);
  each_block(y.columns, [&](std::int64_t first, std::int64_t count) {
    outer_gram_block<T>(a, y.column_range(first, count), z.column_range(first, count), context);
  });
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
