// Proximal maps and projections by their definitions: the optimality condition, idempotence, nonexpansiveness, Moreau's
// identity.
#include "sigmax/norms/maps/proximal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/norms/vector.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kExponents[] = {1, 1.0000001, 1.05, 1.5, 2, 3, 20, 1e4, kInfinity};

double distance(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> difference = x;
  for (std::size_t i = 0; i < x.size(); ++i) difference[i] -= y[i];
  return vector_norm(difference, 2);
}

// Errors of the roots are a few roundings of the largest entry; the entries of the maps are Newton's.
double allowed(std::size_t n, double size) { return tolerance::of_matrix(static_cast<std::int64_t>(n), 1, size, 256); }

// X is the map if and only if Y = (A - X) / lambda has <X, Y> = |X| and |Y|_dual <= 1: Y is a subgradient at X.
void expect_optimal(const std::vector<double>& a, const std::vector<double>& x, double p, double lambda,
                    const std::string& what) {
  std::vector<double> y = a;
  for (std::size_t i = 0; i < a.size(); ++i) y[i] = (a[i] - x[i]) / lambda;
  const double slack = allowed(a.size(), vector_norm(a, 2) / lambda);
  const double dual = vector_norm(y, p == 1 ? kInfinity : (std::isinf(p) ? 1 : p / (p - 1)));
  EXPECT_LE(dual, 1 + slack) << what;
  EXPECT_NEAR(inner_product(x, y), vector_norm(x, p), slack * (1 + vector_norm(x, p))) << what;
}

TEST(ProximalP, SatisfiesItsOptimalityCondition) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    std::vector<double> x = gallery::normal(12, seed);
    if (seed % 3 == 0) x[4] = 0;
    if (seed % 4 == 0) x[5] = x[6] = -x[7];
    if (seed % 5 == 0) x[1] *= 1e-9;
    for (const double p : kExponents) {
      for (const double lambda : {1e-6, 0.1, 1.0, 30.0}) {
        const std::vector<double> y = proximal_p(x, p, lambda);
        expect_optimal(x, y, p, lambda, std::to_string(p) + " " + std::to_string(lambda));
      }
    }
  }
}

TEST(ProjectP, IsTheNearestPointOfTheBall) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    const std::vector<double> x = gallery::normal(12, seed);
    for (const double p : kExponents) {
      const double length = vector_norm(x, p);
      for (const double share : {0.0, 1e-3, 0.5, 0.999, 1.0, 2.0}) {
        const double radius = share * length;
        const std::vector<double> y = project_p(x, p, radius);
        const std::string what = std::to_string(p) + " " + std::to_string(share);
        EXPECT_LE(vector_norm(y, p), radius * (1 + tolerance::relative(12, 1, 1, 16))) << what;
        if (share >= 1) {
          EXPECT_EQ(y, x) << what;
        }
        EXPECT_LE(distance(project_p(y, p, radius), y), allowed(12, radius)) << what;
        // <x - y, z - y> <= 0 for every z of the ball.
        for (std::uint64_t other = 1; other <= 5; ++other) {
          const std::vector<double> z = project_p(gallery::normal(12, 100 + other), p, radius);
          std::vector<double> outward = x;
          std::vector<double> inward = z;
          for (std::size_t i = 0; i < x.size(); ++i) {
            outward[i] -= y[i];
            inward[i] -= y[i];
          }
          EXPECT_LE(inner_product(outward, inward), allowed(12, (1 + radius) * vector_norm(x, 2))) << what;
        }
      }
    }
  }
}

TEST(ProjectP, WorksAtEveryScaleAndAtExtremeRatios) {
  const std::vector<double> x = gallery::normal(8, 3);
  for (const double p : kExponents) {
    const std::vector<double> wanted = project_p(x, p, 0.5);
    for (const double unit : {0x1p1000, 0x1p-1000}) {
      std::vector<double> moved = x;
      for (double& value : moved) value *= unit;
      std::vector<double> found = project_p(moved, p, 0.5 * unit);
      for (double& value : found) value /= unit;
      EXPECT_LE(distance(found, wanted), allowed(8, 1)) << p;
    }
    std::vector<double> huge = x;
    for (double& value : huge) value *= 1e300;
    if (p == 1) continue;  // x less a level: accurate to rounding of x
    const std::vector<double> tiny = project_p(huge, p, 1e-300);
    EXPECT_NEAR(vector_norm(tiny, p) / 1e-300, 1, allowed(8, 1)) << p;
  }
}

