// Shared by the tests of penalties and of proximal maps: the penalties that have both, invalid weights, and results in
// float compared with those in double.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "grad/norm_cases.hpp"
#include "sigmax/nn/penalty.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {

using gradient_cases::distance;
using gradient_cases::Known;
using gradient_cases::norm2;

template <class Penalties>
struct Line {
  std::string name;
  Penalties penalty;
};

/// The penalties that are a variant of both kinds, and those given.
template <class Penalties>
std::vector<Line<Penalties>> lines_and(std::vector<Line<Penalties>> others) {
  std::vector<Line<Penalties>> all = {
      {"squared frobenius", penalty::SquaredFrobenius{}},
      {"frobenius", penalty::Frobenius{}},
      {"nuclear", penalty::Nuclear{}},
      {"spectral", penalty::Spectral{}},
  };
  for (Line<Penalties>& line : others) all.push_back(std::move(line));
  return all;
}

/// The same values in other layouts: the columns side by side, and with gaps between the entries.
inline std::vector<Tensor> other_layouts(DType dtype, std::int64_t rows, std::int64_t columns,
                                         const std::vector<double>& values) {
  return {gallery::column_major(dtype, rows, columns, values), gallery::gapped(dtype, rows, columns, values)};
}

/// With an entry that is not finite, without entries, and not a matrix: no call accepts them.
inline std::vector<Tensor> no_weights() {
  return {Tensor::copy_of(std::vector<double>{1, NAN, 3, 4}, {2, 2}),
          Tensor::copy_of(std::vector<double>{1, 2, INFINITY, 4}, {2, 2}),
          Tensor::copy_of(std::vector<double>{}, {0, 2}), Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {4})};
}

/// Each of `single` is base + wanted, rounded once.
inline void expect_rounded(std::span<const float> single, std::span<const double> wanted, double base,
                           const std::string& what) {
  ASSERT_EQ(single.size(), wanted.size());
  for (std::size_t i = 0; i < single.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(single[i]), base + wanted[i], tolerance::relative_in<float>(1, 1, 1)) << what;
  }
}

}  // namespace sigmax::nn
