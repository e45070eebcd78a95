#include "sigmax/kernels/unfolded.hpp"

#include <algorithm>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/kernels/segments.hpp"

namespace sigmax::kernels {
namespace {

// One segment as a row-major matrix.
StoredMatrix segment(const UnfoldedMatrix& w, std::int64_t s) {
  return {w.dtype, w.run(0, s), w.rows, w.inner, w.row_stride};
}

bool is_row_major(const UnfoldedMatrix& w) { return w.segments == 1; }
bool is_column_major(const UnfoldedMatrix& w) { return w.inner == 1 && w.row_stride == 1; }

// W^T of a column-major W, with one row per segment.
StoredMatrix transposed(const UnfoldedMatrix& w) { return {w.dtype, w.data, w.segments, w.rows, w.segment_stride}; }

// Segments are cut into pieces of at least this many multiplications, and at most this many pieces, as in matvec.cpp.
constexpr std::int64_t kPieceProducts = std::int64_t{1} << 17;
constexpr std::int64_t kMostPieces = 16;

// Calls body(piece, first segment, number of segments) for all pieces.
struct SegmentCut {
  std::int64_t total, each, count;

  explicit SegmentCut(const UnfoldedMatrix& w)
      : total(w.segments), each((total + wanted(w) - 1) / wanted(w)), count((total + each - 1) / each) {}

  template <class Body>
  void run(Context& context, const Body& body) const {
    if (count == 1) return body(0, 0, total);
    context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t p) {
      const auto piece = static_cast<std::int64_t>(p);
      body(piece, piece * each, std::min(each, total - piece * each));
    });
  }

 private:
  static std::int64_t wanted(const UnfoldedMatrix& w) {
    return std::clamp<std::int64_t>(w.size() / kPieceProducts, 1, kMostPieces);
  }
};

// t_r = sum over i, and over the pieces, of y[r inner + i].
template <Real T>
void sum_runs(const T* y, std::int64_t pieces, std::int64_t length, std::int64_t inner, std::span<T> t) {
  for (std::size_t r = 0; r < t.size(); ++r) {
    T sum = 0;
    for (std::int64_t p = 0; p < pieces; ++p) {
      const T* run = y + p * length + static_cast<std::int64_t>(r) * inner;
      for (std::int64_t i = 0; i < inner; ++i) sum += run[i];
    }
    t[r] = sum;
  }
}

template <Real T>
void multiply_short_runs(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, Context& context) {
  const SegmentCut cut(w);
  const std::int64_t length = w.rows * w.inner;
  auto y = context.scratch<T>(static_cast<std::size_t>(cut.count * length));
  cut.run(context, [&](std::int64_t piece, std::int64_t first, std::int64_t count) {
    multiply_segments(w, first, count, v.data(), y.data() + piece * length);
  });
  sum_runs(y.data(), cut.count, length, w.inner, t);
}

template <Real T>
void transposed_short_runs(const UnfoldedMatrix& w, std::span<const T> u, std::span<T> x, Context& context) {
  auto stretched = context.scratch<T>(static_cast<std::size_t>(w.rows * w.inner));
  stretch<T>(u, w.inner, 1, stretched.data());
  SegmentCut(w).run(context, [&](std::int64_t, std::int64_t first, std::int64_t count) {
    transposed_segments(w, first, count, stretched.data(), x.data());
  });
}

// Long runs: each segment is a matrix of its own.
template <Real T>
void multiply_each(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, Context& context) {
  std::fill(t.begin(), t.end(), T(0));
  auto part = context.scratch<T>(t.size());
  for (std::int64_t s = 0; s < w.segments; ++s) {
    const std::span<const T> here = v.subspan(static_cast<std::size_t>(s * w.inner), static_cast<std::size_t>(w.inner));
    multiply<T>(segment(w, s), here, MatrixView<T>(part.data(), w.rows, 1), context);
    for (std::size_t r = 0; r < t.size(); ++r) t[r] += part[r];
  }
}

template <Real T>
void transposed_each(const UnfoldedMatrix& w, std::span<const T> u, std::span<T> x, Context& context) {
  for (std::int64_t s = 0; s < w.segments; ++s) {
    const std::span<T> here = x.subspan(static_cast<std::size_t>(s * w.inner), static_cast<std::size_t>(w.inner));
    multiply_transposed<T>(segment(w, s), u, here, context);
  }
}

}  // namespace

template <Real T>
void unfolded_multiply(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, Context& context) {
  const FloatingEnvironment environment;
  if (is_row_major(w)) return multiply<T>(segment(w, 0), v, t, context);
  if (w.size() == 0) return std::fill(t.begin(), t.end(), T(0));
  if (is_column_major(w)) return multiply_transposed<T>(transposed(w), v, t, context);
  if (has_short_runs(w)) return multiply_short_runs(w, v, t, context);
  multiply_each(w, v, t, context);
}

template <Real T>
void unfolded_multiply_transposed(const UnfoldedMatrix& w, std::span<const T> u, std::span<T> x, Context& context) {
  const FloatingEnvironment environment;
  if (is_row_major(w)) return multiply_transposed<T>(segment(w, 0), u, x, context);
  if (w.size() == 0) return std::fill(x.begin(), x.end(), T(0));
  if (is_column_major(w)) return multiply<T>(transposed(w), u, x, context);
  if (has_short_runs(w)) return transposed_short_runs(w, u, x, context);
  transposed_each(w, u, x, context);
}

template <Real T>
void unfolded_gram(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, std::span<T> x, Context& context) {
  const FloatingEnvironment environment;
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
