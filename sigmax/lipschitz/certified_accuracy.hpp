// How many of given data a classifier keeps its class on, whatever is added to them up to a size: proven from below,
// and from above by inputs that change the class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/attack.hpp"
#include "sigmax/lipschitz/network_bound.hpp"

namespace sigmax::lipschitz {

/// One input of a classifier, and its class.
struct LabeledInput {
  std::vector<double> x;
  std::size_t label = 0;
};

/// What is known of one input at one radius.
enum class Robustness {
  certified,  ///< the class is the label for all inputs within the radius, by the constants of the whole domain
  local,      ///< the same, by the constants of the ball
  broken,     ///< an input within the radius has another output at least as great as the label's, or the input itself
  open,       ///< neither was shown
  untried,    ///< the same, and no local bound was tried because there were too many
};

/// "certified", "local", "broken", "open", "untried".
std::string_view name(Robustness robustness) noexcept;

struct InputResult {
  std::size_t label = 0;
  /// The class that is proven to be greater than all others; nothing for a tie, for outputs that rounding cannot tell
  /// apart, and for outputs that are not finite.
  std::optional<std::size_t> predicted;
  bool is_wrong = false;  ///< another output than the label's is proven to be at least as great
  /// All inputs nearer than this have the class `label`: min_j (f_y - f_j) / L_yj, rounded down; 0 if predicted is
  /// another class or nothing. The largest double if no input can change the class.
  double radius = 0;
  double error = 0;              ///< of the computed logits, the largest; infinite: not known
  std::vector<Robustness> at{};  ///< by radius
};

struct RadiusResult {
  double radius = 0;
  std::size_t certified = 0;  ///< by the constants of the whole domain
  std::size_t local = 0;      ///< by those of balls
  std::size_t broken = 0;     ///< wrong already, or broken by the attack
  std::size_t open = 0;
  std::size_t untried = 0;

  std::size_t robust() const { return certified + local; }            ///< at least as many are robust
  std::size_t unbroken() const { return robust() + open + untried; }  ///< at most as many are
};

struct CertifiedAccuracy {
  std::vector<InputResult> inputs;
  std::size_t correct = 0;          ///< inputs whose class is proven to be the label
  std::size_t wrong = 0;            ///< whose class is proven to be another, ties included
  std::size_t undecided = 0;        ///< neither
  std::vector<RadiusResult> radii;  ///< ascending
  /// L_ij of classes i < j, row by row: (0, 1), (0, 2), ... Missing where there is no bound. One for all pairs if there
  /// are too many.
  std::vector<std::optional<UpperBound>> pairs;
  bool is_per_pair = true;
  double bound_seconds = 0;
  double input_seconds = 0;
  double attack_seconds = 0;
  double local_seconds = 0;
};

struct CertifiedAccuracyOptions {
  std::vector<double> radii{};  ///< finite and not negative
  /// The inputs that count: every entry in this interval; nothing: all.
  std::optional<graph::Interval> box{};
  NetworkBoundOptions bound{};
  /// With more classes all pairs have sqrt 2 times the bound of all logits together.
  std::size_t most_classes_for_pairs = 100;
  bool attacks = true;
  AttackOptions attack{};  ///< its box is that of `box`; its random state is forked for each input
  /// Bounds on balls that are tried, at most; the others are counted as untried.
  std::size_t most_local = 1000;
  LmiEffort local_effort = LmiEffort::fast;
};

/// The certified accuracy of a network whose greatest output is the class (classifier.hpp), on data in its own units.
///
/// f_y(x) - f_j(x) is at least m_j, the computed difference less the errors of both logits (graph/ranges.hpp). All x'
/// of the domain with |x' - x| <= eps have f_y(x') - f_j(x') >= m_j - eps L_yj, L_yj from margin_bounds() on the whole
/// domain, which must be convex. So an input is certified at eps if eps L_yj < m_j for all j, rounded outward. Ties are
/// not certified. What is certified is the exact real function of the stored weights.
///
/// Inputs that this leaves open are attacked, and if that does not break them bounded on their ball alone, for the
/// classes j that are in question, one radius after the other in ascending order until one fails. What is broken at a
/// radius is broken at all larger ones.
///
/// Cost: that of margin_bounds() for all pairs; three evaluations an input; an attack (attack.hpp) for each input and
/// radius that is open, and margin_bounds() on the ball. Throws Error for inputs, labels, radii and options that do not
/// fit, and Canceled on request.
CertifiedAccuracy certified_accuracy(const graph::Graph& classifier, const std::vector<LabeledInput>& inputs,
                                     const CertifiedAccuracyOptions& options, Context& context);
CertifiedAccuracy certified_accuracy(const graph::Graph& classifier, const std::vector<LabeledInput>& inputs,
                                     const CertifiedAccuracyOptions& options = {});

}  // namespace sigmax::lipschitz
