// svd() and certify() on convolutions of random geometries, compared with their matrices in extended precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/convolutions.hpp"
#include "gallery/reference_svd.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

struct Specimen {
  gallery::DrawnConvolution drawn;
  conformance::ReferenceMatrix matrix;
  std::vector<long double> sigma;
  long double magnitude = 0;  // the Frobenius norm with the kernel's absolute values

  explicit Specimen(std::mt19937_64& random, std::int64_t entries = 2500)
      : drawn(gallery::drawn_convolution(random, entries)),
        matrix(conformance::convolution_matrix(drawn.values, drawn.geometry.correlation())) {
    if (drawn.geometry.transposed()) matrix = conformance::transposed(matrix);
    std::vector<long double> values;
    conformance::each_entry(matrix, [&](std::int64_t i, std::int64_t j) { values.push_back(matrix.value(i, j)); });
    sigma = gallery::reference_singular_values(values, static_cast<std::size_t>(matrix.shape().rows),
                                               static_cast<std::size_t>(matrix.shape().columns));
    magnitude = matrix.frobenius();
  }

  template <Real T>
  Operator<T> as() const {
    return convolution<T>(drawn.kernel, drawn.geometry);
  }
};

bool contains(const Enclosure& e, long double sigma) {
  // The reference is wrong by about 1e-18.
  const long double slack = 0x1p-58L * sigma;
  return e.lower.value() <= sigma + slack && (!e.upper || e.upper->value() >= sigma - slack);
}

TEST(Convolution, HasTheSingularValuesOfItsMatrixByEveryMethod) {
  std::mt19937_64 random(11);
  Context context(2);
  for (int i = 0; i < 60; ++i) {
    const Specimen s(random);
    SCOPED_TRACE(describe(s.drawn.geometry.layer()));
    const Operator<double> a = s.as<double>();
    const auto [rows, columns] = a->shape();
    const auto least = std::min(rows, columns);
    // Products round relative to the kernel's absolute values.
    const auto size = static_cast<double>(std::max<long double>(s.magnitude, 1e-300L));
    for (const Method& method : {Method(Auto{}), Method(Lanczos{}), Method(DenseLapack{})}) {
      auto options = repeatable<SvdOptions<double>>();
      options.k = std::min<std::int64_t>(3, least);
      options.accuracy = Accuracy::vectors;
      options.method = method;
      const SvdResult<double> found = svd(*a, options, context);
      for (std::size_t j = 0; j < found.sigma.size(); ++j) {
        EXPECT_LE(std::fabs(found.sigma[j] - s.sigma[j]),
                  tolerance::of_triplets(rows, columns) * size + tolerance::of_estimate(options.tolerance) * size)
            << j;
      }
      EXPECT_LE(checks::orthonormality_error(found.v), tolerance::relative(columns, found.v.columns(), 1, 16));
    }
  }
}

TEST(Convolution, IsCertifiedAgainstItsMatrix) {
  std::mt19937_64 random(12);
  Context context(2);
  const auto check = [&]<Real T>(const Specimen& s, const Operator<T>& a, int i) {
    const auto hint = svd(*a, repeatable<SvdOptions<T>>(), context);
    for (const CertifyMethod method : {CertifyMethod::automatic, CertifyMethod::cheapest, CertifyMethod::proven,
                                       CertifyMethod::none, CertifyMethod::probabilistic}) {
      auto options = repeatable<CertifyOptions>();
      options.method = method;
      const Enclosure e = certify(*a, hint, options, context);
      EXPECT_TRUE(contains(e, s.sigma[0])) << i << ": " << e.lower.value() << " " << static_cast<double>(s.sigma[0])
                                           << " " << (e.upper ? e.upper->value() : -1);
      if (method != CertifyMethod::proven || s.sigma[0] == 0) continue;
      ASSERT_TRUE(e.upper.has_value());
      EXPECT_EQ(e.upper->certainty(), Certainty::proven);
      const auto n = std::max(a->shape().rows, a->shape().columns);
      const auto loss = static_cast<double>(s.magnitude / s.sigma[0]);
      const auto meeting = static_cast<double>(s.drawn.geometry.correlation().copies());
      // In small matrices the steps that round upward by 64 u count, a few tens of them.
      const double upward = 40 * 64 * tolerance::kUnitRoundoff;
      EXPECT_LE(e.relative_width(), tolerance::relative(n, n, static_cast<double>(n) + meeting * loss) + upward) << i;
    }
  };
  for (int i = 0; i < 80; ++i) {
    const Specimen s(random);
    SCOPED_TRACE(describe(s.drawn.geometry.layer()));
    check(s, s.as<double>(), i);
    check(s, s.as<float>(), i);
  }
}

