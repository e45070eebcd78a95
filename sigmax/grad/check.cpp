#include "sigmax/grad/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <tuple>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::grad {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kLevels = 24;       // steps from h to 2^-23 h
constexpr int kFewestLevels = 4;  // an extrapolation that settles earlier may do so by chance
constexpr int kColumns = 7;       // orders of the extrapolation kept
// If the derivative is this small compared with |f| / |x|, or with the change of f over the first step, it is compared
// absolutely.
constexpr double kAbsoluteShare = 1e-6;
// The error of a derivative is an estimate: only a difference of more than this many errors contradicts the gradient.
constexpr double kErrors = 4;

// Richardson's extrapolation to h = 0 of values taken at h, h/2, h/4, ..., whose error is a series in h^power:
//     T(i, 0) = value(h / 2^i),  T(i, j) = T(i, j-1) + (T(i, j-1) - T(i-1, j-1)) / (2^(power j) - 1)
// The entry used is the one nearest to both of its parents, including the rounding error of f.
class Extrapolation {
 public:
  explicit Extrapolation(int power) : power_(power) {}

  void add(double value, double noise) {
    std::array<double, kColumns> row{};
    row[0] = value;
    const int columns = std::min(count_, kColumns - 1);
    double factor = 1;
    for (int j = 1; j <= columns; ++j) {
      factor = std::ldexp(factor, power_);
      const auto at = static_cast<std::size_t>(j);
      row[at] = row[at - 1] + (row[at - 1] - last_[at - 1]) / (factor - 1);
      const double spread = std::max(std::fabs(row[at] - row[at - 1]), std::fabs(row[at] - last_[at - 1]));
      if (!(spread + noise < error_)) continue;
      error_ = spread + noise;
      value_ = row[at];
    }
    if (count_ == 0) value_ = value;
    last_ = row;
    ++count_;
  }

  double value() const { return value_; }
  double error() const { return error_; }

 private:
  int power_;
  int count_ = 0;
  std::array<double, kColumns> last_{};
  double value_ = 0;
  double error_ = std::numeric_limits<double>::infinity();
};

double norm2(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 0;
  double sum = 0;
  for (const double value : x) sum += (value / largest) * (value / largest);
  return largest * std::sqrt(sum);
}

void require(std::span<const double> x, std::span<const double> gradient, const CheckOptions& options) {
  if (x.empty() || x.size() != gradient.size()) {
    throw Error(
        fmt::format("[check_gradient] {} parameters and {} derivatives: the numbers must be equal, and at least 1",
                    x.size(), gradient.size()));
  }
  if (!(options.tolerance > 0)) {
    throw Error(fmt::format("[check_gradient] the tolerance must be positive, got {}", options.tolerance));
  }
  if (options.directions < 0) {
    throw Error(
        fmt::format("[check_gradient] the number of directions must not be negative, got {}", options.directions));
  }
  if (!(options.step >= 0) || std::isinf(options.step)) {
    throw Error(
        fmt::format("[check_gradient] the step must be positive and finite, or 0 for automatic, got {}", options.step));
  }
  if (options.directions == 0 && static_cast<std::int64_t>(x.size()) > options.coordinates_up_to) {
    throw Error(
        fmt::format("[check_gradient] nothing to check: no random directions, and {} parameters are more than "
                    "coordinates_up_to, {}",
                    x.size(), options.coordinates_up_to));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(gradient[i])) continue;
    throw Error(fmt::format("[check_gradient] parameter {} is {} with derivative {}; both must be finite", i, x[i],
                            gradient[i]));
  }
}

double finite(double value) {
  if (!std::isfinite(value)) {
    throw Error(fmt::format("[check_gradient] the function gave {}; it must be finite about x", value));
  }
  return value;
}

// Data shared by all directions.
struct Setting {
  std::span<const double> x;
  double value = 0;     // f(x)
  double rms = 0;       // of x
  double ordinary = 0;  // the average size of a derivative along a direction
  double noise = 0;     // of f
  double step = 0;
  double tolerance = 0;

  Setting(std::span<const double> at, std::span<const double> gradient, double f, const CheckOptions& options)
      : x(at), value(f), tolerance(options.tolerance) {
    const double root = std::sqrt(static_cast<double>(x.size()));
    rms = norm2(x) / root;
    if (rms == 0) rms = 1;
    ordinary = std::max(norm2(gradient) / root, kAbsoluteShare * std::fabs(value) / rms);
    step = options.step > 0 ? options.step : 0.1 * rms;
  }

  // `slope`: the largest difference quotient over the first step.
  double reference(const DirectionalCheck& check, double slope) const {
    return std::max({ordinary, std::fabs(check.analytic), std::fabs(check.numerical), kAbsoluteShare * slope});
  }
};

