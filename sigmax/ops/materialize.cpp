#include "sigmax/ops/materialize.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/parts.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax {
namespace {

// Columns that go through an operator in one product: a multiple of the kernels' 8. Cancellation is checked between
// products.
constexpr std::int64_t kColumnsAtOnce = 64;

// Stored rows that are converted at once: their columns are written in runs of this many entries.
constexpr std::int64_t kRowsAtOnce = 32;

// body(first, count) for pieces of at most `step` up to `total`.
template <class Body>
void each_piece(std::int64_t total, std::int64_t step, const Context& context, const Body& body) {
  for (std::int64_t first = 0; first < total; first += step) {
    context.check_cancel();
    body(first, std::min(step, total - first));
  }
}

// out(i, j) = in(j, i)
template <Real T>
void transpose_to(MatrixView<const T> in, MatrixView<T> out) {
  for (std::int64_t first = 0; first < in.rows; first += kRowsAtOnce) {
    const std::int64_t end = std::min(first + kRowsAtOnce, in.rows);
    for (std::int64_t j = 0; j < in.columns; ++j) {
      for (std::int64_t i = first; i < end; ++i) out.data[j + i * out.stride] = in.data[i + j * in.stride];
    }
  }
}

// The stored rows are those of A, or its columns where the matrix is the transpose.
template <Real T>
Matrix<T> convert(const structure::Stored& stored, Context& context) {
  const kernels::StoredMatrix& a = *stored.matrix;
  Matrix<T> out = stored.transposed ? Matrix<T>(a.columns, a.rows) : Matrix<T>(a.rows, a.columns);
  if (out.empty()) return out;
  context.check_cancel();
  context.parallel_for(static_cast<std::size_t>((a.rows + kRowsAtOnce - 1) / kRowsAtOnce), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kRowsAtOnce;
    const std::int64_t count = std::min(kRowsAtOnce, a.rows - first);
    parts::ScratchBlock<double> rows(a.columns, count, context);
    kernels::convert(a.row_range(first, count), 1, rows.view().data, a.columns);
    for (std::int64_t i = 0; i < count; ++i) {
      const double* from = rows.view().data + i * a.columns;
      T* to = out.view().data + (stored.transposed ? (first + i) * a.columns : first + i);
      const std::int64_t step = stored.transposed ? 1 : a.rows;
      for (std::int64_t j = 0; j < a.columns; ++j) to[j * step] = static_cast<T>(from[j]);
    }
  });
  return out;
}

// Entry by entry of the kernel: y[o, a] has K[o, i, p] x[i, entry that stands at stride a + dilation p - pad_low].
template <Real T>
[[gnu::noinline]] Matrix<T> convert(const structure::Convolution& convolution, Context& context) {
  const Correlation& c = *convolution.correlation;
  Matrix<T> out(c.rows(), c.columns());
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t of_group = c.out_channels / c.groups;
  const std::int64_t taps = c.taps();
  std::vector<double> row(static_cast<std::size_t>(c.terms()));
  std::vector<std::int64_t> column_of(static_cast<std::size_t>(taps));
  for (std::int64_t a = 0; a < c.output_positions(); ++a) {
    context.check_cancel();
    for (std::int64_t p = 0; p < taps; ++p) column_of[static_cast<std::size_t>(p)] = input_of(c, a, p);
    for (std::int64_t o = 0; o < c.out_channels; ++o) {
      kernels::convert(convolution.kernel->row_range(o, 1), 1, row.data(), c.terms());
      for (std::int64_t k = 0; k < c.terms(); ++k) {
        const std::int64_t j = column_of[static_cast<std::size_t>(k % taps)];
        const std::int64_t channel = o / of_group * in + k / taps;
        if (j != kPaddedZero) {
          out(o * c.output_positions() + a, channel * c.input_positions() + j) +=
              static_cast<T>(row[static_cast<std::size_t>(k)]);
        }
      }
    }
  }
  return out;
}

// A I by blocks of columns, or (A^T I)^T by blocks of rows.
template <Real T>
Matrix<T> from_products(const LinearOperator<T>& a, Context& context) {
  const auto [rows, columns] = a.shape();
  Matrix<T> out(rows, columns);
  const bool of_columns = columns <= rows;
  const std::int64_t shorter = std::min(rows, columns);
  Matrix<T> unit(shorter, std::min(kColumnsAtOnce, shorter));
  Matrix<T> image = of_columns ? Matrix<T>() : Matrix<T>(columns, unit.columns());
  each_piece(shorter, kColumnsAtOnce, context, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t j = 0; j < count; ++j) unit(first + j, j) = 1;
    const MatrixView<const T> in = std::as_const(unit).view().column_range(0, count);
    if (of_columns) {
      a.apply(in, out.view().column_range(first, count), context);
    } else {
      const MatrixView<T> found = image.view().column_range(0, count);
      a.apply_adjoint(in, found, context);
      transpose_to<T>(found, parts::row_range(out.view(), first, count));
    }
    for (std::int64_t j = 0; j < count; ++j) unit(first + j, j) = 0;
  });
  return out;
}

