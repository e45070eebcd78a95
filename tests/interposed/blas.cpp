// A program whose BLAS rounds the operands of products to float, as a library in a "fast" mode may: its own symbols
// take precedence over those of the library that it is linked with. No proven end may be false.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/audit/measure.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/matrix_proof/blas_check.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/svd/svd.hpp"

extern "C" int rounding_blas_calls;

namespace sigmax {
namespace {

int wrong = 0;
int enclosures = 0;

void expect_holds(const char* what, const Enclosure& e, long double truth, bool also_probable) {
  ++enclosures;
  const bool proven = e.upper && e.upper->certainty() == Certainty::proven;
  const bool below = e.lower.value() > truth * (1 + 0x1p-60L);
  const bool above = e.upper && (proven || also_probable) && e.upper->value() < truth * (1 - 0x1p-60L);
  if (!below && !above) return;
  ++wrong;
  std::printf("%s: [%.17g, %.17g] for %.17Lg\n", what, e.lower.value(), e.upper ? e.upper->value() : NAN, truth);
}

void hunt(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Context& context) {
  const std::vector<double> values = gallery::normal(rows * columns, seed);
  const Tensor tensor = Tensor::copy_of(values, {rows, columns});
  const long double truth =
      gallery::reference_singular_values(values, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns))[0];
  const Operator<double> a = dense<double>(tensor);
  const auto hint = svd(*a, repeatable<SvdOptions<double>>(), context);
  for (const auto method : {CertifyMethod::automatic, CertifyMethod::proven, CertifyMethod::cheapest}) {
    CertifyOptions options;
    options.method = method;
    expect_holds("stored", certify(*a, hint, options, context), truth, false);
    // 2 A as a sum that would be formed, and A as a product.
    expect_holds("sum", certify(*(a + a), hint, options, context), 2 * truth, false);
    const Operator<double> product = a * identity<double>(columns);
    expect_holds("product", certify(*product, hint, options, context), truth, false);
  }
  expect_holds("audit", audit::measure(tensor, audit::Options{}, context).figures->sigma_max, truth, false);
  const auto norm = norms::norm(tensor, norms::Spectral{}, context);
  expect_holds("norm", *norm.enclosure, truth, false);
}

int run() {
  Context context(1);
  int failures = 0;
  if (bounds::blas_supports_proofs()) {
    std::printf("the self-test accepts this BLAS\n");
    ++failures;
  }
  for (std::uint64_t seed = 1; seed <= 200; ++seed) hunt(20 + static_cast<std::int64_t>(seed % 30), 25, seed, context);
  // A product whose left factor has more rows than the inner dimension: the theorem of thin products.
  const std::vector<double> b = gallery::normal(60 * 5, 1), a = gallery::normal(5 * 50, 2);
  const Operator<double> thin = dense<double>(Tensor::copy_of(b, {60, 5})) * dense<double>(Tensor::copy_of(a, {5, 50}));
  std::vector<long double> formed(60 * 50);
  for (std::size_t i = 0; i < 60; ++i) {
    for (std::size_t j = 0; j < 50; ++j) {
      for (std::size_t k = 0; k < 5; ++k) {
        formed[i * 50 + j] += static_cast<long double>(b[i * 5 + k]) * static_cast<long double>(a[k * 50 + j]);
      }
    }
  }
  const auto hint = svd(*thin, repeatable<SvdOptions<double>>(), context);
  expect_holds("thin product", certify(*thin, hint, {}, context), gallery::reference_singular_values(formed, 60, 50)[0],
               false);
  std::printf("%d enclosures, %d wrong; %d calls of the rounding routines\n", enclosures, wrong, rounding_blas_calls);
  if (rounding_blas_calls == 0) std::printf("the routines of this program were never called: it shows nothing\n");
  return failures + wrong + (rounding_blas_calls == 0 ? 1 : 0);
}

}  // namespace
}  // namespace sigmax

int main() { return sigmax::run() == 0 ? 0 : 1; }
