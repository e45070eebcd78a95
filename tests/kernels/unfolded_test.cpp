// Products of unfolded weights against long double, for every instruction set, layout and storage type.
#include "sigmax/kernels/unfolded.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "nn/samples.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using nn::Real80;
using nn::Sample;
using nn::Vector80;

Vector80 magnitudes(Vector80 x) {
  for (Real80& value : x) value = std::fabs(value);
  return x;
}

template <class T>
void expect_within(const std::vector<T>& found, const Vector80& wanted, const Vector80& terms, std::int64_t k,
                   const std::string& what) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_LE(std::fabs(found[i] - wanted[i]), tolerance::gamma_in<T>(k) * terms[i]) << what << " entry " << i;
  }
}

template <class T>
void check(const Sample& sample, const std::string& what) {
  Context context(2);
  const UnfoldedMatrix w = sample.weight();
  const std::vector<T> u = nn::unit_vector<T>(w.rows, 3), v = nn::unit_vector<T>(w.columns(), 4);
  std::vector<T> t(u.size()), x(v.size()), t2(u.size()), x2(v.size());
  unfolded_multiply<T>(w, v, t, context);
  unfolded_multiply_transposed<T>(w, u, x, context);
  unfolded_gram<T>(w, v, t2, x2, context);
  const Vector80 a = sample.matrix(), u80 = nn::in_80(u), v80 = nn::in_80(v);
  const Vector80 a_abs = magnitudes(a), t_abs = nn::multiply_80(a_abs, magnitudes(v80));
  // One more term if f64 entries are rounded to float first.
  const std::int64_t rows = w.rows + 1, columns = w.columns() + 1;
  expect_within(t, nn::multiply_80(a, v80), t_abs, columns, what + " W v");
  expect_within(x, nn::transposed_80(a, u80), nn::transposed_80(a_abs, magnitudes(u80)), rows, what + " W^T u");
  expect_within(t2, nn::multiply_80(a, v80), t_abs, columns, what + " W v of both");
  expect_within(x2, nn::transposed_80(a, nn::multiply_80(a, v80)), nn::transposed_80(a_abs, t_abs), rows + columns,
                what + " W^T W v");
}

TEST(Unfolded, ProductsHoldTheirErrorBoundOnEveryInstructionSet) {
  gallery::for_each_simd_target([](const std::string& target) {
    for (const nn::Layout& layout : nn::layouts()) {
      const bool large = *element_count(layout.shape) > 10000;
      for (const DType dtype : gallery::kStorageTypes) {
        const Sample sample(dtype, layout.shape, layout.dimension);
        check<float>(sample, target + " float " + sample.what());
        if (!large) check<double>(sample, target + " double " + sample.what());
      }
    }
  });
}

TEST(Unfolded, EveryLengthOfRunIsServed) {
  for (std::int64_t inner = 1; inner <= 70; ++inner) {
    const Sample sample(DType::f32, {6, 5, inner}, 1);
    check<float>(sample, sample.what());
    check<double>(sample, sample.what());
  }
}

// A view of some rows keeps the strides of the weight.
TEST(Unfolded, PartsOfWeightsAreReadAlone) {
  Context context(1);
  for (const std::int64_t inner : {1, 3, 70}) {
    const Sample sample(DType::f64, {4, 9, inner}, 1);
    UnfoldedMatrix part = sample.weight();
    part.data = part.run(2, 0);
    part.rows = 3;
    const std::vector<double> v = nn::unit_vector<double>(part.columns(), 4);
    std::vector<double> t(3), all(9);
    unfolded_multiply<double>(part, v, t, context);
    unfolded_multiply<double>(sample.weight(), v, all, context);
    const std::vector<double> u = nn::unit_vector<double>(3, 5);
    std::vector<double> x(v.size()), padded(9), wanted(v.size());
    std::copy(u.begin(), u.end(), padded.begin() + 2);
    unfolded_multiply_transposed<double>(part, u, x, context);
    unfolded_multiply_transposed<double>(sample.weight(), padded, wanted, context);
    const double allowed = tolerance::of_matrix(9, part.columns(), static_cast<double>(nn::norm_80(sample.matrix())));
    for (std::size_t i = 0; i < t.size(); ++i) EXPECT_NEAR(t[i], all[i + 2], allowed);
    for (std::size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], wanted[j], allowed);
  }
}

TEST(Unfolded, EmptyWeightsGiveZeros) {
  Context context(1);
  UnfoldedMatrix none{DType::f32, nullptr, 3, 0, 4, 4, 12};
  std::vector<float> t(3, 7.0F), x;
  unfolded_multiply<float>(none, x, t, context);
  EXPECT_EQ(t, std::vector<float>(3, 0.0F));
  none = {DType::f32, nullptr, 0, 2, 4, 4, 0};
  std::vector<float> wide(8, 7.0F);
  unfolded_multiply_transposed<float>(none, x, wide, context);
  EXPECT_EQ(wide, std::vector<float>(8, 0.0F));
}

}  // namespace
}  // namespace sigmax::kernels
