// The products of one piece of a matrix on the calling thread: matvec.cpp cuts its work into these. Internal to
// kernels/.
//
// Vectors that rows are multiplied with (x) and vectors that rows are added to (w) have the order that the storage type
// needs: `is_arranged(dtype)` says whether that is a special order, arrange() brings x into it, and combine() brings w
// out of it. Arranged vectors are arranged_size() long. Blocks have at most kColumnsARead columns and the piece is not
// empty; a piece that begins at a column other than the first begins at a multiple of kColumnUnit.
#pragma once

#include <cstdint>

#include "sigmax/core/error.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

inline constexpr std::int64_t kColumnUnit = 64;
// Parts of rows shorter than two pages of memory are read much more slowly than whole rows.
inline constexpr std::int64_t kPanelColumns = 2048;

inline bool is_arranged(DType dtype) { return dtype == DType::bf16; }
inline std::int64_t arranged_size(std::int64_t n) { return (n + kColumnUnit - 1) / kColumnUnit * kColumnUnit; }

// The products of a piece with one storage type, sums in T.
template <Real T>
struct PieceProducts {
  // y = A x or y += A x.
  void (*multiply)(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, bool add);
  // w = A^T y
  void (*transposed)(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> w);
  // w = A^T (A x), and y = A x if y has data.
  void (*gram)(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> w);
  // z = A (A^T y), by panels of kPanelColumns columns.
  void (*outer)(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z);
};

// Those of this machine's instruction set. Each storage type has a source of its own, pieces_<type>.cpp: compilers take
// seconds for one, and build them side by side.
template <DType Stored, Real T>
const PieceProducts<T>& stored_products();

template <>
const PieceProducts<float>& stored_products<DType::f64, float>();
template <>
const PieceProducts<double>& stored_products<DType::f64, double>();
template <>
const PieceProducts<float>& stored_products<DType::f32, float>();
template <>
const PieceProducts<double>& stored_products<DType::f32, double>();
template <>
const PieceProducts<float>& stored_products<DType::f16, float>();
template <>
const PieceProducts<double>& stored_products<DType::f16, double>();
template <>
const PieceProducts<float>& stored_products<DType::bf16, float>();
template <>
const PieceProducts<double>& stored_products<DType::bf16, double>();

// Throws InternalError for a storage type that is not of real numbers: the public functions have checked.
template <Real T>
const PieceProducts<T>& piece_products(DType stored) {
  switch (stored) {
    case DType::f64: return stored_products<DType::f64, T>();
    case DType::f32: return stored_products<DType::f32, T>();
    case DType::f16: return stored_products<DType::f16, T>();
    case DType::bf16: return stored_products<DType::bf16, T>();
    default: throw InternalError("[matvec] a storage type without products");
  }
}

// Each column in the order that arranged storage asks for, zeros up to arranged_size().
void arrange(MatrixView<const float> x, MatrixView<float> arranged);
void arrange(MatrixView<const double> x, MatrixView<double> arranged);

// out[j] = parts[j] + parts[j + stride] + ... in this order, `count` parts of `n` elements; from arranged order if
// `arranged`.
void combine(const float* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, float* out);
void combine(const double* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, double* out);

}  // namespace sigmax::kernels
