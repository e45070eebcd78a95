// What Ritz values and the coupling to the rest tell of eigenvalues. Internal to the library.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// Of a symmetric C and orthonormal V, rotated so that V^T C V is diagonal: its values, descending, and F = E^T E,
/// E = C V - V diag(theta).
struct Coupled {
  std::vector<double> theta;
  Matrix<double> f;
};

/// upper[i] >= lambda_i(C) for i < k, if the eigenvalues of C on the complement of the first `deflated` >= k columns of
/// V are at most tau; `theta` and |F| may be upper bounds. Of the two sides of
///
///     lambda_i(C) <= max( lambda_i(H + F / eta), tau + eta )     for every eta > 0
///
/// the first is split once more, into the columns before the k-th and those behind it: with K the columns i ... k and N
/// those from k + 1 on, f_K = tr F_KK, f_N = tr F_NN, nu = theta_{k+1} + f_N / eta, and every zeta > 0,
///
///     lambda_i(H + F / eta)  <=  max( theta_i + f_K / eta + |F_KN|^2 / (eta^2 zeta),  nu + zeta ).
///
/// So what little the k-th vectors lack enters by its square, whatever the ones behind them lack. The best eta
/// of a few, and for each the best zeta. Not rounded outward.
std::vector<double> upper_values(const Coupled& coupled, std::int64_t k, std::int64_t deflated, double tau);

/// How many of the columns of V to take, and the largest tau for which upper_values() is at most `limit` for the k-th
/// value: the choice that leaves the most room above what the rest is likely to hold. `limit` itself where the k-th
/// vector is not good enough for any.
struct Room {
  std::int64_t deflated = 0;
  double ceiling = 0;
  bool found = false;
};
Room room_above(const Coupled& coupled, std::int64_t k, double limit);

}  // namespace sigmax
