// Matrices, searches and options as the tests of certify() use them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bounds/hunt.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax::certify_cases {

using hunt::Hostile;
using hunt::Specimen;
using hunt::Truth;

template <Real T>
SvdResult<T> hint_for(const LinearOperator<T>& a, Context& context) {
  auto options = repeatable<SvdOptions<T>>();
  options.method = Lanczos{};
  options.tolerance = std::same_as<T, float> ? 1e-6 : 1e-14;
  options.random = vouched(random_state(1));
  return svd(a, options, context);
}

inline Specimen<double> of(const std::vector<double>& values, std::size_t rows, std::size_t columns,
                           DType dtype = DType::f64) {
  return Hostile(1).of_values<double>(values, rows, columns, dtype, false, "given");
}

inline Specimen<double> normal(std::size_t rows, std::size_t columns, std::uint64_t seed, DType dtype = DType::f32) {
  return of(gallery::normal(static_cast<std::int64_t>(rows * columns), seed), rows, columns, dtype);
}

inline CertifyOptions by(CertifyMethod method, std::int64_t formed_up_to = std::int64_t{1} << 20) {
  CertifyOptions options;
  options.method = method;
  options.formed_up_to = formed_up_to;
  return options;
}

template <class T>
Enclosure checked(const Specimen<T>& s, const CertifyOptions& options, Context& context) {
  const Enclosure e = certify(*s.op, hint_for(*s.op, context), options, context);
  const Truth truth = s.exact.sigma_max();
  EXPECT_TRUE(contains(e, truth)) << s.what << " " << show(e, truth);
  return e;
}

// The width of a proof by Cholesky: k^2 u for a matrix of order k, and n u |A|_F^2 / sigma^2, with a margin for both.
inline double width_of_proof(std::size_t rows, std::size_t columns) {
  const auto n = static_cast<std::int64_t>(std::max(rows, columns));
  return tolerance::relative(n, n, static_cast<double>(n));
}

}  // namespace sigmax::certify_cases
