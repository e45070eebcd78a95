#include "sigmax/lipschitz/lmi/covariances.hpp"

#include <algorithm>
#include <cstdint>
#include <ranges>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/multiply.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax::lipschitz {
namespace {

// D X for a diagonal D.
Matrix<double> rows_times(const std::vector<double>& d, Matrix<double> x) {
  for (std::int64_t k = 0; k < x.columns(); ++k) {
    for (std::int64_t j = 0; j < x.rows(); ++j) x(j, k) *= d[static_cast<std::size_t>(j)];
  }
  return x;
}

// X + D Y
void add_rows_times(Matrix<double>& x, const std::vector<double>& d, const Matrix<double>& y) {
  for (std::int64_t k = 0; k < x.columns(); ++k) {
    for (std::int64_t j = 0; j < x.rows(); ++j) x(j, k) += d[static_cast<std::size_t>(j)] * y(j, k);
  }
}

std::vector<double> differences(const NeuronLayer& layer) {
  std::vector<double> result(layer.least.size());
  for (std::size_t j = 0; j < result.size(); ++j) result[j] = layer.most[j] - layer.least[j];
  return result;
}

Matrix<double> times(const Matrix<double>& a, const Matrix<double>& b, Context& context) {
  Matrix<double> result(a.rows(), b.columns());
  multiply_add(1, a, false, b, 0, result, context);
  return result;
}

// cov(z, z) = a cov(v,v) a + a cov(v,w) b + b cov(w,v) a + b cov(w,w) b with b in place of b - a.
Matrix<double> of_neurons(const NeuronLayer& layer, const Matrix<double>& k, const std::vector<double>& multipliers,
                          const Matrix<double>& inverse, Context& context) {
  const std::vector<double> b = differences(layer);
  const std::vector<double>& a = layer.least;
  const std::int64_t n = inverse.rows();
  Matrix<double> result(n, n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      result(i, j) = b[static_cast<std::size_t>(i)] * inverse(i, j) * b[static_cast<std::size_t>(j)];
    }
  }
  if (std::ranges::all_of(a, [](double value) { return value == 0; })) return result;
  const Matrix<double> v_w = times(k, rows_times(multipliers, inverse), context);
  Matrix<double> v_v = k;
  multiply_add(1, v_w, false, rows_times(multipliers, k), 1, v_v, context);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const auto column = static_cast<std::size_t>(j);
      result(i, j) += a[row] * v_v(i, j) * a[column] + a[row] * v_w(i, j) * b[column] + b[row] * v_w(j, i) * a[column];
    }
  }
  return result;
}

}  // namespace

Covariances::Covariances(const LayeredNetwork& network) : network_(network), last_reader_(network.layers.size() + 1) {
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    for (const NetworkTerm& term : network.layers[i].terms) last_reader_[term.source] = i + 1;
  }
  for (const NetworkTerm& term : network.output) last_reader_[term.source] = network.layers.size() + 1;
}

Matrix<double> Covariances::cross(const std::vector<NetworkTerm>& terms, std::int64_t rows, std::size_t source,
                                  Context& context) const {
  Matrix<double> result(rows, network_.width(source));
  for (const NetworkTerm& term : terms) {
    const auto found = blocks_.find(std::minmax(term.source, source, std::greater<>()));
    if (found != blocks_.end()) {
      if (term.source >= source) {
        multiply_add(1, term.weight, false, found->second, 1, result, context);
      } else {
        tiled::multiply_transposed(1, term.weight, found->second, 1, result, context);
      }
    } else if (term.source == 0 && source == 0) {
      for (std::size_t e = 0; e < result.values().size(); ++e) result.values()[e] += term.weight.values()[e];
    }
  }
  return result;
}

Matrix<double> Covariances::square(const std::vector<NetworkTerm>& terms, std::int64_t rows, Context& context) const {
  Matrix<double> result(rows, rows);
  for (const NetworkTerm& term : terms) {
    if (terms.size() == 1 && term.source == 0 && !blocks_.contains({0, 0})) {
      tiled::add_square(1, term.weight, 0, result, context);
    } else {
      tiled::add_symmetric(1, cross(terms, rows, term.source, context), term.weight, 1, result, context);
    }
  }
  tiled::mirror_lower(result, context);
  return result;
}

Matrix<double> Covariances::of_next(Context& context) {
  return square(network_.layers[next_ - 1].terms, network_.width(next_), context);
}

Matrix<double> Covariances::of_output(const std::vector<NetworkTerm>& output, Context& context) const {
  return square(output, output.front().weight.rows(), context);
}

// cov(z, z') += M^T Lambda S^-1 Lambda M' for the earlier values that are still read.
void Covariances::update_earlier(const std::map<std::size_t, Matrix<double>>& with_v,
                                 const std::map<std::size_t, Matrix<double>>& with_w,
                                 const std::vector<double>& multipliers, Context& context) {
  for (const auto& [i, m] : with_v) {
    const Matrix<double> weighted = rows_times(multipliers, m);
    for (const auto& [k, w] : with_w) {
      if (k > i) continue;
      Matrix<double>& block = blocks_[{i, k}];
      if (block.empty()) {
        block = Matrix<double>(network_.width(i), network_.width(k));
        for (std::int64_t j = 0; i == 0 && j < block.rows(); ++j) block(j, j) = 1;
      }
      multiply_add(1, weighted, true, w, 1, block, context);
    }
  }
}

bool Covariances::add(const Matrix<double>& k, const std::vector<double>& multipliers, Context& context) {
  const NeuronLayer& layer = network_.layers[next_ - 1];
  const std::int64_t n = k.rows();
  Matrix<double> s(n, n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j; i < n; ++i) {
      s(i, j) = -multipliers[static_cast<std::size_t>(i)] * k(i, j) * multipliers[static_cast<std::size_t>(j)];
    }
    s(j, j) += 2 * multipliers[static_cast<std::size_t>(j)];
  }
  if (!cholesky(s.values().data(), n, context)) return false;
  const Matrix<double> inverse = tiled::inverse_of_square(s, context);
  std::map<std::size_t, Matrix<double>> with_v;
  std::map<std::size_t, Matrix<double>> with_w;
  for (std::size_t source = 0; source < next_; ++source) {
    if (!is_read_after(source, next_)) continue;
    with_v[source] = cross(layer.terms, n, source, context);
    with_w[source] = times(inverse, rows_times(multipliers, with_v[source]), context);
  }
  update_earlier(with_v, with_w, multipliers, context);
  const std::vector<double> b = differences(layer);
  for (auto& [source, m] : with_v) {
    const Matrix<double>& w = with_w[source];
    multiply_add(1, k, false, rows_times(multipliers, w), 1, m, context);
    Matrix<double> z = rows_times(layer.least, std::move(m));
    add_rows_times(z, b, w);
    blocks_[{next_, source}] = std::move(z);
  }
  blocks_[{next_, next_}] = of_neurons(layer, k, multipliers, inverse, context);
  std::erase_if(blocks_, [this](const auto& entry) {
    return !is_read_after(entry.first.first, next_) || !is_read_after(entry.first.second, next_);
  });
  ++next_;
  return true;
}

}  // namespace sigmax::lipschitz
