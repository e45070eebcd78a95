// The requirements on pull_back of every operator, in double and in float: part of the conformance suite.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "conformance/operator_suite.hpp"
#include "conformance/reference_matrix.hpp"
#include "gallery/stored.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "tolerance.hpp"

namespace sigmax::conformance {

/// A random cotangent of `terms` terms, in strided blocks.
template <Real T>
struct RandomCotangent {
  Block<T> u;
  Block<T> v;
  std::vector<double> weights;

  RandomCotangent(Shape shape, std::int64_t terms, std::uint64_t seed = 11)
      : u(Block<T>::random(shape.rows, terms, seed, 2)),
        v(Block<T>::random(shape.columns, terms, seed + 1, 1)),
        weights(gallery::normal(terms, seed + 2)) {}

  Cotangent<T> view() const { return {u.view(), v.view(), weights}; }
};

/// sum_i w_i u_i^T A v_i, and the same sum of magnitudes.
struct Pairing {
  long double value = 0;
  long double magnitude = 0;
};

template <Real T>
Pairing pairing(const ReferenceMatrix& a, const RandomCotangent<T>& g) {
  Pairing sum;
  for (std::size_t k = 0; k < g.weights.size(); ++k) {
    const auto column = static_cast<std::int64_t>(k);
    each_entry(a, [&](std::int64_t i, std::int64_t j) {
      const long double weight = static_cast<long double>(g.weights[k]) * g.u(i, column) * g.v(j, column);
      sum.value += weight * a.value(i, j);
      sum.magnitude += std::fabs(weight) * a.magnitude(i, j);
    });
  }
  return sum;
}

/// A generous bound on the sum of the magnitudes in a parameter's gradient.
template <Real T>
long double largest_term(const RandomCotangent<T>& g, const ReferenceMatrix& a) {
  long double sum = 0;
  for (std::size_t k = 0; k < g.weights.size(); ++k) {
    const auto column = static_cast<std::int64_t>(k);
    long double u = 0, v = 0;
    for (std::int64_t i = 0; i < g.u.rows(); ++i) u += std::fabs(static_cast<long double>(g.u(i, column)));
    for (std::int64_t j = 0; j < g.v.rows(); ++j) v += std::fabs(static_cast<long double>(g.v(j, column)));
    sum += std::fabs(static_cast<long double>(g.weights[k])) * u * v;
  }
  return sum * std::max(1.0, a.frobenius());
}

/// The address of element `index` (row-major) of a tensor. The tensors of the table own their bytes.
inline std::size_t position(const Tensor& tensor, std::int64_t index) {
  std::int64_t at = 0;
  for (std::size_t d = tensor.rank(); d-- > 0;) {
    at += index % tensor.shape()[d] * tensor.strides()[d];
    index /= tensor.shape()[d];
  }
  return static_cast<std::size_t>(at);
}

/// While this object lives, one element of a tensor has a different value, which its type must hold exactly.
class Moved {
 public:
  Moved(const Tensor& tensor, std::int64_t index, double by)
      : tensor_(tensor), at_(position(tensor, index)), before_(gallery::fetch(tensor.dtype(), tensor.data(), at_)) {
    set(before_ + by);
    EXPECT_EQ(gallery::fetch(tensor.dtype(), tensor.data(), at_), before_ + by);
  }
  Moved(const Moved&) = delete;
  Moved& operator=(const Moved&) = delete;
  ~Moved() { set(before_); }

 private:
  void set(double value) { gallery::store(tensor_.dtype(), value, const_cast<std::byte*>(tensor_.data()), at_); }

  const Tensor& tensor_;
  std::size_t at_;
  double before_;
};

/// The sum of the gradient over the places in which a tensor's element is a parameter.
template <Real T>
long double total(const std::vector<T>& grad, const std::vector<Tensor>& parameters, const Tensor& tensor,
                  std::int64_t index) {
  long double sum = 0;
  std::size_t first = 0;
  for (const Tensor& other : parameters) {
    if (other.data() == tensor.data()) sum += grad[first + static_cast<std::size_t>(index)];
    first += static_cast<std::size_t>(other.size());
  }
  return sum;
}

class PullBackConformance : public OperatorConformance {
 protected:
  template <Real T>
  std::vector<T> gradient(const LinearOperator<T>& a, const RandomCotangent<T>& g, Context& context) {
    std::vector<T> grad(static_cast<std::size_t>(a.parameter_count()));
    a.pull_back(g.view(), grad, context);
    return grad;
  }

