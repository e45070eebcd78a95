#include "sigmax/bounds/induced_proof/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/enclose.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax::bounds {
namespace {

constexpr std::int64_t kPieceRows = 64;

std::optional<Bounded> upper_of(ScannedMatrix& scanned, const CertifyOptions& options, Context& context) {
  const Enclosed found = enclose(scanned, options, context);
  if (!found.sigma_max.upper) return std::nullopt;
  return Bounded{found.sigma_max.upper->value(), found.sigma_max.upper->failure_probability()};
}

// At least |1/w|_s.
double inverse_norm(std::span<const double> w, double s) {
  std::vector<double> inverse;
  inverse.reserve(w.size());
  for (const double value : w) inverse.push_back(round_up(1 / value));
  return p_norm_range(inverse, s).upper;
}

// At most s with 1/s = max(1/q - 1/2, 0): a norm with a smaller exponent is larger.
double exponent_of_rows(double q) {
  if (q >= 2) return kInfinity;
  return q == 1 ? 2 : std::max(2.0, 2 * q / (2 - q) * (1 - 0x1p-50));
}

// At most t with 1/t = max(1/2 - 1/p, 0).
double exponent_of_columns(double p) {
  if (p <= 2) return kInfinity;
  return p == kInfinity ? 2 : std::max(2.0, 2 * p / (p - 2) * (1 - 0x1p-50));
}

bool is_usable(std::span<const double> w) {
  return std::all_of(w.begin(), w.end(), [](double value) { return value >= 0x1p-100 && value <= 0x1p100; });
}

}  // namespace

std::optional<Bounded> spectral_upper_bound(const NearMatrix& m, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (m.is_zero) return Bounded{};
  ScannedMatrix scanned(m.range.matrix, context);
  return upper_of(scanned, options, context);
}

// |M x|_q <= |1/w|_s |W M V (x / v)|_2 <= |1/w|_s sigma_max(W M V) |1/v|_t |x|_p.
//
// The scaled matrix is computed with two roundings an entry, which move it by at most 2.01 u |B|_F, and entries that
// underflow lose less than 2^-1070 each. M is first brought to a largest entry near 1.
std::optional<Bounded> scaled_upper_bound(const NearMatrix& m, double p, double q, std::span<const double> w,
                                          std::span<const double> v, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (m.is_zero) return Bounded{};
  if (!is_usable(w) || !is_usable(v)) return std::nullopt;
  const kernels::StoredMatrix& a = m.range.matrix;
  const std::span<const double> of_rows = m.transposed ? v : w;
  const std::span<const double> of_columns = m.transposed ? w : v;
  const double unit = gram_scale(m.range.facts);
  auto values = context.scratch<double>(static_cast<std::size_t>(a.size()));
  const std::int64_t pieces = (a.rows + kPieceRows - 1) / kPieceRows;
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPieceRows;
    const std::int64_t last = std::min(a.rows, first + kPieceRows);
    kernels::convert(a.row_range(first, last - first), unit, values.data() + first * a.columns, a.columns);
    for (std::int64_t i = first; i < last; ++i) {
      double* const row = values.data() + i * a.columns;
      const double factor = of_rows[static_cast<std::size_t>(i)];
      for (std::int64_t j = 0; j < a.columns; ++j) row[j] = row[j] * factor * of_columns[static_cast<std::size_t>(j)];
    }
  });
  ScannedMatrix scanned(stored_matrix(values.data(), a.rows, a.columns), context);
  const std::optional<Bounded> sigma = upper_of(scanned, options, context);
  if (!sigma) return std::nullopt;
  const InRange& range = scanned.in_range(context);
  const double frobenius = round_up(frobenius_upper_bound(range) * range.factor);
  const double moved = round_up(0x1.02p-52 * frobenius + static_cast<double>(a.size()) * 0x1p-870);
  const double outer = round_up(inverse_norm(w, exponent_of_rows(q)) * inverse_norm(v, exponent_of_columns(p)));
  const double upper = round_up(sigma->upper + moved) * outer;
  return Bounded{round_up(upper / unit), sigma->failure};
}

}  // namespace sigmax::bounds
