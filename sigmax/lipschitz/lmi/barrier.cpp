#include "sigmax/lipschitz/lmi/barrier.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/multiply.hpp"

namespace sigmax::lipschitz {
namespace {

constexpr std::int64_t kBarrierTile = 128;

std::size_t index_of(std::int64_t i) { return static_cast<std::size_t>(i); }

int leading_of(const Matrix<double>& a) { return static_cast<int>(std::max<std::int64_t>(a.rows(), 1)); }

bool has_curvature(const NeuronLayer& layer) {
  for (std::size_t j = 0; j < layer.least.size(); ++j) {
    if (layer.least[j] != 0 && layer.most[j] != 0) return true;
  }
  return false;
}

// Zeros, in the memory that is there if it fits.
void clear(Matrix<double>& a, std::int64_t rows, std::int64_t columns) {
  if (a.rows() == rows && a.columns() == columns) {
    std::ranges::fill(a.values(), 0.0);
  } else {
    a = Matrix<double>(rows, columns);
  }
}

// 2 W^T (mu a b) W for each pair of sources of the layer.
void add_curvature_of(const NeuronLayer& layer, const double* mu, BlockMatrix& p, Context& context) {
  for (const NetworkTerm& right : layer.terms) {
    Matrix<double> weighted = right.weight;
    for (std::int64_t k = 0; k < weighted.columns(); ++k) {
      for (std::size_t j = 0; j < layer.least.size(); ++j) {
        weighted(static_cast<std::int64_t>(j), k) *= mu[j] * layer.least[j] * layer.most[j];
      }
    }
    for (const NetworkTerm& left : layer.terms) {
      if (left.source < right.source) continue;
      Matrix<double>& target = p.lower[left.source][right.source];
      if (target.empty()) target = Matrix<double>(left.weight.columns(), right.weight.columns());
      multiply_add(2, left.weight, true, weighted, 1, target, context);
    }
  }
}

}  // namespace

InequalityBarrier::InequalityBarrier(const LayeredNetwork& network) : network_(network) {
  sizes_.push_back(network.inputs);
  for (const NeuronLayer& layer : network.layers) {
    sizes_.push_back(static_cast<std::int64_t>(layer.least.size()));
    least_.insert(least_.end(), layer.least.begin(), layer.least.end());
    most_.insert(most_.end(), layer.most.begin(), layer.most.end());
    if (!has_curvature(layer)) continue;
    for (const NetworkTerm& term : layer.terms) reads_input_in_curvature_ |= term.source == 0;
  }
  sizes_.push_back(network.outputs());
  for (const std::int64_t size : sizes_) {
    first_.push_back(order_);
    order_ += size;
  }
  neurons_ = static_cast<std::int64_t>(least_.size());
  for (std::size_t j = 0; j < least_.size(); ++j) keeps_positive_ |= least_[j] * most_[j] > 0;
}

BlockMatrix InequalityBarrier::form(const std::vector<double>& x, double s, Context& context) const {
  BlockMatrix p = block_matrix(sizes_);
  p.first_is_scalar = !reads_input_in_curvature_;
  p.first = 1;
  const auto diagonal = [&](std::size_t block, auto value) {
    p.lower[block][block] = Matrix<double>(sizes_[block], sizes_[block]);
    for (std::int64_t j = 0; j < sizes_[block]; ++j) p.lower[block][block](j, j) = value(j);
  };
  if (!p.first_is_scalar) diagonal(0, [](std::int64_t) { return 1.0; });
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    const NeuronLayer& layer = network_.layers[i];
    const double* const mu = x.data() + (first_[i + 1] - first_[1]);
    diagonal(i + 1, [mu](std::int64_t j) { return 2 * mu[j]; });
    for (const NetworkTerm& term : layer.terms) {
      Matrix<double> cross = term.weight;
      for (std::int64_t k = 0; k < cross.columns(); ++k) {
        for (std::size_t j = 0; j < layer.least.size(); ++j) {
          cross(static_cast<std::int64_t>(j), k) *= -(layer.least[j] + layer.most[j]) * mu[j];
        }
      }
      p.lower[i + 1][term.source] = std::move(cross);
    }
  }
  const std::size_t last = sizes_.size() - 1;
  diagonal(last, [s](std::int64_t) { return s; });
  for (const NetworkTerm& term : network_.output) p.lower[last][term.source] = term.weight;
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    if (!has_curvature(network_.layers[i])) continue;
    add_curvature_of(network_.layers[i], x.data() + (first_[i + 1] - first_[1]), p, context);
  }
  p.fill_in();
  return p;
}