TEST(KyFanMaps, AreOptimalAndEndInTheBall) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    std::vector<double> x = gallery::normal(9, seed);
    if (seed % 4 == 0) x[5] = x[6] = -x[7];
    for (const std::int64_t k : {1, 3, 8, 9}) {
      const auto value = [&](const std::vector<double>& y) {
        std::vector<double> sorted;
        for (const double one : y) sorted.push_back(std::fabs(one));
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        return vector_norm(std::span(sorted).first(static_cast<std::size_t>(k)), 1);
      };
      for (const double lambda : {0.05, 0.4, 2.0}) {
        const std::vector<double> y = proximal_ky_fan(x, k, lambda);
        std::vector<double> residual = x;
        for (std::size_t i = 0; i < x.size(); ++i) residual[i] = (x[i] - y[i]) / lambda;
        // The dual norm is max(|.|_inf, |.|_1 / k).
        const double slack = allowed(9, 10);
        EXPECT_LE(vector_norm(residual, kInfinity), 1 + slack);
        EXPECT_LE(vector_norm(residual, 1), static_cast<double>(k) + slack);
        EXPECT_NEAR(inner_product(residual, y), value(y), slack * (1 + value(y))) << k << " " << lambda;
      }
      for (const double share : {0.0, 0.01, 0.6, 1.5}) {
        const double radius = share * value(x);
        const std::vector<double> y = project_ky_fan(x, k, radius);
        EXPECT_LE(value(y), radius + allowed(9, value(x)));
        if (share < 1) {
          EXPECT_NEAR(value(y), radius, allowed(9, value(x))) << k << " " << share;
        }
        if (share > 1) {
          EXPECT_EQ(y, x);
        }
        EXPECT_LE(distance(project_ky_fan(y, k, radius), y), allowed(9, value(x)));
      }
    }
  }
}

// By its definition: no point of the ball is nearer, <x - y, z - y> <= 0 for all z of it.
TEST(KyFanMaps, OfPowersEndInTheBallAtEveryScale) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    std::vector<double> x = gallery::normal(9, seed);
    if (seed % 3 == 0) x[5] = x[6] = -x[7];
    if (seed % 4 == 0) x[0] = x[1] = x[2] = x[3] = x[4] = x[8] = 0;
    for (const KyFan n : {KyFan{1, 2}, {3, 1.01}, {3, 2}, {4, 6}, {8, 50}, {9, 1.5}}) {
      const auto value = [&](const std::vector<double>& y) {
        std::vector<double> sorted;
        for (const double one : y) sorted.push_back(std::fabs(one));
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        return vector_norm(std::span(sorted).first(static_cast<std::size_t>(n.k)), n.p);
      };
      for (const double share : {0.0, 1e-6, 0.1, 0.7, 0.999, 1.5}) {
        const double radius = share * value(x);
        const std::vector<double> y = project_ky_fan(x, n, radius);
        const std::string what = spelling_of(n) + " " + std::to_string(share) + " " + std::to_string(seed);
        EXPECT_LE(value(y), radius * (1 + tolerance::relative(9, 1, 1, 16))) << what;
        if (share < 1) {
          EXPECT_NEAR(value(y), radius, allowed(9, value(x))) << what;
        }
        for (std::uint64_t other = 1; other <= 5; ++other) {
          const std::vector<double> z = project_ky_fan(gallery::normal(9, 100 + other), n, radius);
          std::vector<double> outward = x;
          std::vector<double> inward = z;
          for (std::size_t i = 0; i < x.size(); ++i) {
            outward[i] -= y[i];
            inward[i] -= y[i];
          }
          EXPECT_LE(inner_product(outward, inward), allowed(9, (1 + radius) * vector_norm(x, 2))) << what;
        }
        for (const double unit : {0x1p1000, 0x1p-1000}) {
          std::vector<double> moved = x;
          for (double& each : moved) each *= unit;
          std::vector<double> found = project_ky_fan(moved, n, radius * unit);
          for (double& each : found) each /= unit;
          EXPECT_LE(distance(found, y), allowed(9, vector_norm(x, 2))) << what;
        }
      }
    }
  }
  EXPECT_THROW(static_cast<void>(project_ky_fan(std::vector<double>{1}, KyFan{1, 0.5}, 1)), Error);
  EXPECT_THROW(static_cast<void>(proximal_ky_fan(std::vector<double>{1}, KyFan{2, 2}, 1)), Error);
}