// The error of f itself, from differences of order 4 to 6 of seven values so close that f without its error is a
// straight line: for independent errors of size e, the difference of order m has the size sqrt(binomial(2 m, m)) e
// (More and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011). The values are taken farther apart
// while most of them are equal.
double noise_of(const ScalarFunction& f, const Setting& setting, std::span<const double> direction) {
  std::vector<double> moved(setting.x.size());
  for (int exponent = -36; exponent <= -12; exponent += 4) {
    std::array<double, 7> values{};
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double t = std::ldexp(setting.step, exponent) * (static_cast<double>(k) - 3);
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = setting.x[i] + t * direction[i];
      values[k] = finite(f(moved));
    }
    int same = 0;
    for (std::size_t k = 0; k + 1 < values.size(); ++k) same += values[k] == values[k + 1] ? 1 : 0;
    if (same > 3) continue;
    constexpr std::array<double, 7> kVariance{1, 2, 6, 20, 70, 252, 924};
    double noise = 0;
    for (std::size_t order = 1; order < values.size(); ++order) {
      for (std::size_t k = 0; k + order < values.size(); ++k) {
        values[k] = values[k + 1] - values[k];
        if (order >= 4) noise = std::max(noise, std::fabs(values[k]) / std::sqrt(kVariance[order]));
      }
    }
    return noise;
  }
  return 0;
}

// The two one-sided derivatives by plain differences, their distance and its error, at one step.
struct Jump {
  double size = 0;
  double noise = 0;
};

// At a kink the distance of the one-sided differences stays as h goes to 0; for a smooth function it falls as h, and
// for one like |t|^(3/2) as sqrt(h). It is evaluated where noise is small, over four halvings of h.
bool is_kink(const std::vector<Jump>& jumps, double allowed) {
  std::size_t last = jumps.size();
  while (last > 0 && jumps[last - 1].noise > allowed / 2) --last;
  if (last == 0) return false;
  const std::size_t before = last > 5 ? last - 5 : 0;
  const double size = jumps[last - 1].size;
  return size > allowed + 2 * jumps[last - 1].noise && size > jumps[before].size / 2;
}

void judge(double tolerance, double reference, bool kink, double one_sided_error, DirectionalCheck& check) {
  const double allowed = tolerance * reference;
  const double difference = std::fabs(check.analytic - check.numerical);
  check.relative_error = reference > 0 ? difference / reference : 0;
  const auto [low, high] = std::minmax(check.forward, check.backward);
  if (kink && high - low > allowed + one_sided_error) {
    const double slack = allowed + one_sided_error;
    const bool between = check.analytic >= low - slack && check.analytic <= high + slack;
    check.verdict = between ? Verdict::not_differentiable : Verdict::disagree;
  } else if (difference <= allowed && check.error <= allowed) {
    check.verdict = Verdict::agree;
  } else {
    check.verdict = difference > allowed + kErrors * check.error ? Verdict::disagree : Verdict::undecided;
  }
}

DirectionalCheck differences(const ScalarFunction& f, const Setting& setting, std::span<const double> direction,
                             DirectionalCheck check) {
  Extrapolation central(2), forward(1), backward(1);
  std::vector<double> moved(setting.x.size());
  std::vector<Jump> jumps;
  double slope = 0;
  const auto at = [&](double t) {
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = setting.x[i] + t * direction[i];
    return finite(f(moved));
  };
  double h = setting.step;
  for (int level = 0; level < kLevels; ++level, h /= 2) {
    const double plus = at(h);
    const double minus = at(-h);
    const double rounding = kEpsilon * std::max({std::fabs(plus), std::fabs(minus), std::fabs(setting.value)});
    const double noise = std::max(rounding, setting.noise) / h;
    central.add((plus - minus) / (2 * h), noise);
    forward.add((plus - setting.value) / h, 2 * noise);
    backward.add((setting.value - minus) / h, 2 * noise);
    jumps.push_back({std::fabs(plus - setting.value - (setting.value - minus)) / h, 4 * noise});
    check.numerical = central.value();
    if (level == 0) slope = std::max(std::fabs(plus - setting.value), std::fabs(minus - setting.value)) / h;
    const double settled = setting.tolerance * setting.reference(check, slope) / 64;
    if (level + 1 >= kFewestLevels && central.error() <= settled && forward.error() <= settled &&
        backward.error() <= settled) {
      break;
    }
  }
  check.error = central.error();
  check.forward = forward.value();
  check.backward = backward.value();
  const double reference = setting.reference(check, slope);
  const bool kink = is_kink(jumps, setting.tolerance * reference);
  judge(setting.tolerance, reference, kink, forward.error() + backward.error(), check);
  return check;
}