// Too large to form, by its limit: the lower end is one product, and as tight as its rounding.
TEST(Convolution, HasAProvenLowerEndFromOneProduct) {
  std::mt19937_64 random(13);
  Context context(1);
  for (int i = 0; i < 40; ++i) {
    const Specimen s(random);
    const Operator<double> a = s.as<double>();
    if (s.sigma[0] == 0) continue;
    auto wanted = repeatable<SvdOptions<double>>();
    wanted.tolerance = 1e-14;
    const SvdResult<double> hint = svd(*a, wanted, context);
    CertifyOptions options;
    options.formed_up_to = 0;
    options.method = CertifyMethod::none;
    const Enclosure e = certify(*a, hint, options, context);
    EXPECT_TRUE(contains(e, s.sigma[0]));
    // gamma_n times Schur's bound of the absolute values, and the solver's own error.
    const Correlation& c = s.drawn.geometry.correlation();
    const auto terms = static_cast<double>(c.terms() + c.adjoint_terms());
    const auto size = std::sqrt(static_cast<double>(c.taps() * c.copies())) * std::sqrt(terms) *
                      static_cast<double>(s.magnitude / s.sigma[0]);
    EXPECT_LE((s.sigma[0] - e.lower.value()) / s.sigma[0],
              tolerance::relative(c.rows() + c.columns(), 1, size) * terms + tolerance::of_estimate(wanted.tolerance))
        << i;
  }
}

// Composed like any other operator: two branches that are added, two layers in a row.
TEST(Convolution, IsCertifiedAsAPartOfOthers) {
  Context context(1);
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0};
  const ConvolutionGeometry geometry({2, 2, 1, PaddingMode::Replicate, false, {three, three}}, {4, 3});
  const Tensor first = Tensor::rounded(gallery::normal(36, 1), {2, 2, 3, 3}, DType::f32);
  const Tensor second = Tensor::rounded(gallery::normal(36, 2), {2, 2, 3, 3}, DType::bf16);
  const Operator<double> a = convolution<double>(first, geometry);
  const Operator<double> b = convolution<double>(second, geometry);
  for (const Operator<double>& composed : {a + b, b * a, a - a, 0.3 * transposed(a), stack_rows<double>({a, b, a})}) {
    const conformance::ReferenceMatrix m = conformance::evaluate(*composed, context);
    std::vector<long double> values;
    conformance::each_entry(m, [&](std::int64_t i, std::int64_t j) { values.push_back(m.value(i, j)); });
    const long double sigma = gallery::reference_singular_values(values, static_cast<std::size_t>(m.shape().rows),
                                                                 static_cast<std::size_t>(m.shape().columns))[0];
    const SvdResult<double> hint = svd(*composed, repeatable<SvdOptions<double>>(), context);
    for (const std::int64_t entries : {std::int64_t{0}, std::int64_t{1} << 20}) {
      CertifyOptions options;
      options.formed_up_to = entries;
      const Enclosure e = certify(*composed, hint, options, context);
      EXPECT_TRUE(contains(e, sigma)) << e.lower.value() << " " << static_cast<double>(sigma);
      EXPECT_TRUE(e.upper.has_value()) << hint.sigma[0] << " " << e.lower.value() << " " << static_cast<double>(sigma);
    }
  }
}

TEST(Convolution, OfKernelsFarFromOneIsCertified) {
  Context context(1);
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0};
  const ConvolutionGeometry geometry({2, 3, 1, PaddingMode::Circular, false, {three, three}}, {4, 5});
  const std::vector<double> values = gallery::normal(54, 3);
  const auto sigma_of = [&](double scale) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= scale;
    const Operator<double> a = convolution<double>(Tensor::copy_of(scaled, {3, 2, 3, 3}), geometry);
    const SvdResult<double> hint = svd(*a, repeatable<SvdOptions<double>>(), context);
    return certify(*a, hint, CertifyOptions{}, context);
  };
  const Enclosure one = sigma_of(1);
  for (const int exponent : {-900, -300, 300, 900}) {
    const double scale = std::ldexp(1.0, exponent);
    const Enclosure far = sigma_of(scale);
    ASSERT_TRUE(far.upper.has_value()) << exponent;
    EXPECT_LE(far.lower.value() / scale, one.upper->value()) << exponent;
    EXPECT_GE(far.upper->value() / scale, one.lower.value()) << exponent;
    EXPECT_LE(far.relative_width(), 2 * one.relative_width() + tolerance::kEpsilon) << exponent;
  }
}

TEST(Convolution, OfKernelsThatAreNotFiniteIsRefused) {
  Context context(1);
  const ConvolutionGeometry geometry({1, 1, 1, PaddingMode::Zeros, false, {{3, 1, 1, 1, 1, 0}}}, {4});
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const Operator<double> a =
        convolution<double>(Tensor::copy_of(std::vector<double>{1, bad, 2}, {1, 1, 3}), geometry);
    EXPECT_THROW(svd(*a, repeatable<SvdOptions<double>>(), context), Error);
    SvdResult<double> hint;
    hint.v = Matrix<double>(4, 1);
    hint.v(0, 0) = 1;
    EXPECT_THROW(certify(*a, hint, CertifyOptions{}, context), Error);
  }
}

}  // namespace
}  // namespace sigmax
