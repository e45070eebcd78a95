// The random vectors that a Krylov process begins with, and the recurrences that they give. Internal to svd/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/recurrence_reader.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// Fills the columns of x, starting at `first`, with independent standard normals. Returns the next state.
template <Real T>
[[nodiscard]] RandomState fill_normal_columns(RandomState random, MatrixView<T> x, std::int64_t first) {
  std::vector<double> normal(static_cast<std::size_t>(x.rows));
  for (std::int64_t j = first; j < x.columns; ++j) {
    random = fill_normal(random, normal);
    std::ranges::transform(normal, x.column(j).begin(), [](double value) { return static_cast<T>(value); });
  }
  return random;
}

/// Independent vectors g of standard normals, orthonormalized into an empty basis, with their coordinates in it.
template <Real T>
class RandomStart {
 public:
  /// `width` of them, drawn from `random`.
  void draw(Basis<T>& basis, std::int64_t width, RandomState& random) {
    for (std::int64_t j = 0; j < width; ++j) {
      const MatrixView<T> x = basis.next();
      random = fill_normal_columns(random, x, 0);
      LanczosRecurrence recurrence;
      recurrence.drawn = random.drawn;
      recurrence.start_norm = blas1::norm<T>(x.column(0));
      recurrence.unit_roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
      blas1::scale(x.column(0), 1 / recurrence.start_norm);
      std::vector<double> coordinates(static_cast<std::size_t>(j + 1));
      if (j > 0) {
        const double left = basis.remove(x, 0, 0, coordinates);
        if (left <= negligible<T>(basis.order())) {  // it lies in the span: take another direction, unrecorded
          basis.append_random(random);
          continue;
        }
        blas1::scale(x.column(0), 1 / left);
        coordinates.back() = left;
      } else {
        coordinates.front() = 1;
      }
      basis.accept();
      readers_.emplace_back(coordinates, std::move(recurrence));
    }
  }

  /// The recurrence of each vector, from H (recurrence_reader.hpp), as far as it goes.
  std::vector<LanczosRecurrence> recurrences(MatrixView<const double> h, std::int64_t count, std::int64_t done,
                                             std::int64_t steps) {
    std::vector<LanczosRecurrence> result;
    for (RecurrenceReader& reader : readers_) {
      reader.extend(h, count, done, steps);
      result.push_back(reader.recurrence());
    }
    return result;
  }

 private:
  std::vector<RecurrenceReader> readers_;
};

}  // namespace sigmax