// Calls visit(coordinate, direction) for every direction to be tried; returns the next random numbers.
template <class Visit>
RandomState for_each_direction(std::size_t n, const CheckOptions& options, const Visit& visit) {
  std::vector<double> direction(n, 0.0);
  if (static_cast<std::int64_t>(n) <= options.coordinates_up_to) {
    for (std::size_t i = 0; i < n; ++i) {
      direction[i] = 1;
      visit(static_cast<std::int64_t>(i), std::span<const double>(direction));
      direction[i] = 0;
    }
  }
  RandomState random = options.random;
  for (std::int64_t k = 0; k < options.directions; ++k) {
    random = fill_normal(random, direction);
    const double length = norm2(direction);
    for (double& value : direction) value /= length;
    visit(std::nullopt, std::span<const double>(direction));
  }
  return random;
}

std::string describe(const CheckResult& result, double tolerance) {
  const DirectionalCheck& worst = result.directions[result.worst];
  const std::string along = worst.coordinate ? fmt::format("for parameter {}", *worst.coordinate)
                                             : fmt::format("along random direction {}", result.worst);
  std::string text = fmt::format(
      "{}; worst {}: claimed {:.10g}, differences give {:.10g} +- {:.1e}, relative error "
      "{:.1e} of {:.1e} allowed",
      message(result.verdict), along, worst.analytic, worst.numerical, worst.error, worst.relative_error, tolerance);
  if (worst.forward != worst.backward && worst.verdict != Verdict::agree) {
    text += fmt::format("; to the left {:.10g}, to the right {:.10g}", worst.backward, worst.forward);
  }
  return text;
}

template <class Evaluate>
CheckResult check_all(std::span<const double> x, std::span<const double> gradient, const CheckOptions& options,
                      const Evaluate& evaluate) {
  CheckResult result;
  result.random =
      for_each_direction(x.size(), options, [&](std::optional<std::int64_t> coordinate, std::span<const double> d) {
        DirectionalCheck check;
        check.coordinate = coordinate;
        for (std::size_t i = 0; i < d.size(); ++i) check.analytic += gradient[i] * d[i];
        result.directions.push_back(evaluate(d, check));
      });
  for (std::size_t i = 1; i < result.directions.size(); ++i) {
    const auto rank = [&](std::size_t at) {
      const DirectionalCheck& check = result.directions[at];
      // A single parameter says more than a mixture of all.
      const bool named = check.coordinate && check.verdict != Verdict::agree;
      return std::tuple(check.verdict, named, check.relative_error);
    };
    if (rank(i) > rank(result.worst)) result.worst = i;
  }
  result.verdict = result.directions[result.worst].verdict;
  result.relative_error = result.directions[result.worst].relative_error;
  result.message = describe(result, options.tolerance);
  return result;
}

}  // namespace

std::string_view message(Verdict verdict) {
  switch (verdict) {
    case Verdict::agree: return "the gradient agrees with differences";
    case Verdict::undecided:
      return "undecided: the differences are not accurate enough; move x away from kinks and ties, or evaluate f more "
             "exactly";
    case Verdict::not_differentiable:
      return "not differentiable here: the one-sided derivatives differ, and the claimed one lies between";
    case Verdict::disagree: return "the gradient disagrees with differences";
  }
  return "";
}

CheckResult check_gradient(const ScalarFunction& f, std::span<const double> x, std::span<const double> gradient,
                           const CheckOptions& options) {
  const FloatingEnvironment environment;
  require(x, gradient, options);
  Setting setting(x, gradient, finite(f(x)), options);
  // One direction represents all: the first random one, or another if none is asked for.
  std::vector<double> any(x.size());
  static_cast<void>(fill_normal(options.random, any));
  const double length = norm2(any);
  for (double& value : any) value /= length;
  setting.noise = noise_of(f, setting, any);
  return check_all(x, gradient, options, [&](std::span<const double> direction, const DirectionalCheck& check) {
    return differences(f, setting, direction, check);
  });
}

CheckResult check_gradient_by_complex_step(const ComplexFunction& f, std::span<const double> x,
                                           std::span<const double> gradient, const CheckOptions& options) {
  require(x, gradient, options);
  std::vector<std::complex<double>> moved(x.begin(), x.end());
  const Setting setting(x, gradient, finite(f(moved).real()), options);
  // h^2 is negligible next to 1: only the first term of the series is left.
  const double h = std::ldexp(setting.rms, -300);
  return check_all(x, gradient, options, [&](std::span<const double> direction, DirectionalCheck check) {
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = {x[i], h * direction[i]};
    check.numerical = finite(f(moved).imag() / h);
    check.forward = check.backward = check.numerical;
    check.error = kEpsilon * std::max(std::fabs(check.numerical), setting.ordinary);
    judge(setting.tolerance, setting.reference(check, 0), false, 0, check);
    return check;
  });
}

}  // namespace sigmax::grad
