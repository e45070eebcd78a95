#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "graph/rule_builder.hpp"

namespace sigmax::graph::testing {
namespace {

using List = std::vector<std::int64_t>;

/// One axis by ONNX's text, in long double.
struct Axis {
  std::int64_t n = 1;
  std::int64_t m = 1;
  long double scale = 1;
  std::string mode = "nearest";
  std::string coordinates = "half_pixel";
  std::string rounding = "round_prefer_floor";
  long double a = -0.75L;
  bool excludes = false;

  long double coordinate(std::int64_t at) const {
    const long double x = at, length = n, resized = m;
    if (coordinates == "asymmetric") return x / scale;
    if (coordinates == "align_corners") return m == 1 ? 0 : x * (length - 1) / (resized - 1);
    if (coordinates == "pytorch_half_pixel") return m > 1 ? (x + 0.5L) / scale - 0.5L : 0;
    if (coordinates == "tf_half_pixel_for_nn") return (x + 0.5L) / scale;
    if (coordinates == "half_pixel_symmetric") {
      const long double adjustment = resized / (scale * length);
      return length / 2 * (1 - adjustment) + (x + 0.5L) / scale - 0.5L;
    }
    return (x + 0.5L) / scale - 0.5L;
  }

  std::vector<long double> row(std::int64_t at) const { return row_at(coordinate(at)); }

  std::vector<long double> row_at(long double x) const {
    std::vector<long double> weights(static_cast<std::size_t>(n));
    const auto add = [&](long double place, long double weight) {
      weights[static_cast<std::size_t>(std::clamp<long double>(place, 0, static_cast<long double>(n - 1)))] += weight;
    };
    if (mode == "nearest") {
      long double place = std::ceil(x - 0.5L);
      if (rounding == "round_prefer_ceil") place = std::floor(x + 0.5L);
      if (rounding == "floor") place = std::floor(x);
      if (rounding == "ceil") place = std::ceil(x);
      add(place, 1);
      return weights;
    }
    const long double first = std::floor(x);
    long double sum = 0;
    const int reach = mode == "linear" ? 1 : 2;
    for (int k = 1 - reach; k <= reach; ++k) {
      const long double place = first + k;
      const long double t = std::fabs(x - place);
      long double weight = 1 - t;
      if (mode == "cubic") {
        weight = t <= 1 ? (a + 2) * t * t * t - (a + 3) * t * t + 1 : a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a;
        if (excludes && (place < 0 || place > static_cast<long double>(n - 1))) continue;
      }
      sum += weight;
      add(place, weight);
    }
    for (long double& weight : weights) weight /= sum;
    return weights;
  }
};

/// Axes 2 and 3 of [2, 1, n, n'].
void expect_resized(RuleBuilder& builder, const Axis& rows, const Axis& columns) {
  const Dimensions x{2, 1, rows.n, columns.n}, y{2, 1, rows.m, columns.m};
  expect_map(builder, y, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, y);
    const auto of_rows = rows.row(at[2]), of_columns = columns.row(at[3]);
    for (std::int64_t p = 0; p < rows.n; ++p) {
      for (std::int64_t q = 0; q < columns.n; ++q) {
        add(entry_at({at[0], 0, p, q}, x),
            of_rows[static_cast<std::size_t>(p)] * of_columns[static_cast<std::size_t>(q)]);
      }
    }
    return 0.0;
  });
}

RuleBuilder resize_by_scales(const Axis& rows, const Axis& columns) {
  RuleBuilder builder("Resize");
  builder.data({2, 1, rows.n, columns.n})
      .absent()
      .numbers({1, 1, static_cast<double>(rows.scale), static_cast<double>(columns.scale)}, {4})
      .set("mode", rows.mode)
      .set("coordinate_transformation_mode", rows.coordinates)
      .set("nearest_mode", rows.rounding);
  return builder;
}

RuleBuilder resize_to_sizes(const Axis& rows, const Axis& columns) {
  RuleBuilder builder("Resize");
  builder.data({2, 1, rows.n, columns.n})
      .absent()
      .absent()
      .list({2, 1, rows.m, columns.m})
      .set("mode", rows.mode)
      .set("coordinate_transformation_mode", rows.coordinates)
      .set("cubic_coeff_a", static_cast<double>(rows.a))
      .set("exclude_outside", rows.excludes ? 1 : 0);
  return builder;
}

const char* const kCoordinates[] = {"half_pixel",           "pytorch_half_pixel",   "align_corners",
                                    "tf_half_pixel_for_nn", "half_pixel_symmetric", "asymmetric"};

