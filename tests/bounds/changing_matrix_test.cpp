// A matrix that changes while it is certified: a file that is rewritten, weights that train in another thread. The
// result is an enclosure or an error, and never ends that contradict each other.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "gallery/spectra.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/opaque.hpp"

namespace sigmax {
namespace {

// Memory that other code writes to.
class Weights {
 public:
  explicit Weights(std::vector<double> values) : values_(std::make_shared<std::vector<double>>(std::move(values))) {}

  Tensor tensor(std::int64_t rows, std::int64_t columns) const {
    return {DType::f64, {rows, columns}, reinterpret_cast<const std::byte*>(values_->data()), values_};
  }
  void become(double factor) const {
    for (double& value : *values_) value *= factor;
  }
  std::vector<double>& values() const { return *values_; }

 private:
  std::shared_ptr<std::vector<double>> values_;
};

// The stored matrix, and a hook that runs whenever structure() is called: certify() reads the parts of a sum one after
// another, so that a matrix changes between its scan and everything that follows.
class Hooked final : public OpaqueOperator<double> {
 public:
  Hooked(Operator<double> of, std::function<void()> hook) : OpaqueOperator(std::move(of)), hook_(std::move(hook)) {}
  Structure<double> structure() const override {
    hook_();
    return inner().structure();
  }

