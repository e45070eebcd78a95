// What the layers so far say about the next one: the inverse of P, seen from the values that are still read. Internal
// to lipschitz/.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::lipschitz {

/// P of the layers so far is a positive definite form of the variables (the input and w = the part of each neuron that
/// is not linear: z = a v + (b - a) w, where w has slopes in [0, 1]). Any two linear functions f, g of the variables
/// have the "covariance" f P^-1 g^T, as for a Gaussian with density exp(-z^T P z / 2). A layer with preactivations v
/// adds rows 2 Lambda w - Lambda v, with the Schur complement
///
///     S = 2 Lambda - Lambda K Lambda,    K = cov(v, v),
///
/// and covariances change as those of a Gaussian do: with M = cov(v, z) for an earlier z,
///
///     cov(w, w) = S^-1,                        cov(w, z) = S^-1 Lambda M,
///     cov(v, z) = M + K Lambda S^-1 Lambda M,  cov(z, z') = before + M^T Lambda S^-1 Lambda M'.
///
/// Only the values that later layers read are kept. Callers hold a SerialBlas.
class Covariances {
 public:
  explicit Covariances(const LayeredNetwork& network);

  /// K of the next layer, both triangles.
  Matrix<double> of_next(Context& context);

  /// Adds the layer of of_next() with these multipliers (of w), `k` what of_next() returned. False if S is not positive
  /// definite; then nothing is changed.
  bool add(const Matrix<double>& k, const std::vector<double>& multipliers, Context& context);

  /// C P^-1 C^T of an output, after the last layer: its largest eigenvalue is the rho that the multipliers give.
  Matrix<double> of_output(const std::vector<NetworkTerm>& output, Context& context) const;

 private:
  Matrix<double> cross(const std::vector<NetworkTerm>& terms, std::int64_t rows, std::size_t source,
                       Context& context) const;
  Matrix<double> square(const std::vector<NetworkTerm>& terms, std::int64_t rows, Context& context) const;
  bool is_read_after(std::size_t source, std::size_t layer) const { return last_reader_[source] > layer; }
  void update_earlier(const std::map<std::size_t, Matrix<double>>& with_v,
                      const std::map<std::size_t, Matrix<double>>& with_w, const std::vector<double>& multipliers,
                      Context& context);

  const LayeredNetwork& network_;
  std::vector<std::size_t> last_reader_;  ///< by source, the last layer (from 1; the output: layers + 1)
  std::size_t next_ = 1;
  /// cov(z_i, z_k), i >= k, of the sources that are read from here on; that of the input with itself is the identity
  /// and not stored until a layer changes it.
  std::map<std::pair<std::size_t, std::size_t>, Matrix<double>> blocks_;
};

}  // namespace sigmax::lipschitz
