// The random vectors that a Krylov process begins with, and what they tell in the end. Internal to svd/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/basis.hpp"
#include "sigmax/svd/projected.hpp"
#include "sigmax/svd/recurrence.hpp"
#include "sigmax/svd/stopping.hpp"

namespace sigmax {

/// Independent vectors g of standard normals, orthonormalised into an empty basis, with their coordinates in it.
template <Real T>
class RandomStart {
 public:
  /// `width` of them, drawn from `random`.
  void draw(Basis<T>& basis, std::int64_t width, RandomState& random) {
    std::vector<double> normal(static_cast<std::size_t>(basis.order()));
    for (std::int64_t j = 0; j < width; ++j) {
      random = fill_normal(random, normal);
      const MatrixView<T> x = basis.next();
      std::transform(normal.begin(), normal.end(), x.data, [](double value) { return static_cast<T>(value); });
      Vector vector;
      vector.drawn = random.drawn;
      vector.norm = blas1::norm<T>(x.column(0));
      blas1::scale(x.column(0), 1 / vector.norm);
      vector.coordinates.resize(static_cast<std::size_t>(j + 1));
      if (j > 0) {
        const double left = basis.remove(x, 0, 0, vector.coordinates);
        if (left <= negligible<T>(basis.order())) {  // it lies in the span: another direction, which is not recorded
          basis.append_random(random);
          continue;
        }
        blas1::scale(x.column(0), 1 / left);
        vector.coordinates.back() = left;
      } else {
        vector.coordinates.front() = 1;
      }
      basis.accept();
      vectors_.push_back(std::move(vector));
    }
  }

  /// The recurrence of each, out of H (projected.hpp), once.
  std::vector<LanczosRecurrence> take_recurrences(MatrixView<const double> h, std::int64_t count, std::int64_t done,
                                                  std::int64_t steps) {
    std::vector<LanczosRecurrence> result;
    for (const Vector& vector : std::exchange(vectors_, {})) {
      LanczosRecurrence& recurrence = result.emplace_back();
      recurrence.start_norm = vector.norm;
      recurrence.drawn = vector.drawn;
      recurrence.unit_roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
      record_recurrence(h, count, done, steps, vector.coordinates, recurrence);
    }
    return result;
  }

 private:
  struct Vector {
    double norm = 0;
    bool drawn = false;
    std::vector<double> coordinates;
  };
  std::vector<Vector> vectors_;
};

}  // namespace sigmax
