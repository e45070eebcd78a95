// The parts that all forms of the Lanczos process share: a basis, its start, restarts, counters, recurrences. Internal
// to svd/.
//
// A form keeps orthonormal vectors V and multiplies them with its operator, one after another or several together. The
// first done() of them have been multiplied, the others are pending. The components of a product along V are the
// coefficients H; the remainder becomes the next vector:
//
//     gram_lanczos     C V_done = V H
//     golub_kahan      A P_done = Q B,  A^T Q = P H     with P for V
//     block_lanczos    C V_done = V H                   a block at a time
//
// Coefficients come from the orthogonalization, so a restart, a start from a block, or an injected vector needs no
// formula of its own. A remainder that is rounding is dropped. A form adds multiply() (or step()), ritz(), and its own
// changes at a restart.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/random_start.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

template <Real T>
class KrylovProcess {
 public:
  virtual ~KrylovProcess() = default;
  KrylovProcess(const KrylovProcess&) = delete;
  KrylovProcess& operator=(const KrylovProcess&) = delete;

  std::int64_t done() const noexcept { return done_; }
  std::int64_t pending() const noexcept { return basis_.count() - done_; }
  /// Vectors that are multiplied before a restart.
  std::int64_t capacity() const noexcept { return capacity_; }
  bool spans_all() const noexcept { return basis_.count() == basis_.order(); }
  std::int64_t products() const noexcept { return products_; }
  std::int64_t reads() const noexcept { return reads_; }
  const RandomState& random() const noexcept { return random_; }

  /// Begins with `width` vectors of independent standard normals. The recurrence of each is recorded.
  void start_random(std::int64_t width);

  /// Begins with the independent columns, at most `width` of them.
  void start_from(MatrixView<const T> start, std::int64_t width);

  /// Injects another random vector, orthogonal to all present ones.
  void inject();

  /// What the random start says about C, up to the first restart or injection.
  std::vector<LanczosRecurrence> recurrences();

 protected:
  /// `room` vectors of n entries: the capacity and the vectors that may be pending after it. H has `columns` columns.
  KrylovProcess(std::int64_t n, std::int64_t capacity, std::int64_t room, std::int64_t columns,
                const RandomState& random, Context& context);
  /// The recurrences of start() as far as they are known. A form without recurrences returns nothing.
  virtual std::vector<LanczosRecurrence> read_recurrences() { return {}; }

  /// Counts products with the first `width` pending vectors, before their results join.
  void count(std::int64_t width, std::int64_t reads);

  /// The vector in `slot`, at or after count(), moves to count(), orthogonal to V. It has components along the vectors
  /// around `middle`, and rounding along the others (Basis::remove). Its coefficients go into `column` of H. Returns
  /// the norm of the remainder.
  double orthogonalize(std::int64_t slot, std::int64_t middle, std::int64_t column);

  /// The remainder from orthogonalize() becomes pending, unless it is at most `rounding`, or V spans the space.
  void join(double left, std::int64_t column, double rounding);

  /// First half of a thick restart: H becomes diag(values) with the rows H_pending X. Ends the recurrences.
  void reduce(std::span<const double> values, MatrixView<const double> x);
  /// Second half: V_done becomes V_done Y; the pending vectors stay after it.
  void compress(MatrixView<const double> y);

  /// (H y)_p for the last components of y; those before do not matter where H_p is zero.
  double coupling(std::int64_t p, std::span<const double> y) const;
  /// |H_pending y|, the residual of the Ritz vector V_done y.
  double residual_of(std::span<const double> y) const;

  /// The number of steps of the first cycle that multiplied all pending vectors: the recurrences are known that far. An
  /// invariant space is known completely, whatever number of steps it took.
  std::int64_t steps_known() const { return pending() == 0 ? done_ : complete_steps_; }
  bool is_first_cycle() const noexcept { return first_cycle_; }
  const std::vector<LanczosRecurrence>& known_recurrences() const noexcept { return recurrences_; }
  void end_recurrences();

  std::int64_t capacity_;
  Basis<T> basis_;
  Matrix<double> h_;
  std::int64_t done_ = 0;
  std::int64_t width_ = 1;  // vectors that the process began with
  RandomState random_;
  RandomStart<T> start_;

 private:
  std::int64_t products_ = 0;
  std::int64_t reads_ = 0;
  bool first_cycle_ = true;
  std::int64_t complete_steps_ = 0;
  std::vector<LanczosRecurrence> recurrences_;
};

extern template class KrylovProcess<float>;
extern template class KrylovProcess<double>;

}  // namespace sigmax
