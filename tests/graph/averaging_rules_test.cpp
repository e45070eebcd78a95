#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "graph/rule_builder.hpp"

namespace sigmax::graph::testing {
namespace {

using List = std::vector<std::int64_t>;

/// ONNX's text: the extents of the output by the size of the padded image, windows that begin beyond it left out; the
/// divisor counts entries, or with count_include_pad the entries and the padding, but nothing beyond it.
struct Pool {
  List kernel, strides, dilations, pads;
  bool ceil_mode = false;
  bool counts_padding = false;

  std::int64_t reach(std::size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }

  std::int64_t output(std::size_t axis, std::int64_t n) const {
    const double room = static_cast<double>(n + pads[axis] + pads[axis + 2] - reach(axis));
    const double steps = room / static_cast<double>(strides[axis]);
    auto count = static_cast<std::int64_t>(ceil_mode ? std::ceil(steps) : std::floor(steps)) + 1;
    while (ceil_mode && (count - 1) * strides[axis] >= n + pads[axis]) --count;
    return count;
  }

  Definition definition(const Dimensions& x, const Dimensions& y) const {
    return [this, x, y](std::int64_t i, const auto& add) {
      const Dimensions at = coordinates(i, y);
      std::vector<std::int64_t> inside;
      int count = 0;
      for (std::int64_t p = 0; p < kernel[0]; ++p) {
        for (std::int64_t q = 0; q < kernel[1]; ++q) {
          const std::int64_t row = at[2] * strides[0] + p * dilations[0] - pads[0];
          const std::int64_t column = at[3] * strides[1] + q * dilations[1] - pads[1];
          const bool is_entry = row >= 0 && row < x[2] && column >= 0 && column < x[3];
          const bool is_padded = row < x[2] + pads[2] && column < x[3] + pads[3];
          if (is_entry) inside.push_back(entry_at({at[0], at[1], row, column}, x));
          if (is_entry || (counts_padding && is_padded)) ++count;
        }
      }
      for (const std::int64_t entry : inside) add(entry, 1.0L / count);
      return 0.0;
    };
  }
};

TEST(AveragingRules, AveragePoolIsItsDefinitionForAnyWindow) {
  std::mt19937_64 random(5);
  const auto pick = [&](int count) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(count)); };
  int checked = 0;
  while (checked < 120) {
    Pool pool;
    for (int axis = 0; axis < 2; ++axis) {
      pool.kernel.push_back(1 + pick(4));
      pool.strides.push_back(1 + pick(3));
      pool.dilations.push_back(1 + pick(2));
    }
    for (std::size_t k = 0; k < 4; ++k) pool.pads.push_back(pick(static_cast<int>(pool.kernel[k % 2])));
    pool.ceil_mode = pick(2) == 0;
    pool.counts_padding = pick(2) == 0;
    const Dimensions x{1 + pick(2), 2, 3 + pick(5), 3 + pick(5)};
    Dimensions y = x;
    bool fits = true;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      fits = fits && pool.reach(axis) <= x[axis + 2] + pool.pads[axis] + pool.pads[axis + 2];
      y[axis + 2] = pool.output(axis, x[axis + 2]);
    }
    // A dilated window may have nothing but padding.
    RuleBuilder builder("AveragePool");
    builder.data(x)
        .set("kernel_shape", pool.kernel)
        .set("strides", pool.strides)
        .set("dilations", pool.dilations)
        .set("pads", pool.pads)
        .set("ceil_mode", pool.ceil_mode ? 1 : 0)
        .set("count_include_pad", pool.counts_padding ? 1 : 0);
    if (!fits) {
      EXPECT_NE(refusal_of(builder).find("has a window of"), std::string::npos);
      continue;
    }
    RuleBuilder tried = builder;
    if (refusal_of(tried) == "averages a window without entries") continue;
    expect_map(builder, y, pool.definition(x, y));
    if (HasFailure()) return;
    ++checked;
  }
}