const std::vector<std::string>& with_maps() {
  static const std::vector<std::string> all{"fro",
                                            "nuc",
                                            "1",
                                            "2",
                                            "inf",
                                            "max",
                                            "entrywise:1",
                                            "entrywise:3",
                                            "schatten:3",
                                            "schatten:1.5",
                                            "kyfan:2",
                                            "kyfan:4",
                                            "kyfan:2,inf",
                                            "kyfan:2,2",
                                            "kyfan:3,1.5",
                                            "kyfan:2,20",
                                            "kyfan:3,1.05",
                                            "kyfan:4,3",
                                            "mixed:2,1",
                                            "mixed:2,1,rows",
                                            "mixed:2,3",
                                            "mixed:3,1",
                                            "mixed:3,inf,rows",
                                            "mixed:inf,1",
                                            "mixed:1,1",
                                            "mixed:3,1.5",
                                            "mixed:1.5,3,rows",
                                            "mixed:1,2",
                                            "mixed:1,4,rows",
                                            "mixed:inf,2",
                                            "mixed:inf,1.5,rows",
                                            "mixed:20,1.05",
                                            "mixed:1.05,20",
                                            "mixed:4,3",
                                            "induced:1,2",
                                            "induced:1,4",
                                            "induced:2,inf",
                                            "induced:3,inf"};
  return all;
}

TEST(MatrixProximal, IsTestedForEveryRowThatHasMaps) {
  for (const Row& row : rows()) {
    if (row.proximal == Map::none || std::holds_alternative<Induced>(row.norm)) continue;
    EXPECT_TRUE(std::ranges::any_of(with_maps(), [&](const std::string& ord) {
      return row_of(parse_norm(ord)).spelling == row.spelling;
    })) << row.spelling;
  }
}

TEST(MatrixProximal, SatisfiesItsOptimalityCondition) {
  Context context(1);
  for (const std::string& ord : with_maps()) {
    const Norm which = parse_norm(ord);
    ASSERT_NE(map_of(which), Map::none) << ord;
    for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{5, 4}, {4, 6}}) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        const std::vector<double> a = gallery::normal(rows * columns, seed);
        const Tensor tensor = Tensor::copy_of(a, {rows, columns});
        const double most = dual_norm(tensor, which, repeatable<NormOptions>(), context).value;
        for (const double share : {0.02, 0.5, 1.5}) {
          const double lambda = share * most;
          const std::vector<double> x = proximal(tensor, which, lambda, context);
          const std::string what = ord + " " + std::to_string(share);
          if (share > 1) {
            EXPECT_LE(vector_norm(x, kInfinity), allowed(a.size(), 1)) << what;
            continue;
          }
          std::vector<double> y = a;
          for (std::size_t i = 0; i < a.size(); ++i) y[i] = (a[i] - x[i]) / lambda;
          const double slack = allowed(a.size(), vector_norm(a, 2) / lambda);
          const Tensor residual = Tensor::copy_of(y, {rows, columns});
          EXPECT_LE(dual_norm(residual, which, repeatable<NormOptions>(), context).value, 1 + slack) << what;
          const double value = norm(Tensor::copy_of(x, {rows, columns}), which, context).value;
          EXPECT_NEAR(inner_product(x, y), value, slack * (1 + value)) << what;
        }
      }
    }
  }
}

