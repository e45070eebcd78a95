#include "sigmax/svd/band.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

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

struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> square;  // of the off-diagonal: square[i] couples i - 1 and i
};

// A <- G A G^T with the rotation in the plane of p and p + 1 that takes A_{p+1, column} to zero.
void rotate(Band& a, std::int64_t p, std::int64_t column) {
  const std::int64_t q = p + 1;
  const double x = a.at(p, column);
  const double y = a.at(q, column);
  const double length = std::hypot(x, y);
  const double c = x / length;
  const double s = y / length;
  a.at(p, column) = length;
  a.at(q, column) = 0;
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
}

// Each entry below the first subdiagonal is rotated away; what that fills in, `width` rows further down, is chased out.
Tridiagonal tridiagonalize(Band a) {
  const std::int64_t n = a.order();
  for (std::int64_t k = 0; k + 2 < n; ++k) {
    for (std::int64_t i = std::min(k + a.width(), n - 1); i >= k + 2; --i) {
      std::int64_t column = k;
      for (std::int64_t row = i; row < n && a.at(row, column) != 0; row += a.width()) {
        rotate(a, row - 1, column);
        column = row - 1;
      }
    }
  }
  Tridiagonal result{std::vector<double>(static_cast<std::size_t>(n)),
                     std::vector<double>(static_cast<std::size_t>(n))};
  for (std::int64_t i = 0; i < n; ++i) {
    result.diagonal[static_cast<std::size_t>(i)] = a.at(i, i);
    if (i > 0) result.square[static_cast<std::size_t>(i)] = a.at(i, i - 1) * a.at(i, i - 1);
  }
  return result;
}

constexpr std::size_t kShifts = 8;

// How many eigenvalues are above each shift: the positive pivots of T - x I.
std::array<int, kShifts> counts_above(const Tridiagonal& t, const std::array<double, kShifts>& shift, double tiny) {
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

struct Bracket {
  double low;
  double high;
};

// Eigenvalue number `which` (1: the largest) within `within`, cut into nine until it is as narrow as rounding.
Bracket enclose(const Tridiagonal& t, int which, Bracket within, double scale) {
  const double tiny = scale * kEpsilon * kEpsilon;
  while (within.high - within.low > 4 * kEpsilon * scale) {
    std::array<double, kShifts> shift;
    for (std::size_t l = 0; l < kShifts; ++l) {
      shift[l] = within.low + (within.high - within.low) * static_cast<double>(l + 1) / (kShifts + 1);
    }
    const std::array<int, kShifts> above = counts_above(t, shift, tiny);
    Bracket next = within;
    for (std::size_t l = 0; l < kShifts; ++l) {
      if (above[l] >= which) next.low = std::max(next.low, shift[l]);
    }
    for (std::size_t l = kShifts; l-- > 0;) {
      if (above[l] < which && shift[l] > next.low) next.high = std::min(next.high, shift[l]);
    }
    if (next.high - next.low >= within.high - within.low) break;  // rounding: nothing more to be had
    within = next;
  }
  return within;
}

// x <- (L L^T)^-1 x with L L^T = shift I - A; whether that is definite.
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
  const Band band(a, bandwidth);
  const std::int64_t n = band.order();
  LeadingOfBand result;
  result.vector.assign(static_cast<std::size_t>(n), 0.0);
  result.vector.front() = 1;
  const double scale = band.largest_entry() * static_cast<double>(2 * band.width() + 1);  // at least the norm
  if (n == 1 || scale == 0) {
    result.value = band.at(0, 0);
    return result;
  }
  const Tridiagonal t = tridiagonalize(band);
  const Bracket first = enclose(t, 1, {-scale, scale}, scale);
  const Bracket second = enclose(t, 2, {-scale, first.high}, scale);
  result.next = second.low;

  // Entries of either sign and no pattern, so that no eigenvector is orthogonal to all of it.
  for (std::int64_t i = 0; i < n; ++i) {
    result.vector[static_cast<std::size_t>(i)] = 0.1 + std::fmod(0.618 * static_cast<double>(i + 1), 1.0);
  }
  Inverse inverse(band);
  double above = 4 * kEpsilon * scale;
  while (!inverse.factor(first.high + above)) above *= 4;
  for (int step = 0; step < 3; ++step) inverse.apply(result.vector);
  result.value = rayleigh_quotient(band, result.vector);
  return result;
}

}  // namespace sigmax
