#include "sigmax/svd/policy.hpp"

#include <algorithm>

namespace sigmax {
namespace {

// Up to this order a full decomposition costs less than the overhead of an iteration.
constexpr std::int64_t kTinyOrder = 24;
// For more than a fifth of all triplets a full decomposition is cheaper than a Krylov space that holds them.
constexpr std::int64_t kFifth = 5;
// The limit in doubles on a matrix decomposition's memory, 8 GiB.
constexpr std::int64_t kLargestDense = std::int64_t{1} << 30;

}  // namespace

bool is_cheaper_whole(std::int64_t order, std::int64_t k) { return order <= kTinyOrder || kFifth * k > order; }

Method choose(const Shape& shape, std::int64_t k, Which which) {
  const bool can_be_formed = shape.rows * shape.columns <= kLargestDense;
  if (can_be_formed && is_cheaper_whole(std::min(shape.rows, shape.columns), k)) return DenseLapack{};
  if (which == Which::smallest) return InverseLanczos{};
  return Lanczos{};
}

bool single_precision_is_enough(const Method& method, const Convergence& convergence) {
  const bool iterates = std::holds_alternative<Lanczos>(method) || std::holds_alternative<BlockKrylov>(method);
  // A float iteration leaves a residual of about a hundred units, 1e-5. The error of the value is its square.
  return iterates && convergence.tolerance >= (convergence.accuracy == Accuracy::values ? 1e-8 : 1e-4);
}

}  // namespace sigmax
