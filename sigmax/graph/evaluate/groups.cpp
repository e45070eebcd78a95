// Operations on groups of entries: softmax, reductions, pooling, normalization.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph::evaluation {
namespace {

/// The entries of one group of a vector.
template <class T>
class Strand {
 public:
  Strand(T* first, const Groups& groups)
      : first_(first), step_(static_cast<std::size_t>(groups.inner)), size_(static_cast<std::size_t>(groups.length)) {}
  std::size_t size() const { return size_; }
  T& operator[](std::size_t k) const { return first_[k * step_]; }

 private:
  T* first_;
  std::size_t step_;
  std::size_t size_;
};
using Read = Strand<const double>;
using Write = Strand<double>;

Read strand(const Vector& x, std::size_t start, const Groups& groups) { return {x.data() + start, groups}; }
Write strand(Vector& x, std::size_t start, const Groups& groups) { return {x.data() + start, groups}; }

double dot(const Read& a, const Read& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

double total_of(const Read& a) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k];
  return sum;
}

// J of the softmax is diag(y) - y y^T, symmetric; that of its logarithm is I - 1 p^T with p = exp(y).
class SoftmaxMap final : public LocalMap {
 public:
  explicit SoftmaxMap(const Softmax& softmax) : groups_(softmax.groups), logarithm_(softmax.logarithm) {}

  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    each_group(groups_, [&](std::size_t start) {
      const Read in = strand(*x[0], start, groups_);
      const Write out = strand(y, start, groups_);
      double most = in[0];
      for (std::size_t k = 1; k < in.size(); ++k) most = std::max(most, in[k]);
      double sum = 0;
      for (std::size_t k = 0; k < in.size(); ++k) sum += std::exp(in[k] - most);
      const double log_sum = std::log(sum);
      for (std::size_t k = 0; k < in.size(); ++k) {
        out[k] = logarithm_ ? in[k] - most - log_sum : std::exp(in[k] - most) / sum;
      }
    });
    return y;
  }
  Vector push(Operands, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    each_group(groups_, [&](std::size_t start) {
      const Read d = strand(*dx[0], start, groups_);
      const Read at = strand(y, start, groups_);
      const Write out = strand(dy, start, groups_);
      if (logarithm_) {
        double mean = 0;
        for (std::size_t k = 0; k < d.size(); ++k) mean += std::exp(at[k]) * d[k];
        for (std::size_t k = 0; k < d.size(); ++k) out[k] = d[k] - mean;
      } else {
        times_covariance(at, d, out);
      }
    });
    return dy;
  }
  void pull(Operands, const Vector& y, const Vector& dy, Cotangents dx, Context&) const override {
    each_group(groups_, [&](std::size_t start) {
      const Read d = strand(dy, start, groups_);
      const Read at = strand(y, start, groups_);
      const Write out = strand(*dx[0], start, groups_);
      if (logarithm_) {
        const double sum = total_of(d);
        for (std::size_t k = 0; k < d.size(); ++k) out[k] += d[k] - std::exp(at[k]) * sum;
      } else {
        times_covariance(at, d, out);
      }
    });
  }

 private:
  static void times_covariance(const Read& y, const Read& d, const Write& out) {
    const double mean = dot(y, d);
    for (std::size_t k = 0; k < d.size(); ++k) out[k] += y[k] * (d[k] - mean);
  }
  Groups groups_;
  bool logarithm_;
};

class ReductionMap final : public LocalMap {
 public:
  explicit ReductionMap(const Reduction& reduction) : groups_(reduction.groups), kind_(reduction.kind) {}

  Vector value(Operands x, Context&) const override {
    Vector y(count(), 0.0);
    std::size_t next = 0;
    each_group(groups_, [&](std::size_t start) {
      const Read in = strand(*x[0], start, groups_);
      double& out = y[next++];
      switch (kind_) {
        case Reduction::Kind::Maximum:
        case Reduction::Kind::Minimum: out = in[chosen(in)]; break;
        case Reduction::Kind::EuclideanNorm: out = norm_of(in); break;
        case Reduction::Kind::LogSumExp: out = log_sum_of(in); break;
        case Reduction::Kind::AbsoluteSum:
          for (std::size_t k = 0; k < in.size(); ++k) out += std::fabs(in[k]);
          break;
      }
    });
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    each_term(*x[0], y,
              [&](std::size_t group, std::size_t entry, double slope) { dy[group] += slope * (*dx[0])[entry]; });
    return dy;
  }
  void pull(Operands x, const Vector& y, const Vector& dy, Cotangents dx, Context&) const override {
    each_term(*x[0], y,
              [&](std::size_t group, std::size_t entry, double slope) { (*dx[0])[entry] += slope * dy[group]; });
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(groups_.outer * groups_.inner); }

