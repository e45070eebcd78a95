#include "sigmax/linalg/band.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// Diagonal and subdiagonals, by columns: (d, j) is A_{j+d, j}, with room for the entry that a rotation fills in.
class Band {
 public:
  Band(MatrixView<const double> a, std::int64_t bandwidth)
      : n_(a.columns), width_(std::min(bandwidth, n_ - 1)), entries_(width_ + 2, n_) {
    for (std::int64_t j = 0; j < n_; ++j) {
      for (std::int64_t d = 0; d <= width_ && j + d < n_; ++d) entries_(d, j) = a.data[j + d + j * a.stride];
    }
  }

  std::int64_t order() const { return n_; }
  std::int64_t width() const { return width_; }
  double& at(std::int64_t i, std::int64_t j) { return entries_(i - j, j); }
  double at(std::int64_t i, std::int64_t j) const { return entries_(i - j, j); }

  // Multiplied by 2^exponent.
  void scale(int exponent) {
    for (double& value : entries_.values()) value = std::ldexp(value, exponent);
  }

  double largest_entry() const {
    double largest = 0;
    for (const double value : entries_.values()) largest = std::max(largest, std::fabs(value));
    return largest;
  }

 private:
  std::int64_t n_;
  std::int64_t width_;
  Matrix<double> entries_;
};

// The exponent e for which products of entries and eps |A| of 2^-e times the band are well in range; 0 for nearly all
// bands.
int exponent_of(const Band& a) {
  constexpr int kModerate = 200;
  const double largest = a.largest_entry();
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  const int exponent = std::ilogb(largest) + 1;
  return std::abs(exponent) > kModerate ? exponent : 0;
}

struct ReducedBand {
  std::vector<double> diagonal;
  std::vector<double> below;   // below[i] couples i - 1 and i
  std::vector<double> square;  // of below[i]
};

struct Rotation {
  double c = 1;
  double s = 0;
};

// Rotates columns p and q of x.
void turn_columns(Matrix<double>& x, std::int64_t p, std::int64_t q, const Rotation& by) {
  const std::span<double> first = x.column(p);
  const std::span<double> second = x.column(q);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double upper = first[i];
    first[i] = by.c * upper + by.s * second[i];
    second[i] = by.c * second[i] - by.s * upper;
  }
}

// A <- G A G^T with the rotation in the plane of p and p + 1 that takes A_{p+1, column} to zero.
Rotation rotate(Band& a, std::int64_t p, std::int64_t column) {
  const std::int64_t q = p + 1;
  const double x = a.at(p, column);
  const double y = a.at(q, column);
  a.at(q, column) = 0;
  const double length = std::sqrt(x * x + y * y);
  if (length < 1e-145) return {};  // its square has lost digits, and it is negligible in a Lanczos process
  const double c = x / length;
  const double s = y / length;
  a.at(p, column) = length;
  for (std::int64_t j = column + 1; j < p; ++j) {
    const double upper = a.at(p, j);
    const double lower = a.at(q, j);
    a.at(p, j) = c * upper + s * lower;
    a.at(q, j) = c * lower - s * upper;
  }
  const double pp = a.at(p, p);
  const double qp = a.at(q, p);
  const double qq = a.at(q, q);
  a.at(p, p) = c * c * pp + 2 * c * s * qp + s * s * qq;
  a.at(q, q) = s * s * pp - 2 * c * s * qp + c * c * qq;
  a.at(q, p) = c * s * (qq - pp) + (c * c - s * s) * qp;
  const std::int64_t last = std::min(q + a.width(), a.order() - 1);
  for (std::int64_t i = q + 1; i <= last; ++i) {
    const double left = a.at(i, p);
    const double right = a.at(i, q);
    a.at(i, p) = c * left + s * right;
    a.at(i, q) = c * right - s * left;
  }
  return {c, s};
}

// Each entry below the first subdiagonal is rotated to zero. The entry that this fills in, `width` rows further down,
// is chased out of the band. A = Q T Q^T, and the rows of `tail` are multiplied by Q.
ReducedBand tridiagonalize(Band a, Matrix<double>& tail) {
  const std::int64_t n = a.order();
  for (std::int64_t k = 0; k + 2 < n; ++k) {
    for (std::int64_t i = std::min(k + a.width(), n - 1); i >= k + 2; --i) {
      std::int64_t column = k;
      for (std::int64_t row = i; row < n && a.at(row, column) != 0; row += a.width()) {
        const Rotation by = rotate(a, row - 1, column);
        turn_columns(tail, row - 1, row, by);
        column = row - 1;
      }
    }
  }
  const auto order = static_cast<std::size_t>(n);
  ReducedBand result{std::vector<double>(order), std::vector<double>(order), std::vector<double>(order)};
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    result.diagonal[at] = a.at(i, i);
    if (i == 0) continue;
    result.below[at] = a.at(i, i - 1);
    result.square[at] = result.below[at] * result.below[at];
  }
  return result;
}