std::optional<InequalityBarrier::Point> InequalityBarrier::point(std::vector<double> x, double s,
                                                                 Context& context) const {
  if (!(s > 0)) return std::nullopt;
  for (const double value : x) {
    if (!(value > 0)) return std::nullopt;
  }
  Point result{std::move(x), s, {}, 0};
  result.factor = form(result.x, s, context);
  if (!cholesky(result.factor, context)) return std::nullopt;
  const BlockMatrix& l = result.factor;
  for (std::size_t i = 0; i < l.count(); ++i) {
    for (std::int64_t j = 0; j < l.sizes[i]; ++j) {
      result.log_det += 2 * std::log(i == 0 && l.first_is_scalar ? l.first : l.lower[i][i](j, j));
    }
  }
  for (const double value : result.x) result.log_det += keeps_positive_ ? std::log(value) : 0.0;
  return result;
}

// V = L^-T L^-1, a tile of columns at a time. Below the tile's own block, both solves stay: V is symmetric, and only
// its lower blocks are needed.
void InequalityBarrier::invert(const BlockMatrix& l, Matrix<double>& v, Context& context) const {
  clear(v, order_, order_);
  struct Tile {
    std::size_t block;
    std::int64_t first;
    int width;
  };
  std::vector<Tile> tiles;
  for (std::size_t block = 0; block < sizes_.size(); ++block) {
    for (std::int64_t c = 0; c < sizes_[block]; c += kBarrierTile) {
      tiles.push_back({block, first_[block] + c, static_cast<int>(std::min(kBarrierTile, sizes_[block] - c))});
    }
  }
  context.parallel_for(tiles.size(), [&](std::size_t t) {
    const Tile& tile = tiles[t];
    const auto part = [&](std::size_t block) { return v.column(tile.first).data() + first_[block]; };
    const int ld = leading_of(v);
    const auto solve = [&](std::size_t i, CBLAS_TRANSPOSE side) {
      if (i == 0 && l.first_is_scalar) {
        for (std::int64_t c = 0; c < tile.width; ++c)
          cblas_dscal(static_cast<int>(sizes_[0]), 1 / l.first, part(0) + c * order_, 1);
        return;
      }
      cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, side, CblasNonUnit, static_cast<int>(sizes_[i]), tile.width, 1,
                  l.lower[i][i].values().data(), leading_of(l.lower[i][i]), part(i), ld);
    };
    // part(i) -= L_ik part(k), or L_ki^T part(k)
    const auto subtract = [&](std::size_t i, std::size_t k) {
      const Matrix<double>& block = i > k ? l.lower[i][k] : l.lower[k][i];
      if (block.empty()) return;
      cblas_dgemm(CblasColMajor, i > k ? CblasNoTrans : CblasTrans, CblasNoTrans, static_cast<int>(sizes_[i]),
                  tile.width, static_cast<int>(sizes_[k]), -1, block.values().data(), leading_of(block), part(k), ld, 1,
                  part(i), ld);
    };
    for (std::int64_t c = 0; c < tile.width; ++c) v(tile.first + c, tile.first + c) = 1;
    for (std::size_t i = tile.block; i < sizes_.size(); ++i) {
      for (std::size_t k = tile.block; k < i; ++k) subtract(i, k);
      solve(i, CblasNoTrans);
    }
    for (std::size_t i = sizes_.size(); i-- > tile.block;) {
      for (std::size_t k = i + 1; k < sizes_.size(); ++k) subtract(i, k);
      solve(i, CblasTrans);
    }
  });
  // The diagonal blocks are whole; the blocks above them are mirrored.
  for (std::size_t block = 1; block < sizes_.size(); ++block) {
    context.parallel_for(index_of(sizes_[block]), [&](std::size_t j) {
      const std::int64_t column = first_[block] + static_cast<std::int64_t>(j);
      for (std::int64_t i = 0; i < first_[block]; ++i) v(i, column) = v(column, i);
    });
  }
}

// F = V R^T: column j is V r_j.
void InequalityBarrier::read(const Matrix<double>& v, Matrix<double>& f, Context& context) const {
  clear(f, order_, neurons_);
  const std::int64_t tiles = (order_ + kBarrierTile - 1) / kBarrierTile;
  const std::size_t layers = network_.layers.size();
  context.parallel_for(layers * index_of(tiles), [&](std::size_t t) {
    const std::size_t i = t % layers;
    const std::int64_t row = static_cast<std::int64_t>(t / layers) * kBarrierTile;
    for (const NetworkTerm& term : network_.layers[i].terms) {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(std::min(kBarrierTile, order_ - row)),
                  static_cast<int>(sizes_[i + 1]), static_cast<int>(sizes_[term.source]), 1,
                  v.column(first_[term.source]).data() + row, leading_of(v), term.weight.values().data(),
                  leading_of(term.weight), 1, f.column(first_[i + 1] - first_[1]).data() + row, leading_of(f));
    }
  });
}