  // Scaled by the largest entry, so that no square leaves the range.
  static double norm_of(const Read& in) {
    double most = 0;
    for (std::size_t k = 0; k < in.size(); ++k) most = std::max(most, std::fabs(in[k]));
    if (!(most > 0) || std::isinf(most)) return most;
    double sum = 0;
    for (std::size_t k = 0; k < in.size(); ++k) sum += (in[k] / most) * (in[k] / most);
    return most * std::sqrt(sum);
  }

  static double log_sum_of(const Read& in) {
    double most = in[0];
    for (std::size_t k = 1; k < in.size(); ++k) most = std::max(most, in[k]);
    if (std::isinf(most)) return most;
    double sum = 0;
    for (std::size_t k = 0; k < in.size(); ++k) sum += std::exp(in[k] - most);
    return most + std::log(sum);
  }

  std::size_t chosen(const Read& in) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < in.size(); ++k) {
      if (kind_ == Reduction::Kind::Minimum ? in[k] < in[best] : in[k] > in[best]) best = k;
    }
    return best;
  }

  // body(group, entry of x, derivative of the group's number by it) where that is not zero.
  template <class Body>
  void each_term(const Vector& x, const Vector& y, const Body& body) const {
    const auto step = static_cast<std::size_t>(groups_.inner);
    std::size_t group = 0;
    each_group(groups_, [&](std::size_t start) {
      const Read in = strand(x, start, groups_);
      if (kind_ == Reduction::Kind::Maximum || kind_ == Reduction::Kind::Minimum) {
        body(group, start + chosen(in) * step, 1.0);
      } else if (kind_ == Reduction::Kind::LogSumExp) {
        for (std::size_t k = 0; k < in.size(); ++k) body(group, start + k * step, std::exp(in[k] - y[group]));
      } else {
        for (std::size_t k = 0; k < in.size(); ++k) {
          if (in[k] == 0) continue;
          body(group, start + k * step,
               kind_ == Reduction::Kind::AbsoluteSum ? std::copysign(1.0, in[k]) : in[k] / y[group]);
        }
      }
      ++group;
    });
  }
  Groups groups_;
  Reduction::Kind kind_;
};

class MaxPoolMap final : public LocalMap {
 public:
  explicit MaxPoolMap(const MaxPool& pool)
      : channels_(static_cast<std::size_t>(pool.channels)),
        taps_(static_cast<std::size_t>(pool.window.taps())),
        in_(static_cast<std::size_t>(pool.window.input_positions())),
        out_(static_cast<std::size_t>(pool.window.output_positions())) {
    source_.reserve(out_ * taps_);
    for (std::size_t a = 0; a < out_; ++a) {
      for (std::size_t p = 0; p < taps_; ++p) {
        source_.push_back(input_of(pool.window, static_cast<std::int64_t>(a), static_cast<std::int64_t>(p)));
      }
    }
  }

  Vector value(Operands x, Context&) const override {
    Vector y(channels_ * out_, 0.0);
    each_output(*x[0], [&](std::size_t out, std::size_t entry) { y[out] = (*x[0])[entry]; });
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    each_output(*x[0], [&](std::size_t out, std::size_t entry) { dy[out] = (*dx[0])[entry]; });
    return dy;
  }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    each_output(*x[0], [&](std::size_t out, std::size_t entry) { (*dx[0])[entry] += dy[out]; });
  }

 private:
  // body(entry of y, entry of x that is the first maximum of its window). A window in the padding alone has none, and
  // its y is 0.
  template <class Body>
  void each_output(const Vector& x, const Body& body) const {
    for (std::size_t c = 0; c < channels_; ++c) {
      const double* const channel = x.data() + c * in_;
      for (std::size_t a = 0; a < out_; ++a) {
        std::int64_t best = -1;
        for (std::size_t p = 0; p < taps_; ++p) {
          const std::int64_t from = source_[a * taps_ + p];
          if (from >= 0 && (best < 0 || channel[from] > channel[best])) best = from;
        }
        if (best >= 0) body(c * out_ + a, c * in_ + static_cast<std::size_t>(best));
      }
    }
  }
  std::size_t channels_;
  std::size_t taps_;
  std::size_t in_;
  std::size_t out_;
  std::vector<std::int64_t> source_;  ///< [output, tap]: the entry of a channel, or -1
};

