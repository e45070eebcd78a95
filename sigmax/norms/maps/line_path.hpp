// The minimizers of 1/2 |y - x|^2 + mu/q |y|_p^q for one line of a matrix, on which the maps of mixed norms lie.
// Internal to norms/.
#pragma once

#include <span>
#include <vector>

namespace sigmax::norms {

/// For 1 <= p <= infinity and 1 < q < infinity; x is finite, of ordinary size or zero.
class LinePath {
 public:
  LinePath(std::span<const double> x, double p, double q);

  /// log |y|_p for this mu; -infinity for x = 0. It falls in mu, more slowly than mu^(-1/(q-1)). Remembers the last
  /// root as the start for the next.
  double log_norm(double log_mu);

  /// y for this mu, with the signs of x.
  std::vector<double> at(double log_mu);

 private:
  double log_length(double log_mu) const;  // p = 1 and p = infinity
  double log_level(double log_length) const;
  double log_lambda(double log_length) const;
  struct Powers {
    double log_norm;
    double slope;  // of log_norm in log kappa
  };
  Powers powers(double log_kappa) const;
  double log_kappa(double log_mu);

  double p_;
  double q_;
  std::span<const double> x_;
  double largest_ = 0;
  double log_size_ = 0;             // log |x|_p
  std::vector<double> log_values_;  // log(|x_i| / |x|_p), for 1 < p < infinity
  std::vector<double> sorted_;      // magnitudes, descending, and their prefix sums, for p = 1 and infinity
  std::vector<double> prefix_;
  double last_ = 0;
  double last_for_ = 0;
};

}  // namespace sigmax::norms
