// Golub-Kahan-Lanczos bidiagonalization with thick restart. Internal to svd/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/result.hpp"
#include "sigmax/svd/task.hpp"

namespace sigmax {

/// The k largest triplets of A without ever squaring it: two reads of A per step, and singular values with an absolute
/// error of about u sigma_1, however small they are. Full reorthogonalization on both sides.
///
/// `basis` vectors are kept on each side before a restart; empty: chosen from the shape and k. Throws what the
/// operator's products throw, NotFinite, Canceled. Source: Golub and Kahan, J. SIAM Numer. Anal. Ser. B 2 (1965);
/// Baglama and Reichel, Augmented implicitly restarted Lanczos bidiagonalization methods, SIAM J. Sci. Comput. 27
/// (2005).
template <Real T>
SvdResult<T> golub_kahan(const LinearOperator<T>& a, const Task<T>& task, std::optional<std::int64_t> basis,
                         Context& context);

/// Whether the residuals of triplets, as evaluated with A itself, are larger than the tolerance and rounding allow.
template <Real T>
bool falls_short(const SvdResult<T>& result, const Convergence& wanted, const Shape& shape);

/// Continues the result of a method that works with A^T A by golub_kahan() if its residuals, evaluated with A itself,
/// show that some of the k values are too small for A^T A; otherwise returns it as it is.
template <Real T>
SvdResult<T> with_small_values(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T> result,
                               std::optional<std::int64_t> basis, Context& context);

}  // namespace sigmax
