#include "sigmax/linalg/tridiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/sturm.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

// T scaled by a power of two, so that |d_i| + |e_i-1| + |e_i| < 1, with off-diagonal entries squared. Entries too small
// to matter are raised to 2^-55, because the polynomial's recurrence must not break down.
struct Scaled {
  std::vector<double> diagonal;
  std::vector<double> squares;
  double left = 0;  // with `right`: an interval that holds all eigenvalues
  double right = 0;
  int exponent = 0;
  std::int64_t order() const { return static_cast<std::int64_t>(diagonal.size()); }
};

Scaled scaled(const Tridiagonal& t) {
  constexpr double kLeast = 0x1p-55;
  const std::size_t n = t.diagonal.size();
  const auto radius = [&](std::size_t i) {
    return (i > 0 ? std::fabs(t.off_diagonal[i - 1]) : 0.0) + (i + 1 < n ? std::fabs(t.off_diagonal[i]) : 0.0);
  };
  double bound = 0;
  for (std::size_t i = 0; i < n; ++i) bound = std::fmax(bound, std::fabs(t.diagonal[i]) + radius(i));
  Scaled s{t.diagonal, t.off_diagonal};
  if (bound == 0 || !std::isfinite(bound)) return s;
  s.exponent = std::ilogb(bound) + 1;
  // 2^-exponent itself overflows if all entries are subnormal.
  const auto in_units = [&s](double value) { return std::ldexp(value, -s.exponent); };
  s.left = 1;
  s.right = -1;
  for (std::size_t i = 0; i < n; ++i) {
    s.diagonal[i] = in_units(s.diagonal[i]);
    s.left = std::fmin(s.left, s.diagonal[i] - in_units(radius(i)));
    s.right = std::fmax(s.right, s.diagonal[i] + in_units(radius(i)));
  }
  for (double& e : s.squares) {
    const double size = std::fmax(std::fabs(in_units(e)), kLeast);
    e = size * size;
  }
  s.left -= 0x1p-50;
  s.right += 0x1p-50;
  return s;
}

// det(T - x I) at a point.
struct Point {
  double x = 0;
  double mantissa = 0;
  std::int64_t exponent = 0;
};

// Two points with the eigenvalues first ... last - 1 between them, counted from the smallest.
struct Cell {
  Point left;
  Point right;
  std::int64_t first = 0;
  std::int64_t last = 0;
  double width() const { return right.x - left.x; }
};

// Points to be evaluated together, padded to a whole group.
class Points {
 public:
  void clear() { x_.clear(); }
  void add(double x) { x_.push_back(x); }
  std::size_t size() const { return x_.size(); }

  void evaluate(const Scaled& t) {
    constexpr auto kGroup = static_cast<std::size_t>(kernels::kSturmGroup);
    const std::size_t padded = (x_.size() + kGroup - 1) / kGroup * kGroup;
    x_.resize(padded, x_.empty() ? 0.0 : x_.back());
    below_.resize(padded);
    mantissa_.resize(padded);
    exponent_.resize(padded);
    kernels::sturm(t.diagonal.data(), t.squares.data(), t.order(), x_.data(), static_cast<std::int64_t>(padded),
                   {below_.data(), mantissa_.data(), exponent_.data()});
  }

  std::int64_t below(std::size_t i) const { return below_[i]; }
  Point point(std::size_t i) const { return {x_[i], mantissa_[i], exponent_[i]}; }

 private:
  std::vector<double> x_;
  std::vector<std::int64_t> below_;
  std::vector<double> mantissa_;
  std::vector<std::int64_t> exponent_;
};

// Half the width at which a cell is small enough: the polynomial is not known more accurately.
constexpr double kHalfWidth = 0x1p-53;

// Interpolation usually needs about ten evaluations. After kInterpolations a bracket is halved; since all points lie
// within [-2, 2], 54 halvings are enough. At most 54 more turn a cell into a bracket. Anything left after kMostPasses
// is not finite.
constexpr int kInterpolations = 60;
constexpr int kHalvings = 54;
constexpr int kMostPasses = kHalvings + kInterpolations + kHalvings;

// Chandrupatla's method (Advances in Engineering Software 28, 1997) for one eigenvalue: inverse quadratic interpolation
// where the three points allow it, bisection otherwise. x1 is the newest point, x2 lies on the other side of the
// eigenvalue, x3 is the one before. Values are relative to 2^exponent.
class Bracket {
 public:
  explicit Bracket(const Cell& cell)
      : index_(cell.first),
        exponent_(std::max(cell.left.exponent, cell.right.exponent)),
        x1_(cell.left.x),
        x2_(cell.right.x),
        f1_(value(cell.left)),
        f2_(-value(cell.right)) {
    if (f2_ > -f1_) {
      std::swap(x1_, x2_);
      std::swap(f1_, f2_);
    }
  }

