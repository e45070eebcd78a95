// Every solver at every scale of double and float, including subnormal and the largest numbers: right answers, in
// bounded time. A tolerance that underflows to 0, or a bound that overflows, must not make a loop endless.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/linalg/band.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/linalg/tridiagonal.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/svd/batched/batched.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kRows = 24;
constexpr std::int64_t kColumns = 18;

struct Shaped {
  std::string name;
  std::vector<double> values;  // of norm about 1
};

std::vector<Shaped> shapes() {
  std::vector<double> diagonal(kRows * kColumns), rank_one(kRows * kColumns);
  for (std::int64_t i = 0; i < kColumns; ++i) {
    diagonal[static_cast<std::size_t>(i * kColumns + i)] = (1 + static_cast<double>(i) / kColumns) / 2;
  }
  for (std::int64_t i = 0; i < kRows; ++i) {
    for (std::int64_t j = 0; j < kColumns; ++j) {
      rank_one[static_cast<std::size_t>(i * kColumns + j)] = std::sin(1.0 + i) * std::cos(2.0 + j) / 12;
    }
  }
  return {{"diagonal", diagonal},
          {"dense", gallery::with_singular_values(kRows, kColumns, gallery::geometric(kColumns, 30))},
          {"rank one", rank_one},
          {"zero", std::vector<double>(kRows * kColumns)}};
}

// A matrix as it is stored at a scale, and its singular values.
struct Case {
  std::string what;
  Tensor tensor;
  double sigma_1 = 0;
  double sigma_n = 0;
  std::vector<double> sigma;
};

std::vector<Case> cases(DType dtype, const std::vector<double>& scales) {
  std::vector<Case> result;
  for (const Shaped& shape : shapes()) {
    for (const double scale : scales) {
      std::vector<double> values = shape.values;
      for (double& value : values) value *= scale;
      Case c;
      c.what = shape.name + " at " + std::to_string(std::log10(scale));
      c.tensor = Tensor::rounded(values, {kRows, kColumns}, dtype);
      for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
        values[static_cast<std::size_t>(i)] = c.tensor.at(std::vector<std::int64_t>{i / kColumns, i % kColumns});
      }
      // In units of the scale: the reference squares.
      for (double& value : values) value = std::ldexp(value, -std::ilogb(scale));
      for (const long double sigma : gallery::reference_singular_values(values, kRows, kColumns)) {
        c.sigma.push_back(static_cast<double>(std::ldexp(sigma, std::ilogb(scale))));
      }
      c.sigma_1 = c.sigma.front();
      c.sigma_n = c.sigma.back();
      result.push_back(std::move(c));
    }
  }
  return result;
}

std::vector<double> scales_of_double() {
  std::vector<double> scales{5e-324, 1e-322, 1e-320, 1e-316, 1e-312, 2e-308, 1e-307, 1e-300, 1e307, 9e307};
  for (int exponent = -290; exponent <= 300; exponent += 10) scales.push_back(std::pow(10.0, exponent));
  for (int exponent = -162; exponent <= -153; ++exponent) scales.push_back(std::pow(10.0, exponent));
  return scales;
}
std::vector<double> scales_of_float() {
  std::vector<double> scales{1e-45, 1e-44, 3e38};
  for (int exponent = -43; exponent <= 37; exponent += 2) scales.push_back(std::pow(10.0, exponent));
  return scales;
}

// A subnormal result has the rounding of the smallest numbers: a few units of them for each operation.
double least(DType dtype) { return 64 * (dtype == DType::f32 ? 0x1p-149 : 0x1p-1074); }

struct Named {
  const char* name;
  Method method;
  double tolerance;
};
std::vector<Named> methods() {
  return {{"auto", Auto{}, 1e-10},
          {"power", PowerIteration{}, 1e-8},
          {"deflation", Deflation{}, 1e-8},
          {"lanczos", Lanczos{}, 1e-10},
          {"gram", Lanczos{Lanczos::Form::gram}, 1e-10},
          {"bidiagonal", Lanczos{Lanczos::Form::bidiagonal}, 1e-10},
          {"block-krylov", BlockKrylov{}, 1e-10},
          {"randomized", Randomized{.oversampling = kColumns, .power_steps = 3}, 1e-8},
          {"dense", DenseLapack{}, 1e-10}};
}

