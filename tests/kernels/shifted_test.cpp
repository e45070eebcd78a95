// Sums of shifted copies against long double, for every instruction set.
#include "sigmax/kernels/shifted.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gallery/normal_in.hpp"
#include "gallery/simd_targets.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::normal_in;

// Runs of many lengths, some of them shorter than a vector, with gaps between them that must stay as they are.
template <Real T>
void check(std::int64_t rows, std::int64_t terms, const std::vector<std::int64_t>& lengths) {
  SCOPED_TRACE(std::to_string(rows) + " rows, " + std::to_string(terms) + " terms");
  const std::vector<T> weights = normal_in<T>(rows * terms, 71);
  std::vector<ShiftedRun> runs;
  std::int64_t from = 0, to = 5;
  for (const std::int64_t length : lengths) {
    runs.push_back({from, to, length});
    from += 2;
    to += length + 3;
  }
  std::vector<std::int64_t> offsets;
  for (std::int64_t k = 0; k < terms; ++k) offsets.push_back(k * 13 % 101);
  const std::int64_t reach = 101 + from + *std::max_element(lengths.begin(), lengths.end());
  const std::vector<T> source = normal_in<T>(reach + shifted_slack<T>(), 72);
  const T untouched = -12345;
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    ShiftedWeights<T> w(rows, terms);
    for (std::int64_t m = 0; m < rows; ++m) {
      for (std::int64_t k = 0; k < terms; ++k) w.at(m, k) = weights[static_cast<std::size_t>(m * terms + k)];
    }
    EXPECT_EQ(w.first_row(0), 0);
    EXPECT_EQ(w.first_row(w.panels()), rows);
    std::vector<T> out(static_cast<std::size_t>(rows * to), untouched);
    // In two halves of panels: the results are those of one call.
    shifted_sums<T>(w, 0, w.panels() / 2, offsets, runs, source.data(), out.data(), to);
    shifted_sums<T>(w, w.panels() / 2, w.panels(), offsets, runs, source.data(), out.data(), to);
    std::vector<T> whole(out.size(), untouched);
    shifted_sums<T>(w, 0, w.panels(), offsets, runs, source.data(), whole.data(), to);
    ASSERT_EQ(out, whole);
    for (std::int64_t m = 0; m < rows; ++m) {
      std::vector<bool> written(static_cast<std::size_t>(to));
      for (const ShiftedRun& run : runs) {
        for (std::int64_t n = 0; n < run.length; ++n) {
          long double sum = 0, magnitude = 0;
          for (std::int64_t k = 0; k < terms; ++k) {
            const long double term =
                static_cast<long double>(weights[static_cast<std::size_t>(m * terms + k)]) *
                source[static_cast<std::size_t>(offsets[static_cast<std::size_t>(k)] + run.from + n)];
            sum += term;
            magnitude += std::fabs(term);
          }
          const T found = out[static_cast<std::size_t>(m * to + run.to + n)];
          ASSERT_LE(std::fabs(found - sum), tolerance::gamma<T>(terms) * magnitude) << m << ' ' << n;
          written[static_cast<std::size_t>(run.to + n)] = true;
        }
      }
      for (std::int64_t n = 0; n < to; ++n) {
        if (!written[static_cast<std::size_t>(n)]) {
          ASSERT_EQ(out[static_cast<std::size_t>(m * to + n)], untouched);
        }
      }
    }
  });
}

TEST(ShiftedSums, AreThoseOfTheirTermsForAnyNumberOfOutputs) {
  for (std::int64_t rows = 1; rows <= 18; ++rows) {
    check<float>(rows, 7, {1, 2, 3, 15, 16, 17, 33, 50});
    check<double>(rows, 7, {1, 2, 3, 7, 8, 9, 17, 50});
  }
}

TEST(ShiftedSums, AreFormedInBlocksOfTerms) {
  for (const std::int64_t terms : {1, 127, 128, 129, 300}) {
    check<float>(10, terms, {70, 4});
    check<double>(3, terms, {70, 4});
  }
}

TEST(ShiftedSums, TakeMoreVectorsThanOneBatch) {
  check<float>(9, 20, {700, 1, 800});
  check<double>(2, 20, {700, 1, 800});
}

// Images of 7x7 leave one position behind their vectors.
TEST(ShiftedSums, MayEndWithOnePositionBehindTheVectors) {
  for (const std::int64_t rows : {7, 8, 16, 19}) {
    check<float>(rows, 130, {49});
    check<double>(rows, 130, {25});
    check<double>(rows, 3, {49});
    check<float>(rows, 3, {16, 16, 1, 16});
  }
}

// The bits of a result are those of its own terms, wherever its run begins.
TEST(ShiftedSums, DoNotDependOnTheRuns) {
  ShiftedWeights<float> w(8, 40);
  const std::vector<float> weights = normal_in<float>(320, 73);
  for (std::int64_t k = 0; k < 320; ++k) w.at(k / 40, k % 40) = weights[static_cast<std::size_t>(k)];
  std::vector<std::int64_t> offsets;
  for (std::int64_t k = 0; k < 40; ++k) offsets.push_back(3 * k);
  const std::vector<float> source = normal_in<float>(600, 74);
  std::vector<float> whole(8 * 400);
  const std::vector<ShiftedRun> one{{0, 0, 400}};
  shifted_sums<float>(w, 0, w.panels(), offsets, one, source.data(), whole.data(), 400);
  for (const std::int64_t length : {25, 49}) {
    std::vector<float> parts(8 * 400);
    for (std::int64_t n = 0; n < 400; n += length) {
      const std::vector<ShiftedRun> part{{n, n, std::min<std::int64_t>(length, 400 - n)}};
      shifted_sums<float>(w, 0, w.panels(), offsets, part, source.data(), parts.data(), 400);
    }
    EXPECT_EQ(whole, parts) << length;
  }
}

TEST(ShiftedSums, OfNoTermsAreZero) {
  const ShiftedWeights<double> w(3, 0);
  std::vector<double> out(60, 1.0);
  const std::vector<ShiftedRun> runs{{0, 0, 20}};
  const std::vector<double> source(20 + static_cast<std::size_t>(shifted_slack<double>()));
  shifted_sums<double>(w, 0, w.panels(), {}, runs, source.data(), out.data(), 20);
  EXPECT_EQ(out, std::vector<double>(60, 0.0));
}

}  // namespace
}  // namespace sigmax::kernels
