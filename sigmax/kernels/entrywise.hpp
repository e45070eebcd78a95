// What spectral normalization does to every entry of a weight: scaled copies, combinations with a rank-one term, and
// the inner product of two weights. One read of each input and one write of the output. Internal to the library.
//
// X, Y and the output have the same rows, segments, inner length and storage type; their strides may differ. Sums and
// products of entries are formed in T (float or double) and rounded once to the storage type. Work is cut into pieces
// by the shape alone and pieces are added in order: the same bits for any number of threads. All throw Error if shapes
// or types do not fit. An output may be one of the inputs, entry for entry; other overlaps are not allowed.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/unfolded_matrix.hpp"

namespace sigmax::kernels {

/// alpha X + beta Y + gamma u v^T. A term without data (Y, or u and v) is left out and costs no memory traffic.
template <Real T>
struct Combination {
  double alpha = 1;
  UnfoldedMatrix x{};
  double beta = 0;
  UnfoldedMatrix y{};
  double gamma = 0;
  std::span<const T> u{};
  std::span<const T> v{};
};

template <Real T>
void combination(const Combination<T>& what, const UnfoldedOutput& out, Context& context);

/// <X, Y>: the sum over all entries, with products and sums in double whatever the storage type.
double inner_product(const UnfoldedMatrix& x, const UnfoldedMatrix& y, Context& context);

}  // namespace sigmax::kernels
