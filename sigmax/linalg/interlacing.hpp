// Bounds on eigenvalues from Ritz values and their coupling to the rest of the space. Internal to the library.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// For a symmetric C and orthonormal V, rotated so that V^T C V is diagonal: the diagonal theta, descending, and
/// F = E^T E with E = C V - V diag(theta).
struct Coupled {
  std::vector<double> theta;
  Matrix<double> f;
};

/// upper[i] >= lambda_i(C) for i < k, if the eigenvalues of C on the complement of the first `deflated` >= k columns of
/// V are at most tau; `theta` and |F| may be upper bounds. The bound starts from
///
///     lambda_i(C) <= max( lambda_i(H + F / eta), tau + eta )     for every eta > 0
///
/// and splits its first side once more, into the columns up to the k-th and the later ones: with K the columns i ... k
/// and N the columns from k + 1 on, f_K = tr F_KK, f_N = tr F_NN, nu = theta_{k+1} + f_N / eta, and every zeta > 0,
///
///     lambda_i(H + F / eta)  <=  max( theta_i + f_K / eta + |F_KN|^2 / (eta^2 zeta),  nu + zeta ).
///
/// So the small errors of the first k vectors enter by their square, however poor the later vectors are. The result
/// uses the best of a few eta, and the best zeta for each. It is not rounded outward.
std::vector<double> upper_values(const Coupled& coupled, std::int64_t k, std::int64_t deflated, double tau);

/// The number of columns of V to take, and the largest tau for which upper_values() is at most `limit` for the k-th
/// value: the choice that leaves the most room above the values that the rest probably has. `limit` itself if the k-th
/// vector is not good enough for any choice.
struct Room {
  std::int64_t deflated = 0;
  double ceiling = 0;
  bool found = false;
};
Room room_above(const Coupled& coupled, std::int64_t k, double limit);

}  // namespace sigmax
