#include "sigmax/kernels/column_groups.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

std::vector<double> random_numbers(std::int64_t count, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  static_cast<void>(fill_normal(random_state(seed), std::span<double>(values)));
  return values;
}

TEST(ColumnGroups, HaveTheInnerProductsOfTheColumnsAndZerosInThePadding) {
  for (const std::int64_t rows : {1, 7, 64}) {
    for (const std::int64_t columns : {1, 15, 16, 17, 90}) {
      const std::int64_t groups = (columns + 15) / 16;
      const std::int64_t order = 16 * groups;
      const std::vector<double> a = random_numbers(rows * columns, 1);
      const std::vector<double> b = random_numbers(rows * columns, 2);
      std::vector<double> of_a(static_cast<std::size_t>(column_groups_size(rows, columns)));
      std::vector<double> of_b(of_a.size());
      group_columns(a.data(), rows, columns, of_a.data());
      group_columns(b.data(), rows, columns, of_b.data());
      std::vector<double> c(static_cast<std::size_t>(order * order), 1.0);
      const std::int64_t untouched = groups > 1 ? 1 : 0;  // rows of the first group
      add_column_products(of_a.data(), of_b.data(), rows, untouched, groups, 0, groups, c.data(), order);
      for (std::int64_t j = 0; j < order; ++j) {
        for (std::int64_t i = 0; i < order; ++i) {
          const bool counts = i >= 16 * untouched && i < columns && j < columns;
          long double sum = 1;
          long double magnitudes = 1;
          for (std::int64_t k = 0; counts && k < rows; ++k) {
            const long double term = static_cast<long double>(a[static_cast<std::size_t>(k + i * rows)]) *
                                     static_cast<long double>(b[static_cast<std::size_t>(k + j * rows)]);
            sum += term;
            magnitudes += std::fabs(term);
          }
          const long double allowed = counts ? tolerance::gamma_in<double>(rows + 1) * magnitudes : 0.0L;
          ASSERT_LE(std::fabs(static_cast<long double>(c[static_cast<std::size_t>(i + j * order)]) - sum), allowed)
              << i << " " << j;
        }
      }
    }
  }
}

}  // namespace
}  // namespace sigmax::kernels