 private:
  std::function<void()> hook_;
};

struct Outcome {
  int errors = 0;
  int enclosures = 0;
};

// sum({W, hooked zero}): W is scanned, then changed by the hook, then certified.
Outcome certify_changing(double factor, CertifyMethod method, std::int64_t formed_up_to, bool to_nan = false) {
  constexpr std::int64_t n = 24;
  Context context(1);
  Outcome outcome;
  const Weights weights(gallery::normal(n * n, 5));
  const Operator<double> w = dense<double>(weights.tensor(n, n));
  const Operator<double> zero = dense<double>(Tensor::copy_of(std::vector<double>(n * n, 0.0), {n, n}));
  const SvdResult<double> hint = svd(*w, SvdOptions<double>{}, context);
  const auto hooked = std::make_shared<Hooked>(zero, [&] {
    weights.become(factor);
    if (to_nan) weights.values()[7] = std::nan("");
  });
  CertifyOptions options;
  options.method = method;
  options.formed_up_to = formed_up_to;
  try {
    const Enclosure e = certify(*sum<double>({w, hooked}), hint, options, context);
    EXPECT_TRUE(!e.upper || (std::isfinite(e.upper->value()) && e.upper->value() >= e.lower.value()));
    EXPECT_TRUE(std::isfinite(e.lower.value()));
    ++outcome.enclosures;
  } catch (const InternalError& error) {
    EXPECT_NE(std::string_view(error.what()).find("changed"), std::string_view::npos) << error.what();
    EXPECT_NE(std::string_view(error.what()).find("report"), std::string_view::npos) << error.what();
    ++outcome.errors;
  } catch (const Error& error) {  // svd() searches for a better vector, and finds NaN
    EXPECT_NE(std::string_view(error.what()).find("NaN"), std::string_view::npos) << error.what();
    ++outcome.errors;
  }
  return outcome;
}

constexpr CertifyMethod kMethods[] = {CertifyMethod::automatic, CertifyMethod::proven, CertifyMethod::probabilistic,
                                      CertifyMethod::cheapest};

TEST(ChangingMatrix, GivesNoEnclosureThatContradictsItself) {
  for (const CertifyMethod method : kMethods) {
    for (const std::int64_t formed : {std::int64_t{1} << 20, std::int64_t{0}}) {
      for (const double factor : {0.0, 1e-300, 1e-30, 0.5, 2.0, 1e30, 1e300}) {
        certify_changing(factor, method, formed);
      }
      certify_changing(1, method, formed, true);
    }
  }
}

TEST(ChangingMatrix, OneThatGrowsIsFoundByTheLowerEnd) {
  for (const CertifyMethod method : kMethods) {
    EXPECT_EQ(certify_changing(1e30, method, std::int64_t{1} << 20).errors, 1) << static_cast<int>(method);
  }
}

TEST(ChangingMatrix, AFactorizationIsFollowedByAnotherLookAtTheEntries) {
  for (const double factor : {0.0, 1e-30, 0.5, 1 + 0x1p-20}) {
    EXPECT_EQ(certify_changing(factor, CertifyMethod::proven, std::int64_t{1} << 20).errors, 1) << factor;
  }
  EXPECT_EQ(certify_changing(1, CertifyMethod::proven, std::int64_t{1} << 20, true).errors, 1) << "NaN";
  EXPECT_EQ(certify_changing(1, CertifyMethod::proven, std::int64_t{1} << 20).enclosures, 1) << "unchanged";
}

// The same test for several values, which the command proves without certify().
TEST(ChangingMatrix, AProofOfSeveralValuesIsFollowedByAnotherLook) {
  constexpr std::int64_t n = 24;
  Context context(1);
  for (const Which which : {Which::largest, Which::smallest}) {
    for (const double factor : {0.0, 0.5, 1 + 0x1p-20, 1.0, 2.0}) {
      const Weights weights(gallery::normal(n * n, 5));
      const Operator<double> w = dense<double>(weights.tensor(n, n));
      SvdOptions<double> three;
      three.k = 3;
      three.which = which;
      const SvdResult<double> hint = svd(*w, three, context);
      const Operator<double> zero = dense<double>(Tensor::copy_of(std::vector<double>(n * n, 0.0), {n, n}));
      const auto hooked = std::make_shared<Hooked>(zero, [&] { weights.become(factor); });
      const Operator<double> changing = sum<double>({w, hooked});
      const auto certify = [&] { static_cast<void>(certify_values(*changing, hint, which, {}, context)); };
      if (factor == 1) {
        EXPECT_NO_THROW(certify());
      } else {
        EXPECT_THROW(certify(), InternalError) << factor;
      }
    }
  }
}

TEST(ChangingMatrix, AScanThatNoLongerHoldsIsFound) {
  Context context(1);
  const Weights weights(gallery::normal(12, 6));
  ScannedMatrix scanned(stored_view(weights.tensor(3, 4)), context);
  const InRange& range = scanned.in_range(context);
  EXPECT_NO_THROW(require_unchanged(range, context));
  weights.values()[5] = std::nextafter(weights.values()[5], 9.0);
  weights.values()[6] *= 1.25;
  EXPECT_THROW(require_unchanged(range, context), InternalError);
}

TEST(Gate, LetsNoBoundOutThatIsNone) {
  using bounds::Proof;
  EXPECT_THROW(Proof::lower(std::nan("")), InternalError);
  EXPECT_THROW(Proof::lower(HUGE_VAL), InternalError);
  EXPECT_THROW(Proof::lower(-1), InternalError);
  EXPECT_THROW(Proof::proven(std::nan("")), InternalError);
  EXPECT_THROW(Proof::proven(-1), InternalError);
  EXPECT_THROW(Proof::probabilistic(std::nan(""), 0.1), InternalError);
  EXPECT_THROW(Proof::enclosure(Proof::lower(2), Proof::proven(1)), InternalError);
  EXPECT_FALSE(Proof::enclosure(Proof::lower(2), Proof::probabilistic(1, 0.1)).upper.has_value()) << "refuted";
  EXPECT_FALSE(Proof::enclosure(Proof::lower(2), Proof::proven(HUGE_VAL)).upper.has_value()) << "overflowed";
  EXPECT_EQ(Proof::enclosure(Proof::lower(2), Proof::proven(2)).upper->value(), 2);
}

TEST(Gate, AComputedValueRefutesAProbableEndAndNeverAProvenOne) {
  using bounds::Proof;
  const bounds::Measured probable{Proof::enclosure(Proof::lower(1), Proof::probabilistic(1.5, 0.2)), 1.1};
  const bounds::Measured refuted = bounds::reconciled(probable, 2, 1e-10, Proof::proven(3));
  EXPECT_EQ(refuted.sigma_max.upper->value(), 3);
  EXPECT_EQ(refuted.sigma_max.upper->certainty(), Certainty::proven);
  EXPECT_EQ(refuted.estimate, 2);
  const bounds::Measured agrees = bounds::reconciled(probable, 1.5 * (1 + 1e-12), 1e-10, Proof::proven(3));
  EXPECT_EQ(agrees.sigma_max.upper->value(), 1.5);
  EXPECT_EQ(agrees.estimate, 1.5);
  const bounds::Measured proven{Proof::enclosure(Proof::lower(1), Proof::proven(1.5)), 1.1};
  EXPECT_THROW(bounds::reconciled(proven, 2, 1e-10, Proof::proven(3)), InternalError);
  EXPECT_THROW(bounds::reconciled(proven, 0.5, 1e-10, Proof::proven(3)), InternalError);
}

// With 300 random starts that may fail with probability 0.2, no upper end is below the value that the vector reaches.
TEST(Gate, AnEstimateKeepsNoEndThatItsOwnVectorExceeds) {
  Context context(1);
  constexpr std::int64_t n = 60;
  std::vector<double> values(n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = i == 7 ? 1.0 : 0.999;
  const Tensor tensor = Tensor::copy_of(values, {n, n});
  ScannedMatrix scanned(stored_view(tensor), context);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SvdOptions<double> options;
    options.random = random_state(seed);
    options.max_products = 4;
    const bounds::Measured m = bounds::estimate(scanned.in_range(context), 0.2, options, context);
    ASSERT_TRUE(m.sigma_max.upper.has_value());
    ASSERT_GE(m.sigma_max.upper->value(), m.sigma_max.lower.value()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sigmax
