#include "sigmax/lipschitz/walk/norms.hpp"

#include <cmath>

#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::lipschitz {
namespace {

// What has overflowed is missing.
Limit if_bounded(const Enclosure& e) { return e.upper ? Limit(bounds::no_more_than(e)) : std::nullopt; }

}  // namespace

Limit limit(double value) {
  if (!(value >= 0) || std::isinf(value)) return std::nullopt;
  return bounds::at_most(value);
}

Limit operator+(const Limit& a, const Limit& b) { return a && b ? if_bounded(bounds::sum(*a, *b)) : std::nullopt; }

Limit operator*(const Limit& a, const Limit& b) { return a && b ? if_bounded(bounds::product(*a, *b)) : std::nullopt; }

// By way of the quotient of the greater, so that no square leaves the range where the result does not.
Limit hypotenuse(const Limit& a, const Limit& b) {
  if (!a || !b) return std::nullopt;
  if (a->upper->value() == 0) return b;
  if (b->upper->value() == 0) return a;
  const Limit most = greater(a, b);
  const double ratio = lesser(a, b)->upper->value() / most->upper->value();
  return most * if_bounded(bounds::square_root(bounds::at_most(1 + ratio * ratio * (1 + 0x1p-50) + 0x1p-50)));
}

Limit lesser(const Limit& a, const Limit& b) {
  if (!a) return b;
  return b && b->upper->value() < a->upper->value() ? b : a;
}

Limit greater(const Limit& a, const Limit& b) {
  if (!a || !b) return std::nullopt;
  return b->upper->value() > a->upper->value() ? b : a;
}

std::optional<UpperBound> upper_of(const Limit& a) { return a ? a->upper : std::nullopt; }

Norms::Norms(const CertifyOptions& options, Context& context) : options_(options), context_(context) {
  if (options_.admits_probable()) options_.method = CertifyMethod::proven;
}

Limit Norms::of(const Operator<double>& a) {
  const auto found = known_.find(a.get());
  if (found != known_.end()) return found->second.second;
  return known_.emplace(a.get(), std::pair(a, computed(*a))).first->second.second;
}

Limit Norms::computed(const LinearOperator<double>& a) {
  if (a.shape().rows == 0 || a.shape().columns == 0) return limit(0);
  context_.check_cancel();
  try {
    const Enclosure norm = sigma_max(a, options_, context_);
    if (norm.upper && norm.upper->certainty() == Certainty::proven) return if_bounded(norm);
    why_ = "has a linear map whose norm has no proven bound";
  } catch (const Canceled&) {
    throw;
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    why_ = std::string("has a linear map without a norm: ") + error.what();
  }
  return std::nullopt;
}

}  // namespace sigmax::lipschitz
