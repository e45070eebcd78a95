#include "sigmax/norms/maps/line_maps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/maps/line_path.hpp"
#include "sigmax/norms/maps/log_balance.hpp"
#include "sigmax/norms/maps/proximal.hpp"
#include "sigmax/norms/maps/root.hpp"
#include "sigmax/norms/vector.hpp"

namespace sigmax::norms {
namespace {

std::vector<double> lengths_of(const Lines& lines, double p) {
  std::vector<double> lengths;
  lengths.reserve(lines.size());
  for (const std::vector<double>& line : lines) lengths.push_back(vector_norm(line, p));
  return lengths;
}

// The 2-norm does not distinguish directions, so lines keep theirs and their lengths are mapped.
Lines with_lengths(Lines lines, const std::vector<double>& before, const std::vector<double>& after) {
  for (std::size_t j = 0; j < lines.size(); ++j) {
    const double factor = before[j] > 0 ? after[j] / before[j] : 0;
    for (double& value : lines[j]) value *= factor;
  }
  return lines;
}

Lines each_proximal(const Lines& lines, double p, double lambda) {
  Lines result;
  for (const std::vector<double>& line : lines) result.push_back(proximal_p(line, p, lambda));
  return result;
}

// Onto sum |a_j|_p <= radius: each line's map for the lambda that fills the ball. At the largest p*-norm of a line
// nothing is left.
Lines onto_sum(const Lines& lines, double p, double radius) {
  const std::vector<double> lengths = lengths_of(lines, p);
  if (vector_norm(lengths, 1) <= radius) return lines;
  const auto excess = [&](double lambda) {
    return vector_norm(lengths_of(each_proximal(lines, p, lambda), p), 1) - radius;
  };
  const double most = vector_norm(lengths_of(lines, conjugate(p)), kInfinity) * (1 + 1e-12);
  return each_proximal(lines, p, root_of_falling(excess, 0, most));
}

// Has a line of the matrix a map of its own, so that one root is enough?
bool is_simple(const Mixed& n) { return n.p == 2 || n.q == 1 || std::isinf(n.q); }

// Both maps for 1 < q < infinity and p != 2: the minimizer of 1/2 |Y - X|_F^2 + mu/q sum |y_j|_p^q splits into lines,
// each of which has a root of its own (LinePath). With t = |Y|_{p,q} it is the proximal map for lambda = mu t^(q-1)
// and the projection onto the ball of radius t, and one root in log mu finds either.
class NestedMap {
 public:
  // In units of the largest entry.
  NestedMap(Lines lines, const Mixed& n) : lines_(std::move(lines)), q_(n.q) {
    for (const std::vector<double>& line : lines_) paths_.emplace_back(line, n.p, n.q);
  }

  Lines with_norm(double radius) {
    const double wanted = std::log(radius);
    return at(root_of_falling_on_line([&](double log_mu) { return log_norm(log_mu) - wanted; }, kEnough));
  }

  Lines with_lambda(double lambda) {
    const double wanted = std::log(lambda);
    return at(
        root_of_falling_on_line([&](double log_mu) { return wanted - log_mu - (q_ - 1) * log_norm(log_mu); }, kEnough));
  }

 private:
  static constexpr double kEnough = 4 * std::numeric_limits<double>::epsilon();

  double log_norm(double log_mu) {
    std::vector<double> logs;
    for (LinePath& path : paths_) logs.push_back(path.log_norm(log_mu));
    return log_p_norm(logs, q_);
  }

  Lines at(double log_mu) {
    Lines result;
    for (LinePath& path : paths_) result.push_back(path.at(log_mu));
    return result;
  }

  Lines lines_;
  double q_;
  std::vector<LinePath> paths_;
};

Lines times_power(Lines lines, int exponent) {
  for (std::vector<double>& line : lines) {
    for (double& value : line) value = std::ldexp(value, exponent);
  }
  return lines;
}

int exponent_of(const Lines& lines) { return std::ilogb(vector_norm(lengths_of(lines, kInfinity), kInfinity)); }

// Rounding of the roots may leave the lines a little outside of the ball.
Lines into_ball(Lines lines, const Mixed& n, double radius) {
  const double length = vector_norm(lengths_of(lines, n.p), n.q);
  if (!(length > radius)) return lines;
  for (std::vector<double>& line : lines) {
    for (double& value : line) value = value / length * radius;
  }
  return lines;
}

Lines project_nested(const Lines& lines, const Mixed& n, double radius) {
  if (radius == 0) return Lines(lines.size(), std::vector<double>(lines.front().size(), 0.0));
  const int exponent = exponent_of(lines);
  const double unit = std::max(std::ldexp(radius, -exponent), 0x1p-1000);
  return into_ball(times_power(NestedMap(times_power(lines, -exponent), n).with_norm(unit), exponent), n, radius);
}

Lines proximal_nested(const Lines& lines, const Mixed& n, double lambda) {
  // At the dual norm nothing is left.
  const std::vector<double> dual = lengths_of(lines, conjugate(n.p));
  if (vector_norm(dual, conjugate(n.q)) <= lambda)
    return Lines(lines.size(), std::vector<double>(lines.front().size()));
  if (lambda == 0) return lines;
  const int exponent = exponent_of(lines);
  const double unit = std::ldexp(lambda, -exponent);
  if (unit == 0) return lines;
  return times_power(NestedMap(times_power(lines, -exponent), n).with_lambda(unit), exponent);
}

}  // namespace

Lines project_lines(const Lines& lines, const Mixed& n, double radius) {
  const FloatingEnvironment environment;
  const std::vector<double> lengths = lengths_of(lines, n.p);
  if (vector_norm(lengths, n.q) <= radius) return lines;
  if (n.p == 2) return with_lengths(lines, lengths, project_p(lengths, n.q, radius));
  if (!is_simple(n)) return project_nested(lines, n, radius);
  if (n.q == 1) return onto_sum(lines, n.p, radius);
  Lines result;
  for (const std::vector<double>& line : lines) result.push_back(project_p(line, n.p, radius));
  return result;
}

Lines proximal_lines(const Lines& lines, const Mixed& n, double lambda) {
  const FloatingEnvironment environment;
  if (n.p == 2) {
    const std::vector<double> lengths = lengths_of(lines, 2);
    return with_lengths(lines, lengths, proximal_p(lengths, n.q, lambda));
  }
  if (n.q == 1) return each_proximal(lines, n.p, lambda);
  if (!is_simple(n)) return proximal_nested(lines, n, lambda);
  // Moreau: the dual of the largest p-norm is the sum of p*-norms.
  Lines result = lines;
  const Lines dual = onto_sum(lines, conjugate(n.p), lambda);
  for (std::size_t j = 0; j < lines.size(); ++j) {
    for (std::size_t i = 0; i < lines[j].size(); ++i) result[j][i] -= dual[j][i];
  }
  return result;
}

}  // namespace sigmax::norms
