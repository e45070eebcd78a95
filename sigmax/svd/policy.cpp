#include "sigmax/svd/policy.hpp"

#include <algorithm>
#include <limits>

namespace sigmax {
namespace {

// Up to this order a full decomposition costs less than the administration of an iteration.
constexpr std::int64_t kTiny = 24;
// Of the shorter side: with more triplets than that a full decomposition is cheaper than a Krylov space that holds
// them.
constexpr double kManyTriplets = 0.2;
// In all doubles: what a decomposition as a matrix may take of memory, 8 GiB.
constexpr std::int64_t kLargestDense = std::int64_t{1} << 30;

}  // namespace

Method choose(const Question& question) {
  const std::int64_t shorter = std::min(question.shape.rows, question.shape.columns);
  const bool can_be_formed = question.shape.rows * question.shape.columns <= kLargestDense;
  const bool many = static_cast<double>(question.k) > kManyTriplets * static_cast<double>(shorter);
  if (can_be_formed && (shorter <= kTiny || many)) return DenseLapack{};
  if (question.which == Which::smallest) return InverseLanczos{};
  return Lanczos{};
}

bool single_precision_is_enough(const Method& method, Accuracy accuracy, double tolerance) {
  const bool iterates = std::holds_alternative<Lanczos>(method) || std::holds_alternative<BlockKrylov>(method);
  // A float iteration leaves a residual of some hundred units, 1e-5. The error of the value is its square.
  return iterates && tolerance >= (accuracy == Accuracy::values ? 1e-8 : 1e-4);
}

}  // namespace sigmax
