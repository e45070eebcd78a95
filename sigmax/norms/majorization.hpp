// Weak majorization of spectra, and Fan dominance: whether every unitarily invariant norm of one matrix is at most that
// of another, as far as enclosures of the singular values decide it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

enum class Verdict {
  proven,     ///< it is so
  refuted,    ///< it is not so
  undecided,  ///< the enclosures overlap: narrower ones may decide; not if the spectra are equal, because equality
              ///< cannot be shown
};

/// `proven`, `refuted`, `undecided`.
std::string_view message(Verdict verdict);

struct Majorization {
  Verdict verdict = Verdict::undecided;
  /// The k of the Ky Fan norm that refutes it, or of the first one that is undecided; 0 for a proof.
  std::int64_t k = 0;
  /// Probability that the verdict is wrong, at most; 0 if every end that it rests on is proven.
  double failure_probability = 0;
};

/// Whether x is weakly majorized by y: x_1 + ... + x_k <= y_1 + ... + y_k for every k. `x` and `y` enclose the values
/// in descending order; the shorter one continues with zeros. Proven if the sum of the k first upper ends of x is at
/// most the sum of the k first lower ends of y, for every k; refuted if for some k the sum of the lower ends of x is
/// more than that of the upper ends of y. Sums are compared exactly, so that exact numbers (bounds::exactly) are always
/// decided, except where a sum overflows. A verdict whose failure probability would reach 1 is undecided. Throws Error
/// if neither has a value.
Majorization weakly_majorized(std::span<const Enclosure> x, std::span<const Enclosure> y);

struct FanOptions {
  CertifyOptions certify{};             ///< of the singular values
  std::optional<RandomState> random{};  ///< of the solver
};

/// Whether |A| <= |B| in every unitarily invariant norm. By Fan's theorem (Fan 1951; Bhatia, Matrix Analysis, theorem
/// IV.2.2) this is so if and only if the singular values of A are weakly majorized by those of B. If it is refuted, the
/// Ky Fan k-norm is a norm with |A| > |B|. The shapes may differ. Cost: all singular values of both with their
/// enclosures (bounds/certify_values.hpp). Throws Error as certified_svd() does.
template <Real T>
Majorization fan_dominated(const LinearOperator<T>& a, const LinearOperator<T>& b, const FanOptions& options,
                           Context& context);

/// As above, on every hardware thread.
template <Real T>
Majorization fan_dominated(const LinearOperator<T>& a, const LinearOperator<T>& b, const FanOptions& options = {}) {
  Context context;
  return fan_dominated(a, b, options, context);
}

Majorization fan_dominated(const Tensor& a, const Tensor& b, const FanOptions& options, Context& context);

/// As above, on every hardware thread.
inline Majorization fan_dominated(const Tensor& a, const Tensor& b, const FanOptions& options = {}) {
  Context context;
  return fan_dominated(a, b, options, context);
}

}  // namespace sigmax::norms