TEST(MatrixProximal, ProjectionsAreIdempotentAndNonexpansive) {
  Context context(1);
  for (const std::string& ord : with_maps()) {
    const Norm which = parse_norm(ord);
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Tensor a = Tensor::copy_of(gallery::normal(5 * 4, seed), {5, 4});
      const Tensor b = Tensor::copy_of(gallery::normal(5 * 4, seed + 60), {5, 4});
      const double radius = 0.4 * norm(a, which, context).value;
      const std::vector<double> x = project(a, which, radius, context);
      const std::vector<double> y = project(b, which, radius, context);
      const double slack = allowed(20, 10);
      EXPECT_NEAR(norm(Tensor::copy_of(x, {5, 4}), which, context).value, radius, slack) << ord;
      EXPECT_LE(distance(project(Tensor::copy_of(x, {5, 4}), which, radius, context), x), slack) << ord;
      EXPECT_LE(distance(x, y), distance(gallery::normal(20, seed), gallery::normal(20, seed + 60)) + slack) << ord;
      EXPECT_LE(distance(project(a, which, 1e3, context), gallery::normal(20, seed)), slack) << ord;
      EXPECT_LE(vector_norm(project(a, which, 0, context), kInfinity), slack) << ord;
    }
  }
}

// The maps of a gauge that the caller gives: the gauge's own, on the singular values.
TEST(MatrixProximal, AppliesTheMapOfAGaugeToTheSingularValues) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(5 * 4, 6), {5, 4});
  const auto found = mapped_values(
      a, [](std::span<const double> sigma) { return proximal_p(sigma, 3, 0.7); }, context);
  EXPECT_LE(distance(found, proximal(a, Schatten{3}, 0.7, context)), allowed(20, 10));
  EXPECT_THROW(static_cast<void>(mapped_values(a, {}, context)), Error);
  EXPECT_THROW(static_cast<void>(mapped_values(
                   a, [](std::span<const double>) { return std::vector<double>{1}; }, context)),
               Error);
}

TEST(MatrixProximal, StorageTypesAndLayoutsAgree) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    const std::vector<double> values = gallery::normal(6 * 4, 4);
    const Tensor plain = Tensor::rounded(values, {6, 4}, dtype);
    for (const std::string& ord : with_maps()) {
      const std::vector<double> wanted = proximal(plain, parse_norm(ord), 0.7, context);
      for (const Tensor& other : {gallery::column_major(dtype, 6, 4, values), gallery::gapped(dtype, 6, 4, values)}) {
        EXPECT_LE(distance(proximal(other, parse_norm(ord), 0.7, context), wanted), allowed(24, 10)) << ord;
      }
    }
  }
}

TEST(MatrixProximal, RefusesWhatHasNoMap) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(9, 1), {3, 3});
  for (const char* const ord : {"-1", "-2", "-inf", "induced:inf,1", "induced:3,3", "numerical-radius"}) {
    EXPECT_EQ(map_of(parse_norm(ord)), Map::none) << ord;
    EXPECT_THROW(static_cast<void>(proximal(a, parse_norm(ord), 1, context)), Error) << ord;
    EXPECT_THROW(static_cast<void>(project(a, parse_norm(ord), 1, context)), Error) << ord;
  }
  EXPECT_THROW(static_cast<void>(proximal(a, Nuclear{}, -1, context)), Error);
  EXPECT_THROW(static_cast<void>(project(a, Nuclear{}, kInfinity, context)), Error);
  EXPECT_THROW(static_cast<void>(proximal(Tensor::copy_of(std::vector<double>{}, {0, 2}), Nuclear{}, 1, context)),
               Error);
  EXPECT_THROW(static_cast<void>(proximal_p(std::vector<double>{1}, 0.5, 1)), Error);
  EXPECT_THROW(static_cast<void>(proximal_ky_fan(std::vector<double>{1}, 2, 1)), Error);
}

}  // namespace
}  // namespace sigmax::norms
