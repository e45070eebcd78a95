// Rules of operations between a normalization and an attention layer: matrix products and standardizations.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/walk/matrix_sums.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::lipschitz {
namespace {

/// The rows of a softmax along them have the sum 1.
Limit row_sum_of(const graph::Node& node, std::int64_t columns) {
  const auto* const softmax = std::get_if<graph::Softmax>(&node.operation);
  const bool along_rows =
      softmax != nullptr && !softmax->logarithm && softmax->groups.inner == 1 && softmax->groups.length == columns;
  return along_rows ? limit(1) : std::nullopt;
}

/// Whether every group has the same gains.
bool is_repeated(const graph::Standardization& s) {
  const auto n = static_cast<std::size_t>(s.groups.length);
  if (s.groups.inner != 1) return false;
  for (std::size_t i = n; i < s.gain.size(); ++i) {
    if (s.gain[i] != s.gain[i - n]) return false;
  }
  return true;
}

/// |diag(g) (I - 1 1^T / n)|: the matrix as computed, each entry right to 3 u of what it is made of.
Limit norm_of_centering(const std::vector<double>& gain, std::int64_t n, Norms& norms) {
  const double mean = 1 / static_cast<double>(n);
  std::vector<double> entries;
  std::vector<double> errors;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const double g = gain[static_cast<std::size_t>(i)];
      entries.push_back(g * ((i == j ? 1 : 0) - mean));
      errors.push_back(std::fabs(g) * 0x1p-50);
    }
  }
  double squares = 0;
  for (const double each : errors) squares = graph::up(squares + graph::up(each * each));
  const Limit formed = norms.of(dense<double>(Tensor::copy_of(entries, {n, n})));
  return formed + limit(graph::up(std::sqrt(squares)));
}

}  // namespace

// |dA B|_F <= |dA|_F |B|_2 in each of the batch, and so for all of them with the largest |B|_2. |B|_2 <= |B|_F too.
// With sums or the greatest of entries instead of |.|_F, |dA B| takes |B|_inf or |B|_1, and |A dB| takes |A|_1 or
// |A|_inf.
Rule rule_of(const graph::MatrixProduct& n, const graph::Node& node, const Known& known, VectorNorm norm) {
  const graph::Index a = node.inputs[0];
  const graph::Index b = node.inputs[1];
  const MatrixSums sums_a =
      sums_of_box(known.boxes[a], n.batch, n.rows, n.inner, row_sum_of(known.graph.nodes[a], n.inner));
  const MatrixSums sums_b =
      sums_of_box(known.boxes[b], n.batch, n.inner, n.columns, row_sum_of(known.graph.nodes[b], n.columns));
  Limit of_a = norm == VectorNorm::one ? sums_a.columns : sums_a.rows;
  Limit of_b = norm == VectorNorm::one ? sums_b.rows : sums_b.columns;
  if (norm == VectorNorm::two) {
    of_a = lesser(sums_a.spectral, known.sizes[a]);
    of_b = lesser(sums_b.spectral, known.sizes[b]);
  }
  if ((known.moves[a] && !of_b) || (known.moves[b] && !of_a)) {
    return {{}, false, "multiplies by a matrix that is not bounded", true};
  }
  return {{known.moves[a] ? of_b : limit(0), known.moves[b] ? of_a : limit(0)}, false, {}, false};
}

// With c = P x, r^2 = |c|^2 / m + epsilon, s = r + added, the Jacobian is diag(g) (P - c c^T / (m r s)) / s. c is in
// the range of P and |c|^2 <= m r^2 <= m r s, so that the matrix in parentheses is between 0 and P, and s >=
// sqrt(epsilon) + added. At a constant x (or 0) it is diag(g) P / s, or the function is a limit of such. Row and column
// sums of a matrix of order n are at most sqrt n times its norm.
Rule rule_of(const graph::Standardization& s, Norms& norms) {
  const double least_scale = graph::down(graph::down(std::sqrt(s.epsilon)) + s.added);
  if (!(least_scale > 0)) {
    return {{}, false, "divides by a deviation that may be 0, because its epsilon is 0", false};
  }
  double most = s.gain.empty() ? 1 : 0;
  double least = s.gain.empty() ? 1 : HUGE_VAL;
  for (const double each : s.gain) {
    most = std::max(most, std::fabs(each));
    least = std::min(least, std::fabs(each));
  }
  Limit gain = limit(most);
  constexpr std::int64_t kLongest = 1024;  // of a group whose matrix is formed
  if (norms.norm() != VectorNorm::two) {
    gain = gain * limit(graph::up(std::sqrt(static_cast<double>(s.groups.length))));
  } else if (s.centered && most > least && s.groups.length <= kLongest && is_repeated(s)) {
    gain = lesser(gain, norm_of_centering(s.gain, s.groups.length, norms));
  }
  return {{gain * limit(graph::up(1 / least_scale))}, false, {}, false};
}

}  // namespace sigmax::lipschitz