  std::int64_t index() const { return index_; }
  double next() const { return x1_ + step_ * (x2_ - x1_); }
  double result() const { return f1_ == 0 ? x1_ : 0.5 * (x1_ + x2_); }

  // Takes the polynomial at next(); returns true when the bracket is done.
  bool update(const Point& point, std::int64_t below) {
    const bool is_left = below <= index_;
    const double f = is_left ? value(point) : -value(point);
    double x3 = x1_;
    double f3 = f1_;
    if (is_left != (x1_ < x2_)) {
      x3 = std::exchange(x2_, x1_);
      f3 = std::exchange(f2_, f1_);
    }
    x1_ = point.x;
    f1_ = f;
    const double width = std::fabs(x2_ - x1_);
    if (width <= 2 * kHalfWidth || f == 0) return true;
    step_ = 0.5;
    if (++looks_ > kInterpolations) return false;
    const double xi = (x1_ - x2_) / (x3 - x2_);
    const double phi = (f1_ - f2_) / (f3 - f2_);
    if (phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi) {
      step_ =
          f1_ / (f2_ - f1_) * (f3 / (f2_ - f3)) + (x3 - x1_) / (x2_ - x1_) * (f1_ / (f3 - f1_)) * (f2_ / (f3 - f2_));
    }
    const double least = kHalfWidth / width;
    step_ = std::clamp(step_, least, 1 - least);
    return false;
  }

 private:
  // |det(T - x I)|; its sign is + on the left and - on the right, even if rounding has changed the counts.
  double value(const Point& point) const {
    const auto exponent = static_cast<int>(std::clamp<std::int64_t>(point.exponent - exponent_, -900, 900));
    return std::fabs(std::ldexp(point.mantissa, exponent));
  }

  std::int64_t index_;
  std::int64_t exponent_;
  double x1_, x2_;
  double f1_, f2_;
  double step_ = 0.5;
  int looks_ = 0;
};

// All eigenvalues in some cells:
//   while cells or brackets are left:
//     evaluate m points in each cell of m eigenvalues, one in each bracket, all together
//     cut the cells at their points; parts with one eigenvalue become brackets
class Search {
 public:
  Search(const Scaled& t, std::span<double> values) : t_(t), values_(values) {}

  void add(const Cell& cell) {
    if (cell.width() <= 2 * kHalfWidth) {
      for (std::int64_t k = cell.first; k < cell.last; ++k) {
        values_[static_cast<std::size_t>(k)] = 0.5 * (cell.left.x + cell.right.x);
      }
    } else if (cell.last - cell.first == 1) {
      brackets_.emplace_back(cell);
    } else {
      cells_.push_back(cell);
    }
  }

  void run(const Context& context) {
    for (int pass = 0; pass < kMostPasses && !(cells_.empty() && brackets_.empty()); ++pass) {
      context.check_cancel();
      points_.clear();
      for (const Cell& cell : cells_) choose_points(cell);
      const std::size_t in_cells = points_.size();
      for (const Bracket& bracket : brackets_) points_.add(bracket.next());
      points_.evaluate(t_);

      std::size_t left = 0;
      for (std::size_t i = 0; i < brackets_.size(); ++i) {
        Bracket& bracket = brackets_[i];
        if (bracket.update(points_.point(in_cells + i), points_.below(in_cells + i))) {
          values_[static_cast<std::size_t>(bracket.index())] = bracket.result();
        } else {
          brackets_[left++] = bracket;
        }
      }
      brackets_.erase(brackets_.begin() + static_cast<std::ptrdiff_t>(left), brackets_.end());

      std::size_t next = 0;
      for (const Cell& cell : std::exchange(cells_, {})) {
        const std::size_t count = point_count(cell);
        cut(cell, points_, next, count, [this](const Cell& part) { add(part); });
        next += count;
      }
    }
    for (const Bracket& bracket : brackets_) values_[static_cast<std::size_t>(bracket.index())] = bracket.result();
    for (const Cell& cell : cells_) {
      for (std::int64_t k = cell.first; k < cell.last; ++k) values_[static_cast<std::size_t>(k)] = cell.left.x;
    }
  }

  // Calls take(part) for the parts of `cell` between points [next, next + count) that hold eigenvalues.
  template <class Take>
  static void cut(const Cell& cell, const Points& points, std::size_t next, std::size_t count, const Take& take) {
    Cell part = cell;
    for (std::size_t i = next; i < next + count; ++i) {
      part.right = points.point(i);
      part.last = std::clamp(points.below(i), part.first, cell.last);
      if (part.last > part.first) take(part);
      part.left = part.right;
      part.first = part.last;
    }
    part.right = cell.right;
    part.last = cell.last;
    if (part.last > part.first) take(part);
  }

