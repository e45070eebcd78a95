// The rank-r update of a matrix in memory: it turns a few vectors into a gradient. Internal to the library.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// G += sum_i w_i u_i v_i^T for a row-major G of u.rows x v.rows elements with `stride` elements from one row to the
/// next. Each element is summed in double, g_jk + (w_1 u_j1) v_k1 + (w_2 u_j2) v_k2 + ..., in this order, and rounded
/// to T once: |computed - exact| <= u_T |result| + gamma_(2 r + 1) (|g| + sum |w_i u_i v_i|), gamma in double.
///
/// Cost: one read and one write of G, whatever the number of terms, and r doubles of scratch per row and per column.
/// Rows are cut into pieces for the threads; the bits of an element depend only on its own terms and the instruction
/// set. A non-finite value affects only its own row or column. Throws Error if the numbers of columns and weights
/// differ or the stride is less than a row.
template <Real T>
void add_outer(MatrixView<const T> u, MatrixView<const T> v, std::span<const double> weights, T* g, std::int64_t stride,
               Context& context);

}  // namespace sigmax::kernels
