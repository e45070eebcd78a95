#include "sigmax/ops/sparse.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

using Indices = std::vector<std::int64_t>;

template <class Call>
void expect_error(const std::string& text, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error: " << text;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(Sparse, SortsItsPlacesByRowsAndByColumns) {
  const SparseMatrix a({3, 4}, Indices{2, 0, 2, 0, 1}, Indices{3, 1, 0, 0, 3}, std::vector<double>{1, 2, 3, 4, 5});
  const auto list = [](const auto& span) { return Indices(span.begin(), span.end()); };
  EXPECT_EQ(list(a.pattern->by_rows().begin), (Indices{0, 2, 3, 5}));
  EXPECT_EQ(list(a.pattern->by_rows().column), (Indices{0, 1, 3, 0, 3}));
  EXPECT_EQ(list(a.pattern->given()), (Indices{3, 1, 4, 2, 0}));
  EXPECT_EQ(a.values, (std::vector<double>{4, 2, 5, 3, 1}));
  EXPECT_EQ(list(a.pattern->by_columns().begin), (Indices{0, 2, 3, 3, 5}));
  EXPECT_EQ(list(a.pattern->by_columns().column), (Indices{0, 2, 0, 1, 2}));
  EXPECT_EQ(list(a.pattern->from_rows()), (Indices{0, 3, 1, 2, 4}));
  EXPECT_EQ(a.pattern->empty_rows(), 0);
  EXPECT_EQ(a.pattern->empty_columns(), 1);
}

TEST(Sparse, NamesThePlaceThatItRefuses) {
  const std::vector<double> two{1, 2};
  expect_error("place (1, 2) is given twice", [&] { SparseMatrix({2, 3}, Indices{1, 1}, Indices{2, 2}, two); });
  expect_error("place 1 is (0, 3), outside of a 2x3 matrix", [&] {
    SparseMatrix({2, 3}, Indices{0, 0}, Indices{0, 3}, two);
  });
  expect_error("place 0 is (-1, 0)", [&] { SparseMatrix({2, 3}, Indices{-1, 0}, Indices{0, 0}, two); });
  expect_error("2 row indices for 1 column", [&] { SparseMatrix({2, 3}, Indices{1, 1}, Indices{2}, two); });
  expect_error("2 values for 1 places", [&] { SparseMatrix({2, 3}, Indices{1}, Indices{2}, two); });
  expect_error("each side must be between", [&] { SparseMatrix({-1, 3}, Indices{}, Indices{}, {}); });
  expect_error("each side must be between", [&] {
    SparseMatrix({std::int64_t{1} << 31, 3}, Indices{}, Indices{}, {});
  });
  expect_error("the pattern is null", [&] { SparseMatrix(nullptr, two); });
}

TEST(Sparse, HasNoFloatFormBeyondTheRangeOfFloat) {
  const Indices zero{0};
  EXPECT_NE(sparse<double>(SparseMatrix({1, 1}, zero, zero, std::vector<double>{3}))->in_single(), nullptr);
  EXPECT_EQ(sparse<double>(SparseMatrix({1, 1}, zero, zero, std::vector<double>{1e30}))->in_single(), nullptr);
  EXPECT_EQ(sparse<double>(SparseMatrix({1, 1}, zero, zero, std::vector<double>{1e-30}))->in_single(), nullptr);
}

}  // namespace
}  // namespace sigmax
