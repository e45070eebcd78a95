// Products with weights whose rows are short runs, segment by segment, on the calling thread: unfolded.cpp and
// entrywise.cpp cut their work into these. Internal to kernels/.
//
// The rows of a segment follow each other, row_stride = inner <= kLongestRun, so that a segment is one stretch of
// rows * inner elements: its entry (r, i) belongs to u_r and v_i. If u is stretched to that length by repeating every
// element `inner` times, and v is repeated to a whole number of vectors, all loops run over the stretch without regard
// to rows, whatever `inner` is.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/view.hpp"
#include "sigmax/kernels/unfolded_matrix.hpp"

namespace sigmax::kernels {

inline constexpr std::int64_t kLongestRun = 64;

inline bool has_short_runs(const UnfoldedMatrix& w) {
  return w.segments > 1 && w.inner <= kLongestRun && w.row_stride == w.inner;
}

/// out[r inner + i] = scale u_r
template <Real T>
void stretch(std::span<const T> u, std::int64_t inner, double scale, T* out);

/// y[k] = sum over segments s in [first, first + count) of stretch_s[k] v_s[k mod inner], which is W v of these
/// segments before the runs of y are summed.
void multiply_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* v, float* y);
void multiply_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* v, double* y);

/// x_s[i] = sum over r of stretch_s[r inner + i] u[r inner + i] for these segments, with u stretched. x is the whole
/// W^T u.
void transposed_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* u, float* x);
void transposed_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* u, double* x);

}  // namespace sigmax::kernels