  std::int64_t count() const {
    std::int64_t sum = 0;
    for (const Tensor& tensor : GetParam().parameters) sum += tensor.size();
    return sum;
  }
};

TEST_P(PullBackConformance, HasTheParametersOfItsTensors) {
  in_both_types([&](const auto& a) { EXPECT_EQ(a->parameter_count(), count()); });
  if (const auto single = GetParam().in_double()->in_single()) {
    EXPECT_EQ(single->parameter_count(), count());
  }
}

// u^T A(theta) v is a polynomial of degree at most two in each number of the table's tensors, so that the central
// difference is exact for any step. The step is one, which the narrow types hold.
TEST_P(PullBackConformance, IsTheDerivativeOfThePairing) {
  constexpr double kStep = 1;
  const std::vector<Tensor>& parameters = GetParam().parameters;
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const RandomCotangent<T> g(matrix().shape(), 3);
    const std::vector<T> grad = gradient(*a, g, context_);
    const auto moved = [&](const Tensor& tensor, std::int64_t index, double by) {
      const Moved other(tensor, index, by);
      return pairing(evaluate(*GetParam().in_double(), context_), g);
    };
    for (const Tensor& tensor : parameters) {
      const std::int64_t samples = rows() * columns() > 4096 ? 3 : 12;
      for (std::int64_t s = 0; s < std::min(samples, tensor.size()); ++s) {
        const std::int64_t index = samples >= tensor.size() ? s : s * (tensor.size() - 1) / (samples - 1);
        const Pairing above = moved(tensor, index, kStep);
        const Pairing below = moved(tensor, index, -kStep);
        const long double wanted = (above.value - below.value) / (2 * kStep);
        const std::int64_t operations = 2 * matrix().operations() + 2 * 3 + 4;
        ASSERT_LE(std::fabs(total(grad, parameters, tensor, index) - wanted),
                  tolerance::gamma<T>(operations) * std::max(above.magnitude, below.magnitude) / kStep)
            << "entry " << index << " of " << to_string(tensor.shape());
      }
    }
  });
}

TEST_P(PullBackConformance, AddsToTheGradient) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const RandomCotangent<T> g(matrix().shape(), 2);
    const std::vector<T> alone = gradient(*a, g, context_);
    std::vector<T> grad(alone.size());
    const long double in_double = tolerance::gamma(8 + matrix().operations()) * largest_term(g, matrix());
    for (std::size_t p = 0; p < grad.size(); ++p) grad[p] = static_cast<T>(p % 7);
    a->pull_back(g.view(), grad, context_);
    for (std::size_t p = 0; p < grad.size(); ++p) {
      const T before = static_cast<T>(p % 7);
      // A part's share is summed in double from zero or from the earlier content. The errors are the roundings of the
      // two sums to T, and those of the terms in double, which matter where the terms cancel.
      const long double roundings = tolerance::gamma<T>(3) * (std::fabs(static_cast<long double>(alone[p])) + before);
      ASSERT_LE(std::fabs(static_cast<long double>(grad[p]) - before - alone[p]), roundings + in_double)
          << "parameter " << p;
    }
  });
}

TEST_P(PullBackConformance, GivesTheSameBitsForAnyNumberOfThreads) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const RandomCotangent<T> g(matrix().shape(), 9);
    Context one(1);
    const std::vector<T> first = gradient(*a, g, one);
    for (const int threads : {2, 3}) {
      Context context(threads);
      EXPECT_EQ(gradient(*a, g, context), first) << threads << " threads";
    }
  });
}

TEST_P(PullBackConformance, TakesACotangentWithoutTerms) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const RandomCotangent<T> g(matrix().shape(), 0);
    EXPECT_EQ(gradient(*a, g, context_), std::vector<T>(static_cast<std::size_t>(count())));
  });
}

TEST_P(PullBackConformance, RefusesWhatDoesNotFit) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    std::vector<T> grad(static_cast<std::size_t>(count()));
    const RandomCotangent<T> g(matrix().shape(), 2);
    const RandomCotangent<T> longer_u({rows() + 1, columns()}, 2);
    const RandomCotangent<T> longer_v({rows(), columns() + 1}, 2);
    EXPECT_THROW(a->pull_back(longer_u.view(), grad, context_), Error);
    EXPECT_THROW(a->pull_back(longer_v.view(), grad, context_), Error);
    Cotangent<T> fewer = g.view();
    fewer.weights = fewer.weights.first(1);
    EXPECT_THROW(a->pull_back(fewer, grad, context_), Error);
    grad.push_back(0);
    EXPECT_THROW(a->pull_back(g.view(), grad, context_), Error);
  });
}

}  // namespace sigmax::conformance