// G = R F = R V R^T, its lower triangle.
void InequalityBarrier::read_twice(const Matrix<double>& f, Matrix<double>& g, Context& context) const {
  clear(g, neurons_, neurons_);
  const std::int64_t tiles = (neurons_ + kBarrierTile - 1) / kBarrierTile;
  const std::size_t layers = network_.layers.size();
  context.parallel_for(layers * index_of(tiles), [&](std::size_t t) {
    const std::size_t i = t % layers;
    const std::int64_t row = first_[i + 1] - first_[1];
    const std::int64_t column = static_cast<std::int64_t>(t / layers) * kBarrierTile;
    if (column >= row + sizes_[i + 1]) return;
    for (const NetworkTerm& term : network_.layers[i].terms) {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(sizes_[i + 1]),
                  static_cast<int>(std::min(kBarrierTile, neurons_ - column)), static_cast<int>(sizes_[term.source]), 1,
                  term.weight.values().data(), leading_of(term.weight), f.column(column).data() + first_[term.source],
                  leading_of(f), 1, g.column(column).data() + row, leading_of(g));
    }
  });
}

// With V_jk, F_jk = e_j V r_k and G_jk = r_j V r_k:
//
//     p_j V p_k = V_jk - a_k F_jk - a_j F_kj + a_j a_k G_jk,    q_j V q_k the same with b,
//     p_j V q_k = V_jk - b_k F_jk - a_j F_kj + a_j b_k G_jk.
void InequalityBarrier::fill_hessian(const Matrix<double>& v, const Matrix<double>& f, const Matrix<double>& g,
                                     BarrierDerivatives& d, Context& context) const {
  constexpr std::int64_t kSide = 64;
  const std::int64_t offset = first_[1];
  context.parallel_for(index_of((neurons_ + kSide - 1) / kSide), [&](std::size_t block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * kSide;
    const std::int64_t last = std::min(neurons_, first + kSide);
    for (std::int64_t j0 = first; j0 < neurons_; j0 += kSide) {
      for (std::int64_t k = first; k < last; ++k) {
        const double ak = least_[index_of(k)];
        const double bk = most_[index_of(k)];
        for (std::int64_t j = std::max(j0, k); j < std::min(neurons_, j0 + kSide); ++j) {
          const double aj = least_[index_of(j)];
          const double bj = most_[index_of(j)];
          const double vjk = v(offset + j, offset + k);
          const double fjk = f(offset + j, k);
          const double fkj = f(offset + k, j);
          const double gjk = g(j, k);
          const double pp = vjk - ak * fjk - aj * fkj + aj * ak * gjk;
          const double qq = vjk - bk * fjk - bj * fkj + bj * bk * gjk;
          const double pq = vjk - bk * fjk - aj * fkj + aj * bk * gjk;
          const double qp = vjk - ak * fjk - bj * fkj + bj * ak * gjk;
          d.hessian(j, k) = 2 * (pp * qq + pq * qp);
          if (j == k) d.gradient[index_of(j)] = -2 * pq;
        }
      }
    }
  });
}

double InequalityBarrier::step_flops(const BlockMatrix& factor) const {
  const auto size = [&](std::size_t block) { return static_cast<double>(sizes_[block]); };
  double flops = 0;
  // Both solves, for the columns of each block.
  double columns = 0;
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      double columns_up_to_k = 0;
      for (std::size_t j = 0; j <= k; ++j) columns_up_to_k += size(j);
      if (factor.has(i, k)) flops += 4 * columns_up_to_k * size(i) * size(k);
    }
    columns += size(i);
    flops += 2 * columns * size(i) * size(i);
  }
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    for (const NetworkTerm& term : network_.layers[i].terms) {
      flops += (2 * static_cast<double>(order_) + static_cast<double>(neurons_)) * size(i + 1) * size(term.source);
    }
  }
  const auto n = static_cast<double>(neurons_);
  return flops + n * n * n / 3;
}

BarrierDerivatives InequalityBarrier::derivatives(const Point& point, Workspace& work, Context& context) const {
  invert(point.factor, work.v, context);
  read(work.v, work.f, context);
  read_twice(work.f, work.g, context);
  const auto& [v, f, g] = work;
  BarrierDerivatives d{std::vector<double>(least_.size()), Matrix<double>(neurons_, neurons_),
                       std::vector<double>(least_.size()), 0, 0};
  fill_hessian(v, f, g, d, context);
  const std::int64_t out = first_.back();
  for (std::int64_t y = out; y < order_; ++y) {
    d.slope -= v(y, y);
    for (std::int64_t k = out; k < order_; ++k) d.second += v(y, k) * v(y, k);
    for (std::int64_t j = 0; j < neurons_; ++j) {
      const double plain = v(y, first_[1] + j);
      const std::size_t at = index_of(j);
      d.mixed[at] += 2 * (plain - least_[at] * f(y, j)) * (plain - most_[at] * f(y, j));
    }
  }
  if (keeps_positive_) {
    for (std::size_t j = 0; j < least_.size(); ++j) {
      d.gradient[j] -= 1 / point.x[j];
      d.hessian(static_cast<std::int64_t>(j), static_cast<std::int64_t>(j)) += 1 / (point.x[j] * point.x[j]);
    }
  }
  return d;
}

}  // namespace sigmax::lipschitz
