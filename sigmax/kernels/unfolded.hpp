// Products of an unfolded weight with vectors: W v, W^T u, and W^T (W v) together with W v. Internal to the library.
//
// T is the type that the sums are formed in. What matvec.hpp says about rounding, threads, bits, memory and non-finite
// entries holds here, where k is the number of terms of a sum. A matrix of one segment, or with inner = 1, goes to the
// kernels of matvec.hpp. Vectors have `rows` or `columns()` entries, unchecked; inputs and outputs must not overlap.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/unfolded_matrix.hpp"

namespace sigmax::kernels {

/// t = W v. One read of W.
template <Real T>
void unfolded_multiply(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, Context& context);

/// x = W^T u. One read of W.
template <Real T>
void unfolded_multiply_transposed(const UnfoldedMatrix& w, std::span<const T> u, std::span<T> x, Context& context);

/// t = W v and x = W^T t. One read of W from memory if it has one segment, otherwise two.
template <Real T>
void unfolded_gram(const UnfoldedMatrix& w, std::span<const T> v, std::span<T> t, std::span<T> x, Context& context);

}  // namespace sigmax::kernels