constexpr std::size_t kShifts = 8;

// The number of eigenvalues above each shift: the positive pivots of T - x I.
std::array<int, kShifts> counts_above(const ReducedBand& t, const std::array<double, kShifts>& shift, double tiny) {
  std::array<int, kShifts> count{};
  std::array<double, kShifts> pivot;
  pivot.fill(1);
  for (std::size_t i = 0; i < t.diagonal.size(); ++i) {
    for (std::size_t l = 0; l < kShifts; ++l) {
      double q = t.diagonal[i] - shift[l] - t.square[i] / pivot[l];
      q = std::fabs(q) < tiny ? -tiny : q;
      count[l] += q > 0 ? 1 : 0;
      pivot[l] = q;
    }
  }
  return count;
}

struct Between {
  double low;
  double high;
};

// Eigenvalue number `which` (1: the largest) inside `within`, which is cut into nine parts until it is as narrow as
// rounding.
Between enclose(const ReducedBand& t, int which, Between within, double scale) {
  const double tiny = scale * kEpsilon * kEpsilon;
  // Enough to go from a width of 2 scale to 4 eps scale by ninths.
  constexpr int kMostCuts = 20;
  for (int cut = 0; cut < kMostCuts && within.high - within.low > 4 * kEpsilon * scale; ++cut) {
    std::array<double, kShifts> shift;
    for (std::size_t l = 0; l < kShifts; ++l) {
      shift[l] = within.low + (within.high - within.low) * static_cast<double>(l + 1) / (kShifts + 1);
    }
    const std::array<int, kShifts> above = counts_above(t, shift, tiny);
    Between next = within;
    for (std::size_t l = 0; l < kShifts; ++l) {
      if (above[l] >= which) next.low = std::max(next.low, shift[l]);
    }
    for (std::size_t l = kShifts; l-- > 0;) {
      if (above[l] < which && shift[l] > next.low) next.high = std::min(next.high, shift[l]);
    }
    if (next.high - next.low >= within.high - within.low) break;  // the limit of rounding
    within = next;
  }
  return within;
}

// x <- (L L^T)^-1 x with L L^T = shift I - A. factor() returns whether the matrix is definite.
class Inverse {
 public:
  explicit Inverse(const Band& a) : a_(a), l_(a) {}

  bool factor(double shift) {
    const std::int64_t n = a_.order();
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = j; i <= last(j); ++i) {
        double sum = (i == j ? shift : 0) - a_.at(i, j);
        for (std::int64_t k = std::max<std::int64_t>(0, i - a_.width()); k < j; ++k) sum -= l_.at(i, k) * l_.at(j, k);
        if (i == j) {
          if (!(sum > 0)) return false;
          l_.at(j, j) = std::sqrt(sum);
        } else {
          l_.at(i, j) = sum / l_.at(j, j);
        }
      }
    }
    return true;
  }

  void apply(std::vector<double>& x) const {
    const std::int64_t n = a_.order();
    const auto at = [&x](std::int64_t i) -> double& { return x[static_cast<std::size_t>(i)]; };
    for (std::int64_t j = 0; j < n; ++j) {
      at(j) /= l_.at(j, j);
      for (std::int64_t i = j + 1; i <= last(j); ++i) at(i) -= l_.at(i, j) * at(j);
    }
    for (std::int64_t j = n - 1; j >= 0; --j) {
      for (std::int64_t i = j + 1; i <= last(j); ++i) at(j) -= l_.at(i, j) * at(i);
      at(j) /= l_.at(j, j);
    }
    double square = 0;
    for (const double value : x) square += value * value;
    const double norm = std::sqrt(square);
    for (double& value : x) value /= norm;
  }

 private:
  std::int64_t last(std::int64_t j) const { return std::min(j + a_.width(), a_.order() - 1); }

  const Band& a_;
  Band l_;
};

// One sweep of the implicit QL step on rows l ... m of T, with Wilkinson's shift; the rotations into `tail`.
void ql_sweep(ReducedBand& t, std::int64_t l, std::int64_t m, Matrix<double>& tail) {
  const auto d = [&t](std::int64_t i) -> double& { return t.diagonal[static_cast<std::size_t>(i)]; };
  const auto e = [&t](std::int64_t i) -> double& { return t.below[static_cast<std::size_t>(i) + 1]; };  // i and i + 1
  const double half = (d(l + 1) - d(l)) / (2 * e(l));
  double g = d(m) - d(l) + e(l) / (half + std::copysign(std::sqrt(half * half + 1), half));
  double s = 1;
  double c = 1;
  double moved = 0;
  for (std::int64_t i = m - 1; i >= l; --i) {
    const double f = s * e(i);
    const double b = c * e(i);
    const double r = std::sqrt(f * f + g * g);
    if (i + 1 < m) e(i + 1) = r;
    if (r == 0) {  // T has split here
      d(i + 1) -= moved;
      return;
    }
    s = f / r;
    c = g / r;
    g = d(i + 1) - moved;
    const double turned = (d(i) - g) * s + 2 * c * b;
    moved = s * turned;
    d(i + 1) = g + moved;
    g = c * turned - b;
    turn_columns(tail, i + 1, i, {c, s});
  }
  d(l) -= moved;
  e(l) = g;
}