class Watch {
 public:
  explicit Watch(std::string what) : what_(std::move(what)) {}
  ~Watch() {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    EXPECT_LT(taken.count(), 20) << what_;
  }

 private:
  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

template <Real T>
void expect_solved(const Case& c, double coarseness) {
  Context context(1);
  for (const Named& method : methods()) {
    const Watch watch(c.what + " " + method.name);
    auto options = repeatable<SvdOptions<T>>();
    options.method = method.method;
    options.tolerance = method.tolerance * coarseness;
    options.max_products = 4000;
    const SvdResult<T> result = svd(*dense<T>(c.tensor), options, context);
    const double allowed = tolerance::of_estimate(options.tolerance) * c.sigma_1 + least(c.tensor.dtype());
    EXPECT_NEAR(result.sigma.front(), c.sigma_1, allowed) << c.what << " " << method.name;
    for (const T value : result.v.values()) ASSERT_TRUE(std::isfinite(value)) << c.what << " " << method.name;
    for (const T value : result.u.values()) ASSERT_TRUE(std::isfinite(value)) << c.what << " " << method.name;
  }
  for (const Method& method : {Method(Auto{}), Method(InverseLanczos{})}) {
    const Watch watch(c.what + " smallest");
    auto options = repeatable<SvdOptions<T>>();
    options.which = Which::smallest;
    options.method = method;
    const SvdResult<T> result = svd(*dense<T>(c.tensor), options, context);
    const double rounding = tolerance::of_matrix<T>(kRows, kColumns, c.sigma_1);
    EXPECT_NEAR(result.sigma.front(), c.sigma_n, rounding + least(c.tensor.dtype())) << c.what << " " << name(method);
  }
}

TEST(Scales, EveryMethodInDouble) {
  for (const Case& c : cases(DType::f64, scales_of_double())) ASSERT_NO_FATAL_FAILURE(expect_solved<double>(c, 1));
}

TEST(Scales, EveryMethodInFloat) {
  for (const Case& c : cases(DType::f32, scales_of_float())) {
    ASSERT_NO_FATAL_FAILURE(expect_solved<float>(c, 1e4));
    ASSERT_NO_FATAL_FAILURE(expect_solved<double>(c, 1));
  }
}

// The scale is a factor of a composite: the stored entries are moderate.
TEST(Scales, EveryMethodOfAScaledOperator) {
  Context context(1);
  const std::vector<double> values = shapes()[0].values;
  const Tensor tensor = Tensor::rounded(values, {kRows, kColumns}, DType::f64);
  const double sigma = (1 + static_cast<double>(kColumns - 1) / kColumns) / 2;
  for (const double scale : scales_of_double()) {
    if (scale < 1e-300) continue;  // its products are subnormal, and only as accurate as subnormal numbers
    for (const Named& method : methods()) {
      const std::string what = std::string(method.name) + " at " + std::to_string(std::log10(scale));
      const Watch watch(what);
      auto options = repeatable<SvdOptions<double>>();
      options.method = method.method;
      options.tolerance = method.tolerance;
      const auto result = svd(*scaled<double>(scale, dense<double>(tensor)), options, context);
      EXPECT_NEAR(result.sigma.front(), scale * sigma, tolerance::of_estimate(options.tolerance) * scale * sigma)
          << what;
    }
  }
}

TEST(Scales, CertificatesNormsSpectraAndBatches) {
  Context context(1);
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Case& c : cases(dtype, dtype == DType::f64 ? scales_of_double() : scales_of_float())) {
      const Watch watch(c.what);
      const double rounding = tolerance::of_matrix(kRows, kColumns, c.sigma_1) + least(DType::f64);
      const Operator<double> a = dense<double>(c.tensor);
      const auto hint = svd(*a, repeatable<SvdOptions<double>>(), context);
      for (const auto method : {CertifyMethod::automatic, CertifyMethod::cheapest, CertifyMethod::probabilistic}) {
        CertifyOptions options;
        options.method = method;
        const Enclosure e = certify(*a, hint, options, context);
        EXPECT_LE(e.lower.value(), c.sigma_1 * (1 + 0x1p-50)) << c.what;
        if (!e.upper) {
          EXPECT_GT(c.sigma_1, 1e307) << c.what;
          continue;
        }
        EXPECT_GE(e.upper->value(), c.sigma_1 * (1 - 0x1p-50)) << c.what;
        if (method == CertifyMethod::automatic) {
          EXPECT_LE(e.upper->value() - e.lower.value(),
                    tolerance::of_gram_proof(kRows, kColumns) * c.sigma_1 + 0x1p-1060)
              << c.what;
        }
      }
      EXPECT_NEAR(norms::norm(c.tensor, norms::Spectral{}, context).value, c.sigma_1, rounding) << c.what;
      if (c.sigma_1 < 1e307) {
        double nuclear = 0;
        for (const double sigma : c.sigma) nuclear += sigma;
        EXPECT_NEAR(norms::norm(c.tensor, norms::Schatten{1}, context).value, nuclear,
                    tolerance::kSpectrumSum * nuclear + 18 * rounding)
            << c.what;
      }
      for (const std::optional<std::int64_t> k : {std::optional<std::int64_t>(1), {}}) {
        auto options = repeatable<BatchOptions>();
        options.k = k;
        const std::vector<Tensor> one{c.tensor};
        const BatchResult batch = batched_svd(one, options, context);
        EXPECT_NEAR(batch.sigma.front(), c.sigma_1, 100 * options.tolerance * c.sigma_1 + least(DType::f64)) << c.what;
      }
    }
  }
}