// Scales by powers of two, where long double is exact, ties included.
TEST(ResizingRules, NearestChoosesByEachOfItsRoundings) {
  for (const char* coordinates : kCoordinates) {
    for (const char* rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
      for (const double scale : {0.5, 2.0, 4.0, 1.5, 0.75}) {
        SCOPED_TRACE(std::string(coordinates) + " " + rounding + " " + std::to_string(scale));
        // With 1.5 and 0.75 coordinates are thirds: no ties for 5 entries except exact ones.
        Axis rows{5, static_cast<std::int64_t>(5 * scale), scale, "nearest", coordinates, rounding};
        Axis columns{4, 8, 2, "nearest", coordinates, rounding};
        if (scale == 1.5 && std::string(coordinates) != "asymmetric") continue;
        if (std::string(coordinates) == "align_corners" && rows.m != 5 * scale) continue;
        RuleBuilder builder = resize_by_scales(rows, columns);
        expect_resized(builder, rows, columns);
      }
    }
  }
}

TEST(ResizingRules, LinearAndCubicHaveTheirWeights) {
  for (const char* coordinates : kCoordinates) {
    if (std::string(coordinates) == "tf_half_pixel_for_nn") continue;
    for (const std::string mode : {"linear", "cubic"}) {
      for (const auto& [n, m] :
           {std::pair(5, 13), std::pair(7, 3), std::pair(4, 1), std::pair(1, 6), std::pair(6, 6)}) {
        SCOPED_TRACE(std::string(coordinates) + " " + mode + " " + std::to_string(n) + " to " + std::to_string(m));
        Axis rows{n, m, static_cast<long double>(m) / n, mode, coordinates};
        Axis columns{3, 7, 7.0L / 3, mode, coordinates};
        if (mode == "cubic") rows.a = columns.a = -0.5L;
        RuleBuilder builder = resize_to_sizes(rows, columns);
        expect_resized(builder, rows, columns);
        if (mode == "cubic") {
          rows.excludes = columns.excludes = true;
          RuleBuilder excluding = resize_to_sizes(rows, columns);
          expect_resized(excluding, rows, columns);
        }
      }
      if (std::string(coordinates) == "align_corners") continue;
      // A scale as a file has it: a float. The cubes of its digits do not fit into an integer.
      Axis rows{6, 9, static_cast<double>(1.6F), mode, coordinates};
      Axis columns{3, 8, static_cast<double>(2.7F), mode, coordinates};
      RuleBuilder builder = resize_by_scales(rows, columns);
      expect_resized(builder, rows, columns);
    }
  }
}

// Coordinates start (n - 1) + x (end - start) (n - 1) / (m - 1); what is outside of the input is 0.
TEST(ResizingRules, CropAndResizeTakesARegion) {
  for (const std::string mode : {"nearest", "linear", "cubic"}) {
    for (const auto& [start, end] : {std::pair(0.25, 0.75), std::pair(-0.125, 1.25), std::pair(1.0, 0.0),
                                     std::pair(static_cast<double>(0.1F), static_cast<double>(0.7F))}) {
      for (const std::int64_t m : {1, 4, 9}) {
        SCOPED_TRACE(mode + " " + std::to_string(start) + " to " + std::to_string(end) + ", " + std::to_string(m));
        const std::int64_t n = 6;
        RuleBuilder builder("Resize");
        builder.data({n}).numbers({start, end}, {2}).absent().list({m}).set("mode", mode);
        builder.set("coordinate_transformation_mode", "tf_crop_and_resize");
        Axis axis{n, m, 1, mode, "asymmetric"};  // of scale 1: a row at any coordinate
        expect_map(builder, {m}, [&, from = start, to = end](std::int64_t i, const auto& add) {
          const long double length = n - 1, a = from, b = to;
          const long double at =
              m == 1 ? (a + b) / 2 * length : a * length + static_cast<long double>(i) * (b - a) * length / (m - 1);
          if (at < 0 || at > length) return 0.0;
          const auto weights = axis.row_at(at);
          for (std::int64_t k = 0; k < n; ++k) add(k, weights[static_cast<std::size_t>(k)]);
          return 0.0;
        });
      }
    }
  }
  RuleBuilder filled("Resize");
  filled.data({4}).numbers({0, 2}, {2}).absent().list({3}).set("extrapolation_value", 1.0);
  filled.set("coordinate_transformation_mode", "tf_crop_and_resize");
  EXPECT_NE(refusal_of(filled).find("extrapolation"), std::string::npos);
}