template <Real T>
Matrix<T> kronecker_product(const Matrix<T>& a, const Matrix<T>& b) {
  Matrix<T> out(a.rows() * b.rows(), a.columns() * b.columns());
  for (std::int64_t j = 0; j < out.columns(); ++j) {
    for (std::int64_t i = 0; i < out.rows(); ++i) {
      out(i, j) = a(i / b.rows(), j / b.columns()) * b(i % b.rows(), j % b.columns());
    }
  }
  return out;
}

template <Real T>
struct Materialize {
  const LinearOperator<T>& a;
  Context& context;

  Matrix<T> operator()(const structure::Opaque&) const { return from_products(a, context); }

  Matrix<T> operator()(const structure::Stored& stored) const { return convert<T>(stored, context); }

  Matrix<T> operator()(const structure::Convolution& c) const { return convert<T>(c, context); }

  Matrix<T> operator()(const structure::Diagonal& d) const {
    Matrix<T> out(d.order, d.order);
    for (std::int64_t i = 0; i < d.order; ++i) {
      out(i, i) = d.is_identity() ? T{1} : static_cast<T>(d.entries[static_cast<std::size_t>(i)]);
    }
    return out;
  }

  Matrix<T> operator()(const structure::Selection& s) const {
    Matrix<T> out(s.entries->size(), s.entries->inputs());
    for (std::int64_t i = 0; i < out.rows(); ++i) {
      if (s.entries->at(i) >= 0) out(i, s.entries->at(i)) = 1;
    }
    return out;
  }

  // From the last factor to the first.
  Matrix<T> operator()(const structure::Kronecker<T>& k) const {
    Matrix<T> out = materialize(*k.factors.back(), context);
    for (std::size_t f = k.factors.size() - 1; f-- > 0;) {
      context.check_cancel();
      out = kronecker_product(materialize(*k.factors[f], context), out);
    }
    return out;
  }

  Matrix<T> operator()(const structure::Sum<T>& sum) const {
    Matrix<T> out(a.shape().rows, a.shape().columns);
    for (const Operator<T>& term : sum.terms) {
      const Matrix<T> more = materialize(*term, context);
      parts::add_to<T>(out.view(), more.view());
    }
    return out;
  }

  Matrix<T> operator()(const structure::Product<T>& product) const {
    const Matrix<T> right = materialize(*product.right, context);
    Matrix<T> out(a.shape().rows, a.shape().columns);
    each_piece(right.columns(), kColumnsAtOnce, context, [&](std::int64_t first, std::int64_t count) {
      product.left->apply(right.view().column_range(first, count), out.view().column_range(first, count), context);
    });
    return out;
  }

  Matrix<T> operator()(const structure::Scaled<T>& scaled) const {
    Matrix<T> out = materialize(*scaled.of, context);
    parts::scale(out.view(), scaled.factor);
    return out;
  }

  Matrix<T> operator()(const structure::Transposed<T>& transposed) const {
    const Matrix<T> of = materialize(*transposed.of, context);
    Matrix<T> out(of.columns(), of.rows());
    transpose_to<T>(of.view(), out.view());
    return out;
  }

  Matrix<T> operator()(const structure::Stacked<T>& stacked) const {
    Matrix<T> out(a.shape().rows, a.shape().columns);
    std::int64_t first = 0;
    for (const Operator<T>& part : stacked.parts) {
      const Matrix<T> block = materialize(*part, context);
      const MatrixView<T> to = stacked.of_rows ? parts::row_range(out.view(), first, block.rows())
                                               : out.view().column_range(first, block.columns());
      parts::scale_to<T>(to, 1, block.view());
      first += stacked.of_rows ? block.rows() : block.columns();
    }
    return out;
  }
};

}  // namespace

template <Real T>
Matrix<T> materialize(const LinearOperator<T>& a, Context& context) {
  const FloatingEnvironment environment;
  return std::visit(Materialize<T>{a, context}, a.structure());
}

template Matrix<float> materialize<float>(const LinearOperator<float>&, Context&);
template Matrix<double> materialize<double>(const LinearOperator<double>&, Context&);

}  // namespace sigmax
