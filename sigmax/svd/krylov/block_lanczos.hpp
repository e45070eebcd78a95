// The block form of the Lanczos process: what BlockKrylov iterates. Internal to svd/.
//
//     C Q = Q H + P R E^T,   Q^T Q = I,   H = Q^T C Q
//
// for a symmetric C of order n: Q has m columns, P is the block that comes next, E the last block's columns of the
// identity. H is kept dense and in double whatever T is: every column of it is measured by the orthogonalization, so
// that a restart needs no rule for what it leaves behind. Golub and Underwood, The block Lanczos method for computing
// eigenvalues, 1977; thick restart: Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/krylov/process.hpp"

namespace sigmax {

/// The largest eigenvalues of H by descending value, with their vectors w in the basis and their residuals.
struct RitzPairs {
  std::vector<double> theta;
  std::vector<double> residual;  ///< |C Q w - theta Q w|, as the recurrence has it
  Matrix<double> weights;        ///< the w, orthonormal columns
};

template <Real T>
class BlockLanczos final : private KrylovProcess<T> {
 public:
  /// z = C x for a block of columns.
  using Product = std::function<void(MatrixView<const T> x, MatrixView<T> z)>;

  /// A basis of up to `capacity` columns, at least 3 `block` or n. `first` holds up to `block` columns to begin with;
  /// random ones are added to make it `block` <= n, and take the place of linearly dependent ones.
  BlockLanczos(std::int64_t n, std::int64_t block, std::int64_t capacity, MatrixView<const T> first,
               const RandomState& random, Context& context);

  /// Multiplies the newest block by C: one product with `width()` columns. Where the next block loses rank, random
  /// columns orthogonal to all take the place of what is lost. Throws Error where a product is not finite.
  void step(const Product& product);

  /// Columns that the next step multiplies.
  std::int64_t width() const noexcept { return this->pending(); }
  /// m, the order of H.
  std::int64_t size() const noexcept { return done_; }
  /// Whether H has no room for another step: time for a restart.
  bool full() const noexcept { return basis_.count() > this->capacity(); }
  /// C Q = Q H to working accuracy: the last block led nowhere, or Q spans the space.
  bool invariant() const noexcept { return invariant_; }
  /// The basis has been filled up to the whole space: the residuals are not known until the next step.
  bool filling() const noexcept { return filling_; }
  /// Columns of Q that began as random vectors. An invariant space that r of them span holds, with probability one, the
  /// top r eigenvalues, multiple ones as often as they occur.
  std::int64_t random_columns() const noexcept { return random_columns_; }
  const RandomState& random() const noexcept { return random_; }

  /// The top `count` pairs, at most m of them. O(m^3) flops.
  RitzPairs ritz(std::int64_t count) const;

  /// Q w for the first `count` pairs, n x count.
  Matrix<T> vectors(const RitzPairs& pairs, std::int64_t count) const;

  /// Thick restart: Q becomes Q W, H the Ritz values, all of `kept`; the newest block stays.
  void restart(const RitzPairs& kept);

 private:
  using KrylovProcess<T>::basis_;
  using KrylovProcess<T>::done_;
  using KrylovProcess<T>::h_;  // H, and below it R in the columns of the newest block
  using KrylovProcess<T>::random_;

  // The columns of H from done() on, and its rows.
  void enter(const Matrix<double>& found);

  std::int64_t newest_ = 0;  // columns of the block multiplied last
  bool invariant_ = false;
  bool filling_ = false;
  std::int64_t random_columns_ = 0;
  std::int64_t random_in_next_ = 0;  // of the newest block
};

extern template class BlockLanczos<float>;
extern template class BlockLanczos<double>;

}  // namespace sigmax
