// The options and results that the problems of this folder share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::recovery {

/// X = U diag(sigma) V^T with orthonormal columns (to rounding), sigma descending and positive.
struct LowRank {
  Matrix<double> u;           ///< rows x rank
  std::vector<double> sigma;  ///< rank
  Matrix<double> v;           ///< columns x rank

  std::int64_t rank() const noexcept { return static_cast<std::int64_t>(sigma.size()); }

  /// x_ij, from `rank` products.
  double at(std::int64_t i, std::int64_t j) const;

  /// All entries: rows x columns doubles.
  Matrix<double> dense() const;
};

/// Where an iteration begins: the answer of an earlier call on the same places, for a path of lambdas or new data. Any
/// start leads to the same optimum, and the gap is proven in the same way.
struct Start {
  LowRank x;                        ///< empty: zero
  std::vector<double> dual;         ///< as in the result; empty: zero
  std::optional<double> penalty{};  ///< as in the result; empty: chosen from the data
};

struct RecoveryOptions {
  /// The relative gap, (upper - lower) / upper of the enclosure of the optimum, that is enough.
  double tolerance = 1e-4;
  std::int64_t max_iterations = 2000;
  /// How sigma_max of the dual is bounded from above. A relative_width of 0 means tolerance / 16.
  CertifyOptions certify{};
  Start start{};
  /// The source of random numbers; the same state gives the same bits. Empty: drawn anew for each call.
  std::optional<RandomState> random{};
};

enum class RecoveryOutcome {
  converged,          ///< the enclosure of the optimum has a relative gap of at most the tolerance
  out_of_iterations,  ///< max_iterations first: the enclosure is still true, and says how far that went
};

/// What to try, in words.
std::string_view message(RecoveryOutcome outcome);

}  // namespace sigmax::recovery