 private:
  static std::size_t point_count(const Cell& cell) {
    const auto eigenvalues = static_cast<double>(cell.last - cell.first);
    return static_cast<std::size_t>(std::clamp(std::floor(cell.width() / (2 * kHalfWidth)), 1.0, eigenvalues));
  }

  void choose_points(const Cell& cell) {
    const std::size_t count = point_count(cell);
    const double step = cell.width() / static_cast<double>(count + 1);
    for (std::size_t i = 1; i <= count; ++i) points_.add(cell.left.x + step * static_cast<double>(i));
  }

  const Scaled& t_;
  std::span<double> values_;
  std::vector<Cell> cells_;
  std::vector<Bracket> brackets_;
  Points points_;
};

constexpr std::int64_t kPieceValues = 128;

}  // namespace

std::vector<double> eigenvalues(const Tridiagonal& t, Context& context) {
  const FloatingEnvironment environment;
  const std::size_t n = t.diagonal.size();
  if (n <= 1) return t.diagonal;
  const Scaled s = scaled(t);
  std::vector<double> values(n, 0.0);
  if (s.exponent == 0 && s.right == 0) {  // zero, or beyond the range
    if (!std::ranges::all_of(s.diagonal, [](double d) { return d == 0; })) std::ranges::fill(values, NAN);
    return values;
  }

  // A first grid with one point per eigenvalue, both ends included.
  const auto pieces = static_cast<std::size_t>((s.order() + kPieceValues - 1) / kPieceValues);
  std::vector<Points> grid(pieces);
  const double step = (s.right - s.left) / static_cast<double>(n);
  context.parallel_for(pieces, [&](std::size_t p) {
    for (std::size_t i = n * p / pieces + (p > 0 ? 1 : 0); i <= n * (p + 1) / pieces; ++i) {
      grid[p].add(i == n ? s.right : s.left + step * static_cast<double>(i));
    }
    grid[p].evaluate(s);
  });
  std::vector<Cell> cells;
  Cell all{grid[0].point(0), {}, 0, 0};
  for (std::size_t p = 0; p < pieces; ++p) {
    // The padding repeats the piece's last point and cuts nothing off.
    all.right = grid[p].point(grid[p].size() - 1);
    all.last = p + 1 == pieces ? s.order() : std::max(all.first, grid[p].below(grid[p].size() - 1));
    Search::cut(all, grid[p], 0, grid[p].size(), [&](const Cell& part) { cells.push_back(part); });
    all.left = all.right;
    all.first = all.last;
  }
  context.parallel_for(pieces, [&](std::size_t p) {
    Search search(s, values);
    const auto begin = static_cast<std::int64_t>(p) * kPieceValues;
    for (const Cell& cell : cells) {
      if (cell.first >= begin && cell.first < begin + kPieceValues) search.add(cell);
    }
    search.run(context);
  });
  for (double& value : values) value = std::ldexp(value, s.exponent);
  return values;
}

// T - value I = P L U, then x <- (T - value I)^-1 x / |...| a few times from a vector without a pattern. A pivot of
// zero may be replaced by one of the size of rounding.
std::optional<std::vector<double>> eigenvector(const Tridiagonal& t, double value) {
  const FloatingEnvironment environment;
  constexpr int kSteps = 3;
  const std::size_t n = t.diagonal.size();
  const int order = static_cast<int>(n);
  const int one = 1;
  std::vector<double> lower = t.off_diagonal, diagonal = t.diagonal, upper = t.off_diagonal, second(n);
  std::vector<int> pivots(n);
  double largest = 0;
  for (double& d : diagonal) largest = std::fmax(largest, std::fabs(d -= value));
  for (const double e : t.off_diagonal) largest = std::fmax(largest, std::fabs(e));
  if (largest == 0) largest = 1;  // every vector is an eigenvector
  int info = 0;
  dgttrf_(&order, lower.data(), diagonal.data(), upper.data(), second.data(), pivots.data(), &info);
  for (double& d : diagonal) {
    if (d == 0) d = std::numeric_limits<double>::epsilon() * largest;
  }
  std::vector<double> x(n);
  static_cast<void>(fill_normal(RandomState{}, x));
  for (int step = 0; step < kSteps; ++step) {
    dgttrs_("N", &order, &one, lower.data(), diagonal.data(), upper.data(), second.data(), pivots.data(), x.data(),
            &order, &info);
    double norm = 0;
    for (const double entry : x) norm = std::fmax(norm, std::fabs(entry));
    if (!(norm > 0) || !std::isfinite(norm)) return std::nullopt;
    for (double& entry : x) entry /= norm;
  }
  double squares = 0;
  for (const double entry : x) squares += entry * entry;
  for (double& entry : x) entry /= std::sqrt(squares);
  return x;
}

}  // namespace sigmax