TEST(ResizingRules, NormsAreThoseOfTheAxes) {
  RuleBuilder nearest("Resize");
  nearest.data({1, 1, 5}).absent().numbers({1, 1, 3}, {3}).set("coordinate_transformation_mode", "asymmetric");
  expect_norm(nearest, 2);
  RuleBuilder linear("Resize");
  linear.data({1, 1, 5, 5})
      .absent()
      .absent()
      .list({1, 1, 10, 10})
      .set("mode", "linear")
      .set("coordinate_transformation_mode", "align_corners");
  linear.run();
  const auto& affine = std::get<Affine>(linear.graph.nodes.back().operation);
  EXPECT_NEAR(sigma_max(*affine.map).upper->value(), 2.10, 0.005);
}

TEST(ResizingRules, OldVersionsTakeTheLowerEntry) {
  for (const std::string op : {"Upsample", "Resize"}) {
    RuleBuilder builder(op, op == "Upsample" ? 9 : 10);
    const Axis axis{4, 10, 2.5, "nearest", "asymmetric", "floor"};
    builder.data({2, 1, 4, 4}).numbers({1, 1, 2.5, 2.5}, {4}).set("mode", "nearest");
    expect_resized(builder, axis, axis);
  }
  RuleBuilder seven("Upsample", 7);
  const Axis axis{3, 6, 2, "linear", "asymmetric"};
  seven.data({2, 1, 3, 3}).set("scales", std::vector<double>{1, 1, 2, 2}).set("mode", "linear");
  expect_resized(seven, axis, axis);
  RuleBuilder shrinks("Resize", 10);
  shrinks.data({2, 1, 4, 4}).numbers({1, 1, 0.5, 0.5}, {4});
  EXPECT_NE(refusal_of(shrinks).find("before version 11"), std::string::npos);
}

TEST(ResizingRules, SizesMayKeepTheAspectRatio) {
  for (const bool larger : {false, true}) {
    RuleBuilder builder("Resize");
    builder.data({2, 1, 4, 6})
        .absent()
        .absent()
        .list({10, 9})
        .set("axes", List{2, 3})
        .set("mode", "linear")
        .set("keep_aspect_ratio_policy", larger ? "not_smaller" : "not_larger");
    const long double scale = larger ? 2.5L : 1.5L;
    const Axis rows{4, larger ? 10 : 6, scale, "linear"}, columns{6, larger ? 15 : 9, scale, "linear"};
    expect_resized(builder, rows, columns);
  }
}

TEST(ResizingRules, RefuseWhatTheyDoNotKnow) {
  const auto refusal = [](const char* attribute, const char* value) {
    RuleBuilder builder("Resize");
    builder.data({4}).absent().numbers({0.5}, {1}).set(attribute, value);
    return refusal_of(builder);
  };
  EXPECT_EQ(refusal("mode", "lanczos"), "resizes in mode 'lanczos'");
  EXPECT_EQ(refusal("nearest_mode", "up"), "has the nearest_mode 'up'");
  EXPECT_EQ(refusal("coordinate_transformation_mode", "tf_crop_and_resize"), "has a region of 0 numbers for 1 axes");
  RuleBuilder nearest_only("Resize");
  nearest_only.data({4})
      .absent()
      .numbers({2}, {1})
      .set("mode", "linear")
      .set("coordinate_transformation_mode", "tf_half_pixel_for_nn");
  EXPECT_EQ(refusal_of(nearest_only),
            "interpolates at the coordinates of tf_half_pixel_for_nn, which are for `nearest`");
  RuleBuilder huge("Resize");
  huge.data({4}).absent().numbers({0x1p45}, {1});
  EXPECT_NE(refusal_of(huge).find("64 bits"), std::string::npos) << refusal_of(huge);
  RuleBuilder corners("Resize");
  corners.data({5}).absent().numbers({0.5}, {1}).set("mode", "linear");
  corners.set("coordinate_transformation_mode", "align_corners");
  EXPECT_EQ(refusal_of(corners), "aligns corners of a size that is not whole, which runtimes do in different ways");
  RuleBuilder cubic("Resize");
  cubic.data({4}).absent().numbers({static_cast<double>(1.6F)}, {1}).set("mode", "cubic").set("exclude_outside", 1);
  EXPECT_NE(refusal_of(cubic).find("64 bits"), std::string::npos);
  RuleBuilder antialias("Resize");
  antialias.data({4}).absent().numbers({0.5}, {1}).set("mode", "linear").set("antialias", 1);
  EXPECT_EQ(refusal_of(antialias), "shrinks with antialias");
  RuleBuilder by_data("Resize");
  by_data.data({4}).absent().data({1});
  EXPECT_EQ(refusal_of(by_data), "computes its scales from the input");
  RuleBuilder fine("Resize");
  fine.data({4}).absent().numbers({1e-300}, {1});
  EXPECT_NE(refusal_of(fine).find("64 bits"), std::string::npos);
}

}  // namespace
}  // namespace sigmax::graph::testing