TEST(AveragingRules, AutoPadPadsWhereItsNameSays) {
  const Dimensions x{1, 1, 6, 7};
  for (const bool upper : {true, false}) {
    Pool pool{{3, 4}, {2, 3}, {1, 1}, {0, 0, 0, 0}, false, false};
    // 3 outputs of 6: 2 * 2 + 3 - 6 = 1; 3 of 7: 2 * 3 + 4 - 7 = 3.
    pool.pads = upper ? List{0, 1, 1, 2} : List{1, 2, 0, 1};
    RuleBuilder builder("AveragePool");
    builder.data(x)
        .set("kernel_shape", pool.kernel)
        .set("strides", pool.strides)
        .set("auto_pad", upper ? "SAME_UPPER" : "SAME_LOWER");
    expect_map(builder, {1, 1, 3, 3}, pool.definition(x, {1, 1, 3, 3}));
  }
}

TEST(AveragingRules, AveragePoolHasTheNormOfItsAxes) {
  // Windows that tile the image: 1 / sqrt(k) an axis.
  RuleBuilder tiling("AveragePool");
  tiling.data({1, 3, 6, 8}).set("kernel_shape", List{3, 2}).set("strides", List{3, 2});
  expect_norm(tiling, 1 / std::sqrt(6.0));
  RuleBuilder whole("GlobalAveragePool");
  whole.data({2, 3, 5, 7});
  expect_norm(whole, 1 / std::sqrt(35.0));
  RuleBuilder mean("ReduceMean");
  mean.data({4, 5, 6}).list({0, 2});
  expect_norm(mean, 1 / std::sqrt(24.0));
  RuleBuilder sum("ReduceSum");
  sum.data({4, 5, 6}).list({1, 2});
  expect_norm(sum, std::sqrt(30.0));
}

TEST(AveragingRules, ReductionsAreSumsOverTheirAxes) {
  const Dimensions x{2, 3, 4, 2};
  for (const bool mean : {true, false}) {
    for (const bool keeps : {true, false}) {
      for (const List& axes : {List{1}, List{-1, 0}, List{1, 2}, List{0, 2}, List{}}) {
        RuleBuilder builder(mean ? "ReduceMean" : "ReduceSum");
        builder.data(x).list(axes).set("keepdims", keeps ? 1 : 0);
        std::vector<bool> gone(4, axes.empty());
        for (const std::int64_t axis : axes) gone[static_cast<std::size_t>((axis + 4) % 4)] = true;
        Dimensions y, kept;
        long double count = 1;
        for (std::size_t axis = 0; axis < 4; ++axis) {
          if (gone[axis]) count *= static_cast<long double>(x[axis]);
          kept.push_back(gone[axis] ? 1 : x[axis]);
          if (!gone[axis] || keeps) y.push_back(kept.back());
        }
        expect_map(builder, y, [&](std::int64_t i, const auto& add) {
          for (std::int64_t e = 0; e < 48; ++e) {
            Dimensions at = coordinates(e, x);
            for (std::size_t axis = 0; axis < 4; ++axis) at[axis] = gone[axis] ? 0 : at[axis];
            if (entry_at(at, kept) == i) add(e, mean ? 1 / count : 1.0L);
          }
          return 0.0;
        });
      }
    }
  }
  RuleBuilder as_it_is("ReduceSum");
  as_it_is.data({3}).set("noop_with_empty_axes", 1);
  EXPECT_EQ(as_it_is.run()[0].node, Index{0});
  RuleBuilder old("ReduceMean", 13);
  old.data({2, 3}).set("axes", List{1});
  EXPECT_EQ(old.run()[0].shape, (Dimensions{2, 1}));
}

TEST(AveragingRules, CumSumAddsFromItsEnd) {
  const Dimensions x{2, 5, 3};
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      RuleBuilder builder("CumSum");
      builder.data(x).integers_at({-2}, {}).set("exclusive", exclusive ? 1 : 0).set("reverse", reverse ? 1 : 0);
      expect_map(builder, x, [&](std::int64_t i, const auto& add) {
        Dimensions at = coordinates(i, x);
        const std::int64_t own = at[1];
        for (at[1] = 0; at[1] < 5; ++at[1]) {
          const bool is_before = reverse ? at[1] > own : at[1] < own;
          if (is_before || (at[1] == own && !exclusive)) add(entry_at(at, x), 1);
        }
        return 0.0;
      });
    }
  }
  for (const std::int64_t n : {1, 4, 30}) {
    RuleBuilder norm("CumSum");
    norm.data({2, n}).integers_at({1}, {});
    expect_norm(norm, 1 / (2 * std::sin(std::numbers::pi / static_cast<double>(4 * n + 2))));
  }
}

}  // namespace
}  // namespace sigmax::graph::testing