// The small problems themselves, without a solver around that scales: [[2, 1], [1, 2]] repeated, and NaN.
TEST(Scales, SmallSymmetricProblems) {
  Context context(1);
  for (const double scale : scales_of_double()) {
    if (scale > 1e307) continue;
    Matrix<double> a(6, 6);
    Tridiagonal t{std::vector<double>(6, 2 * scale), std::vector<double>(5)};
    for (std::int64_t i = 0; i < 6; ++i) {
      a(i, i) = 2 * scale;
      if (i % 2 == 0) a(i + 1, i) = t.off_diagonal[static_cast<std::size_t>(i)] = scale;
    }
    const double rounding = tolerance::of_matrix(6, 6, 3 * scale) + 8 * 0x1p-1074;
    const LeadingOfBand leading = leading_of_band(std::as_const(a).view(), 1);
    EXPECT_NEAR(leading.value, 3 * scale, rounding) << scale;
    EXPECT_NEAR(leading.next, 3 * scale, rounding) << scale;
    const auto all = spectrum_of_band(std::as_const(a).view(), 1, 1);
    ASSERT_TRUE(all.has_value()) << scale;
    EXPECT_NEAR(all->value.front(), 3 * scale, rounding) << scale;
    EXPECT_NEAR(all->value.back(), scale, rounding) << scale;
    const std::vector<double> values = eigenvalues(t, context);
    EXPECT_NEAR(values.front(), scale, rounding) << scale;
    EXPECT_NEAR(values.back(), 3 * scale, rounding) << scale;
  }
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    Matrix<double> a(5, 5);
    a(2, 2) = bad;
    a(3, 2) = 1;
    static_cast<void>(leading_of_band(std::as_const(a).view(), 1));
    static_cast<void>(spectrum_of_band(std::as_const(a).view(), 1, 1));
    static_cast<void>(eigenvalues({{1, bad, 2}, {1, 1}}, context));
    static_cast<void>(eigenvalues({{1, 3, 2}, {bad, 1}}, context));
  }
}

}  // namespace
}  // namespace sigmax
