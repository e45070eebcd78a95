#include "sigmax/svd/krylov/probe.hpp"

#include <algorithm>

#include "sigmax/svd/convergence.hpp"

namespace sigmax {

void Probe::begin(std::span<const double> values, std::span<const double> residual, std::int64_t k,
                  std::int64_t products, std::int64_t pending) {
  begun_ = true;
  before_.assign(values.begin(), values.begin() + k);
  error_.clear();
  for (std::size_t i = 0; i < before_.size(); ++i) error_.push_back(estimated_error(values, residual[i], i));
  once_ = pending * static_cast<std::int64_t>(length(products, pending));
  until_ = products + once_;
  last_ = until_ + 2 * once_;
}

Probe::Verdict Probe::verdict(std::span<const double> values, std::span<const double> residual, std::int64_t products,
                              double slack, double rounding) {
  if (!wanted_) return Verdict::passed;
  if (!begun_) return Verdict::another;
  for (std::size_t i = 0; i < before_.size(); ++i) {
    if (values[i] > before_[i] + std::max({slack * before_[i], 4 * error_[i], rounding})) return Verdict::another;
  }
  const double kth = values[before_.size() - 1];
  for (std::size_t i = before_.size(); i < values.size() && products < last_; ++i) {
    if (values[i] + residual[i] <= kth + std::max(slack * kth, rounding)) continue;
    until_ = products + once_;
    return Verdict::go_on;
  }
  return Verdict::passed;
}

}  // namespace sigmax
