#include "sigmax/kernels/unfolded.hpp"

#include <algorithm>
#include <optional>

#include "sigmax/kernels/matvec.hpp"

namespace sigmax::kernels {
namespace {

// The row-major matrix that one segment is.
StoredMatrix segment(const UnfoldedMatrix& w, std::int64_t s) {
  return {w.dtype, w.run(0, s), w.rows, w.inner, w.row_stride};
}

bool is_row_major(const UnfoldedMatrix& w) { return w.segments == 1; }
bool is_column_major(const UnfoldedMatrix& w) { return w.inner == 1 && w.row_stride == 1; }

// W^T of a column-major W, a row to each segment.
StoredMatrix transposed(const UnfoldedMatrix& w) { return {w.dtype, w.data, w.segments, w.rows, w.segment_stride}; }

}  // namespace

template <Real T>
void unfolded_multiply(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, Context& context) {
  if (is_row_major(w)) return multiply<T>(segment(w, 0), v, t, context);
  if (is_column_major(w)) return multiply_transposed<T>(transposed(w), v, t, context);
  std::fill(t.begin(), t.end(), T(0));
  auto part = context.scratch<T>(t.size());
  for (std::int64_t s = 0; s < w.segments; ++s) {
    const std::span<const T> here = v.subspan(static_cast<std::size_t>(s * w.inner), static_cast<std::size_t>(w.inner));
    multiply<T>(segment(w, s), here, MatrixView<T>(part.data(), w.rows, 1), context);
    for (std::size_t r = 0; r < t.size(); ++r) t[r] += part[r];
  }
}

template <Real T>
void unfolded_multiply_transposed(const UnfoldedMatrix& w, std::span<const T> u, std::span<T> x, Context& context) {
  if (is_row_major(w)) return multiply_transposed<T>(segment(w, 0), u, x, context);
  if (is_column_major(w)) return multiply<T>(transposed(w), u, x, context);
  for (std::int64_t s = 0; s < w.segments; ++s) {
    const std::span<T> here = x.subspan(static_cast<std::size_t>(s * w.inner), static_cast<std::size_t>(w.inner));
    multiply_transposed<T>(segment(w, s), u, here, context);
  }
}

template <Real T>
void unfolded_gram(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, std::span<T> x, Context& context) {
  if (is_row_major(w)) return gram<T>(segment(w, 0), v, t, x, context);
  unfolded_multiply<T>(w, v, t, context);
  unfolded_multiply_transposed<T>(w, t, x, context);
}

template void unfolded_multiply<float>(const UnfoldedMatrix&, std::span<const float>, std::span<float>, Context&);
template void unfolded_multiply<double>(const UnfoldedMatrix&, std::span<const double>, std::span<double>, Context&);
template void unfolded_multiply_transposed<float>(const UnfoldedMatrix&, std::span<const float>, std::span<float>,
                                                  Context&);
template void unfolded_multiply_transposed<double>(const UnfoldedMatrix&, std::span<const double>, std::span<double>,
                                                   Context&);
template void unfolded_gram<float>(const UnfoldedMatrix&, std::span<const float>, std::span<float>, std::span<float>,
                                   Context&);
template void unfolded_gram<double>(const UnfoldedMatrix&, std::span<const double>, std::span<double>,
                                    std::span<double>, Context&);

}  // namespace sigmax::kernels