// Makes T diagonal by implicit QL; returns false if it does not converge.
bool diagonalize(ReducedBand& t, Matrix<double>& tail) {
  constexpr int kMostSweeps = 50;  // per eigenvalue; usually two
  const auto n = static_cast<std::int64_t>(t.diagonal.size());
  for (std::int64_t l = 0; l < n; ++l) {
    for (int sweep = 0;; ++sweep) {
      std::int64_t m = l;
      for (; m + 1 < n; ++m) {
        const auto at = static_cast<std::size_t>(m);
        const double neighbors = std::fabs(t.diagonal[at]) + std::fabs(t.diagonal[at + 1]);
        if (std::fabs(t.below[at + 1]) <= kEpsilon * neighbors) break;
      }
      if (m + 1 < n) t.below[static_cast<std::size_t>(m) + 1] = 0;
      if (m == l) break;
      if (sweep == kMostSweeps) return false;
      ql_sweep(t, l, m, tail);
    }
  }
  return true;
}

double rayleigh_quotient(const Band& a, const std::vector<double>& x) {
  double sum = 0;
  for (std::int64_t j = 0; j < a.order(); ++j) {
    const double xj = x[static_cast<std::size_t>(j)];
    sum += a.at(j, j) * xj * xj;
    for (std::int64_t i = j + 1; i <= std::min(j + a.width(), a.order() - 1); ++i) {
      sum += 2 * a.at(i, j) * x[static_cast<std::size_t>(i)] * xj;
    }
  }
  return sum;
}

}  // namespace

LeadingOfBand leading_of_band(MatrixView<const double> a, std::int64_t bandwidth) {
  const FloatingEnvironment environment;
  Band band(a, bandwidth);
  const std::int64_t n = band.order();
  LeadingOfBand result;
  result.vector.assign(static_cast<std::size_t>(n), 0.0);
  result.vector.front() = 1;
  const int exponent = exponent_of(band);
  if (exponent != 0) band.scale(-exponent);
  const double scale = band.largest_entry() * static_cast<double>(2 * band.width() + 1);  // at least the norm
  if (n == 1 || !(scale > 0) || !std::isfinite(scale)) {
    result.value = std::ldexp(band.at(0, 0), exponent);
    return result;
  }
  Matrix<double> no_tail(0, n);
  const ReducedBand t = tridiagonalize(band, no_tail);
  const Between first = enclose(t, 1, {-scale, scale}, scale);
  const Between second = enclose(t, 2, {-scale, first.high}, scale);
  result.next = std::ldexp(second.low, exponent);

  // Entries of both signs without a pattern, so that no eigenvector is orthogonal to the vector.
  for (std::int64_t i = 0; i < n; ++i) {
    result.vector[static_cast<std::size_t>(i)] = 0.1 + std::fmod(0.618 * static_cast<double>(i + 1), 1.0);
  }
  Inverse inverse(band);
  double above = 4 * kEpsilon * scale;
  // 4^27 eps exceeds 8: at that point the shift exceeds twice the norm, and the matrix to be factored is clearly
  // definite.
  constexpr int kMostShifts = 27;
  int shifts = 0;
  for (; shifts < kMostShifts && !inverse.factor(first.high + above); ++shifts) above *= 4;
  for (int step = 0; step < 3 && shifts < kMostShifts; ++step) inverse.apply(result.vector);
  result.value = std::ldexp(rayleigh_quotient(band, result.vector), exponent);
  return result;
}

std::optional<TailedSpectrum> spectrum_of_band(MatrixView<const double> a, std::int64_t bandwidth, std::int64_t tail) {
  const FloatingEnvironment environment;
  Band band(a, bandwidth);
  const std::int64_t n = band.order();
  const int exponent = exponent_of(band);
  if (exponent != 0) band.scale(-exponent);
  Matrix<double> rows(tail, n);
  for (std::int64_t i = 0; i < tail; ++i) rows(i, n - tail + i) = 1;
  ReducedBand t = tridiagonalize(band, rows);
  if (!diagonalize(t, rows)) return std::nullopt;

  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto value = [&t](std::int64_t i) { return t.diagonal[static_cast<std::size_t>(i)]; };
  std::ranges::sort(order, [&](std::int64_t i, std::int64_t j) { return value(i) > value(j); });
  TailedSpectrum result{{}, Matrix<double>(tail, n)};
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t from = order[static_cast<std::size_t>(i)];
    result.value.push_back(std::ldexp(value(from), exponent));
    std::ranges::copy(rows.column(from), result.tail.column(i).begin());
  }
  return result;
}

}  // namespace sigmax
