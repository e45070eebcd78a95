// What every form of the Lanczos process has: a basis, its start, restarts, counters, recurrences. Internal to svd/.
//
// A form keeps orthonormal vectors V and multiplies them with its operator, one after another or several together. The
// first done() of them have been multiplied, the others are pending. What a product holds along V are the coefficients
// H, and what V leaves of it becomes the next vector:
//
//     gram_lanczos     C V_done = V H
//     golub_kahan      A P_done = Q B,  A^T Q = P H     with P for V
//     block_lanczos    C V_done = V H                   a block at a time
//
// Coefficients come from the orthogonalization, so that a restart, a block to start from or another vector put in needs
// no formula of its own. A remainder that is rounding is dropped. A form adds multiply() (or step()), ritz(), and what
// a restart changes of its own.
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

  /// Begins with `width` vectors of independent standard normals. What follows from each is recorded.
  void start_random(std::int64_t width);

  /// Begins with those columns that are independent, `width` of them at most.
  void start_from(MatrixView<const T> start, std::int64_t width);

  /// Puts in another random vector, orthogonal to all that are there.
  void inject();

  /// What the random start tells of C, up to the first restart or injection.
  std::vector<LanczosRecurrence> recurrences();

 protected:
  /// `room` vectors of n entries: the capacity and what may be pending behind it. H has `columns` columns.
  KrylovProcess(std::int64_t n, std::int64_t capacity, std::int64_t room, std::int64_t columns,
                const RandomState& random, Context& context);
  virtual ~KrylovProcess() = default;

  /// The recurrences of start() as far as they are known now. A form that has none returns nothing.
  virtual std::vector<LanczosRecurrence> read_recurrences() { return {}; }

  /// Counts products with the first `width` pending vectors, before their results join.
  void count(std::int64_t width, std::int64_t reads);

  /// The vector in `slot`, at or behind count(), moves there, orthogonal to V. It has components along the vectors
  /// around `middle`, and rounding along the others (Basis::remove). Its coefficients go into `column` of H. Returns
  /// the norm of what is left.
  double orthogonalize(std::int64_t slot, std::int64_t middle, std::int64_t column);

  /// What orthogonalize() left is pending from now on, unless it is at most `rounding`, or V spans the space.
  void join(double left, std::int64_t column, double rounding);

  /// First half of a thick restart: H becomes diag(values) with the rows H_pending X. Ends the recurrences.
  void reduce(std::span<const double> values, MatrixView<const double> x);
  /// Second half: V_done becomes V_done Y; what is pending stays behind it.
  void compress(MatrixView<const double> y);

  /// (H y)_p for the last components of y; those before do not matter where H_p is zero.
  double coupling(std::int64_t p, std::span<const double> y) const;
  /// |H_pending y|, the residual of the Ritz vector V_done y.
  double residual_of(std::span<const double> y) const;

  /// Steps of the first cycle that multiplied all that was pending: as far as recurrences go. An invariant space is
  /// known in whole, whatever the steps that it took.
  std::int64_t steps_known() const { return pending() == 0 ? done_ : complete_steps_; }
  bool is_first_cycle() const noexcept { return first_cycle_; }
  const std::vector<LanczosRecurrence>& known_recurrences() const noexcept { return recurrences_; }
  void end_recurrences();

  std::int64_t capacity_;
  Basis<T> basis_;
  Matrix<double> h_;
  std::int64_t done_ = 0;
  std::int64_t width_ = 1;  // vectors begun with
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