// With c = x - mean (x itself, if not centered), m = n - correction, r = sqrt(sum c^2 / m + epsilon), s = r + added and
// h = c / s, the derivative of h is (P - (s / r) h h^T / m) / s, with P = I - 1 1^T / n or I: symmetric.
class StandardizationMap final : public LocalMap {
 public:
  explicit StandardizationMap(const Standardization& standardization) : s_(standardization) {}

  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    each_group(s_.groups, [&](std::size_t start) {
      const Moments m = moments(*x[0], start);
      for (std::size_t k = 0; k < m.n; ++k) {
        const std::size_t i = index(start, k);
        y[i] = gain(i) * (((*x[0])[i] - m.mean) / m.scale) + (s_.offset.empty() ? 0 : s_.offset[i]);
      }
    });
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    differentiate(*x[0], *dx[0], dy);
    for (std::size_t i = 0; i < dy.size(); ++i) dy[i] *= gain(i);
    return dy;
  }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    Vector weighted = dy;
    for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= gain(i);
    differentiate(*x[0], weighted, *dx[0]);
  }

 private:
  struct Moments {
    std::size_t n;
    double mean;
    double scale;
    double share;  ///< s / (r m)
  };
  std::size_t index(std::size_t start, std::size_t k) const {
    return start + k * static_cast<std::size_t>(s_.groups.inner);
  }
  double gain(std::size_t i) const { return s_.gain.empty() ? 1 : s_.gain[i]; }

  Moments moments(const Vector& x, std::size_t start) const {
    const Read in = strand(x, start, s_.groups);
    const auto n = static_cast<double>(in.size());
    const double mean = s_.centered ? total_of(in) / n : 0;
    double squares = 0;
    for (std::size_t k = 0; k < in.size(); ++k) squares += (in[k] - mean) * (in[k] - mean);
    const double m = n - static_cast<double>(s_.correction);
    const double root = std::sqrt(squares / m + s_.epsilon);
    const double scale = root + s_.added;
    // At a constant x without an epsilon there is a cone's tip, and h h^T = 0.
    return {in.size(), mean, scale, root > 0 ? scale / (root * m) : 0};
  }

  // out += the derivative of h times d
  void differentiate(const Vector& x, const Vector& d, Vector& out) const {
    each_group(s_.groups, [&](std::size_t start) {
      const Moments m = moments(x, start);
      const auto n = static_cast<double>(m.n);
      const Read in = strand(x, start, s_.groups);
      const Read tangent = strand(d, start, s_.groups);
      double along = 0;
      for (std::size_t k = 0; k < m.n; ++k) along += (in[k] - m.mean) / m.scale * tangent[k];
      const double mean = s_.centered ? total_of(tangent) / n : 0;
      for (std::size_t k = 0; k < m.n; ++k) {
        const double h = (in[k] - m.mean) / m.scale;
        out[index(start, k)] += (tangent[k] - mean - h * along * m.share) / m.scale;
      }
    });
  }
  const Standardization& s_;
};

}  // namespace

Map map_of(const Softmax& softmax, const Node&) { return std::make_unique<SoftmaxMap>(softmax); }
Map map_of(const Reduction& reduction, const Node&) { return std::make_unique<ReductionMap>(reduction); }
Map map_of(const MaxPool& pool, const Node&) { return std::make_unique<MaxPoolMap>(pool); }
Map map_of(const Standardization& standardization, const Node&) {
  return std::make_unique<StandardizationMap>(standardization);
}

}  // namespace sigmax::graph::evaluation
