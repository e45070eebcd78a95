// The products of one piece of a matrix on the calling thread: matvec.cpp cuts its work into these. Internal to
// kernels/.
//
// Vectors that rows are multiplied with (x) and vectors that rows are added to (w) have the order that the storage type
// needs: `is_arranged(dtype)` says whether that is a special order, arrange() brings x into it, and combine() brings w
// out of it. Arranged vectors are arranged_size() long. Blocks have at most kColumnsARead columns and the piece is not
// empty; a piece that begins at a column other than the first begins at a multiple of kColumnUnit.
#pragma once

#include <cstdint>

#include "sigmax/core/view.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

inline constexpr std::int64_t kColumnUnit = 64;
// Parts of rows shorter than two pages of memory are read much more slowly than whole rows.
inline constexpr std::int64_t kPanelColumns = 2048;

inline bool is_arranged(DType dtype) { return dtype == DType::bf16; }
inline std::int64_t arranged_size(std::int64_t n) { return (n + kColumnUnit - 1) / kColumnUnit * kColumnUnit; }

// y = A x or y += A x, for float and double.
void multiply_piece(const StoredMatrix& a, MatrixView<const float> x, MatrixView<float> y, bool add);
void multiply_piece(const StoredMatrix& a, MatrixView<const double> x, MatrixView<double> y, bool add);

// w = A^T y
void transposed_piece(const StoredMatrix& a, MatrixView<const float> y, MatrixView<float> w);
void transposed_piece(const StoredMatrix& a, MatrixView<const double> y, MatrixView<double> w);

// w = A^T (A x), and y = A x if y has data.
void gram_piece(const StoredMatrix& a, MatrixView<const float> x, MatrixView<float> y, MatrixView<float> w);
void gram_piece(const StoredMatrix& a, MatrixView<const double> x, MatrixView<double> y, MatrixView<double> w);

// z = A (A^T y), by panels of kPanelColumns columns.
void outer_piece(const StoredMatrix& a, MatrixView<const float> y, MatrixView<float> z);
void outer_piece(const StoredMatrix& a, MatrixView<const double> y, MatrixView<double> z);

// Each column in arranged order, with zeros up to arranged_size().
void arrange(MatrixView<const float> x, MatrixView<float> arranged);
void arrange(MatrixView<const double> x, MatrixView<double> arranged);

// out[j] = parts[j] + parts[j + stride] + ... in this order, for `count` parts of `n` elements; `arranged` parts are
// put back in order.
void combine(const float* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, float* out);
void combine(const double* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, double* out);

}  // namespace sigmax::kernels
