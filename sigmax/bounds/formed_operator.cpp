#include "sigmax/bounds/formed_operator.hpp"

#include <limits>
#include <utility>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {

struct FormedOperator::State {
  NearMatrix near;
};

FormedOperator::FormedOperator(std::unique_ptr<State> state) : state_(std::move(state)) {}
FormedOperator::FormedOperator(FormedOperator&&) noexcept = default;
FormedOperator& FormedOperator::operator=(FormedOperator&&) noexcept = default;
FormedOperator::~FormedOperator() = default;

template <Real T>
std::optional<FormedOperator> FormedOperator::of(const LinearOperator<T>& a, std::int64_t formed_up_to,
                                                 Context& context) {
  const FloatingEnvironment environment;
  std::optional<NearMatrix> near = near_matrix(a, formed_up_to, context);
  if (!near) return std::nullopt;
  return FormedOperator(std::make_unique<State>(State{std::move(*near)}));
}

bool FormedOperator::is_zero() const { return state_->near.is_zero; }
const InRange& FormedOperator::matrix() const { return state_->near.range; }
bool FormedOperator::transposed() const { return state_->near.transposed; }
std::int64_t FormedOperator::exponent() const { return state_->near.exponent; }

Enclosure FormedOperator::enclosure(const Enclosure& of_matrix, const UpperBound& c) const {
  const FloatingEnvironment environment;
  if (is_zero()) return zero_enclosure();
  const double moved = state_->near.error == 0 ? 0.0 : round_up(c.value() * state_->near.error);
  const double lower = larger_of(round_down(of_matrix.lower.value()) - moved, 0.0);
  std::optional<UpperBound> upper;
  if (of_matrix.upper && of_matrix.upper->certainty() == Certainty::proven && c.certainty() == Certainty::proven) {
    upper = Proof::proven(round_up(of_matrix.upper->value() + moved));
  }
  const bool is_lower = of_matrix.lower.certainty() == Certainty::proven && c.certainty() == Certainty::proven;
  const Enclosure in_units = Proof::enclosure(widened_lower(is_lower ? round_down(lower) : 0.0), upper);
  return scaled(Measured{in_units, 0}, state_->near.exponent).sigma_max;
}

template std::optional<FormedOperator> FormedOperator::of<float>(const LinearOperator<float>&, std::int64_t, Context&);
template std::optional<FormedOperator> FormedOperator::of<double>(const LinearOperator<double>&, std::int64_t,
                                                                  Context&);

}  // namespace sigmax::bounds
