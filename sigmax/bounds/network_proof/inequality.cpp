#include "sigmax/bounds/network_proof/inequality.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/network_proof/uncertainty.hpp"
#include "sigmax/linalg/multiply.hpp"

// Why a factorization that completes is a proof.
//
// In block form, with S = diag(a + b), T = diag(mu a b) and W' the weights (primes are dropped below),
//
//     P = R - (S M W + W^T M S) + 2 W^T T W,    R = 2 mu_j on the diagonal, 1 for an input.
//
// Let h_j >= R_j + 4 g_j with g_j = sum_i |T_i| w_ij^2.
//
// Forming. An entry of S M W takes three operations, one of T W three and of W^T T W one inner product, so an entry of
// the matrix formed has an error of at most
//
//     gamma_{t+4} (|S M W| + 2 |W|^T |T| |W|),   t the number of terms of all inner products added to it.
//
// By Cauchy and Schwarz (|W|^T |T| |W|)_ij <= sqrt(g_i g_j). |S M W|_ij is at most the entry itself and twice that; and
// the entry is at most |l_i| |l_j| (1 + gamma) with the rows l of a factor that completes, where |l_i|^2 <= b_ii
// (1 + gamma) <= R_i + 2 g_i (1 + gamma): b is what was factored, and a shift makes it smaller. So the error is at most
// 2 gamma_{t+6} sqrt(h_i h_j).
//
// Factoring. |L L^T - B|_ij <= gamma_{w+4} |l_i| |l_j|, w the number of terms of its inner product
// (linalg/cholesky.hpp). Where neither L L^T nor B has a block, and off the diagonal of an input block that is
// diagonal, there is no error.
//
// Together. P = L L^T + diag(c h) - E with |E_ij| <= e_ij sqrt(h_i h_j), e_ij = gamma_{w+6} + 2 gamma_{t+6}, which
// includes the rounding of the diagonal when it is shifted. A symmetric E of this kind satisfies
// x^T E x <= sum_j h_j x_j^2 sum_i e_ij. So c_j = sum_i e_ij is enough. It is at least 2^-46 times a number that is at
// least 1, whereas underflow changes an entry by less than 2^-600 (entries of W are at most 2^400, slopes 1): 2^-500
// covers it.
//
// Weights that are known up to errors take r_j more (uncertainty.cpp).
//
// An output is one more block of rows, C without rounding except underflow, below which rho (1 - c) I is factored. If
// C is known up to an E with |E|_F <= e, a reserve k in P makes up for it:
//
//     [P, (C + E)^T; C + E, rho I] = [P - k I, C^T; C, (rho - e^2 / k) I] + [k I, E^T; E, e^2 / k I],
//
// and the last matrix is positive semidefinite.

namespace sigmax::bounds {
namespace {

bool is_reactive(const ScaledLayer& layer) {
  for (std::size_t j = 0; j < layer.least.size(); ++j) {
    if (layer.least[j] != 0 && layer.most[j] != 0) return true;
  }
  return false;
}

// fl(mu a b)
std::vector<double> curvature(const ScaledLayer& layer) {
  std::vector<double> t(layer.least.size());
  for (std::size_t j = 0; j < t.size(); ++j) t[j] = layer.multiplier[j] * layer.least[j] * layer.most[j];
  return t;
}

void add_cross(const ScaledLayer& layer, std::size_t block, BlockMatrix& p) {
  for (const NetworkTerm& term : layer.terms) {
    const Matrix<double>& w = term.weight;
    Matrix<double>& target = p.lower[block][term.source];
    if (target.empty()) target = Matrix<double>(w.rows(), w.columns());
    for (std::int64_t k = 0; k < w.columns(); ++k) {
      for (std::int64_t j = 0; j < w.rows(); ++j) {
        const auto row = static_cast<std::size_t>(j);
        target(j, k) -= (layer.least[row] + layer.most[row]) * layer.multiplier[row] * w(j, k);
      }
    }
  }
}

// 2 W^T T W for each pair of the layer's sources. add_cross() has come first where a block has both.
void add_curvature(const ScaledLayer& layer, BlockMatrix& p, Context& context) {
  const std::vector<double> t = curvature(layer);
  for (const NetworkTerm& right : layer.terms) {
    Matrix<double> scaled_rows = right.weight;
    for (std::int64_t k = 0; k < scaled_rows.columns(); ++k) {
      for (std::int64_t j = 0; j < scaled_rows.rows(); ++j) scaled_rows(j, k) *= t[static_cast<std::size_t>(j)];
    }
    for (const NetworkTerm& left : layer.terms) {
      if (left.source < right.source) continue;
      Matrix<double>& target = p.lower[left.source][right.source];
      if (target.empty()) target = Matrix<double>(left.weight.columns(), right.weight.columns());
      multiply_add(2, left.weight, true, scaled_rows, 1, target, context);
    }
  }
}

// h, for every block.
std::vector<std::vector<double>> magnitudes(const ScaledNetwork& network) {
  std::vector<std::vector<double>> h{std::vector<double>(static_cast<std::size_t>(network.inputs), 0.25)};
  for (const ScaledLayer& layer : network.layers) {
    h.push_back(layer.multiplier);
    for (double& value : h.back()) value /= 2;
  }
  for (const ScaledLayer& layer : network.layers) {
    if (!is_reactive(layer)) continue;
    const std::vector<double> t = curvature(layer);
    for (const NetworkTerm& term : layer.terms) {
      for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
        double sum = 0;
        for (std::int64_t j = 0; j < term.weight.rows(); ++j) {
          sum += std::fabs(t[static_cast<std::size_t>(j)]) * term.weight(j, k) * term.weight(j, k);
        }
        h[term.source][static_cast<std::size_t>(k)] += round_up(sum * (1 + gamma(term.weight.rows() + 8)));
      }
    }
  }
  const double slack = 4 * (1 + gamma(static_cast<std::int64_t>(network.layers.size()) + 8));
  for (auto& block : h) {
    for (double& value : block) value = round_up(value * slack);
  }
  return h;
}

// The numbers of terms: in the inner products of the factor's row i (its columns up to block k), and in those that were
// added up to form block (i, k).
struct Terms {
  std::vector<std::int64_t> factored;             ///< by the smaller index of the two
  std::vector<std::vector<std::int64_t>> formed;  ///< [i][k]
};

Terms count_terms(const ScaledNetwork& network, const BlockMatrix& p) {
  Terms terms;
  for (std::size_t i = 0; i < p.count(); ++i) {
    std::int64_t sum = i == 0 && p.first_is_scalar ? 1 : p.sizes[i];
    for (std::size_t k = 0; k < i; ++k) sum += p.has(i, k) ? p.sizes[k] : 0;
    terms.factored.push_back(sum);
    terms.formed.emplace_back(i + 1);
  }
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (!is_reactive(network.layers[i])) continue;
    for (const NetworkTerm& left : network.layers[i].terms) {
      for (const NetworkTerm& right : network.layers[i].terms) {
        if (left.source >= right.source) terms.formed[left.source][right.source] += network.width(i + 1);
      }
    }
  }
  return terms;
}

// c, for every block and for the output.
std::vector<double> shifts(const BlockMatrix& p, const Terms& terms, std::int64_t outputs) {
  const std::size_t n = p.count();
  const auto error = [](std::int64_t factored, std::int64_t formed) {
    return gamma(factored + 6) + 2 * gamma(formed + 6);
  };
  std::vector<double> c(n + 1);
  std::int64_t all = outputs;
  for (std::size_t k = 0; k < n; ++k) {
    const bool scalar = k == 0 && p.first_is_scalar;
    all += p.sizes[k];
    double sum = static_cast<double>(scalar ? 1 : p.sizes[k]) * error(terms.factored[k], terms.formed[k][k]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k || !p.has(std::max(i, k), std::min(i, k))) continue;
      sum += static_cast<double>(p.sizes[i]) *
             error(terms.factored[std::min(i, k)], terms.formed[std::max(i, k)][std::min(i, k)]);
    }
    sum += static_cast<double>(outputs) * error(terms.factored[k], 0);
    c[k] = sum;
    c[n] += static_cast<double>(p.sizes[k]) * error(terms.factored[k], 0);
  }
  c[n] += static_cast<double>(outputs) * error(all, 0);
  for (double& value : c)
    value = round_up(value * (1 + 0x1p-10) * (1 + gamma(static_cast<std::int64_t>(n) + 8))) + 0x1p-500;
  return c;
}

}  // namespace

Inequality inequality(const ScaledNetwork& network, std::int64_t most_outputs, double reserve, Context& context) {
  std::vector<std::int64_t> sizes{network.inputs};
  bool input_is_read_in_curvature = false;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    sizes.push_back(network.width(i + 1));
    input_is_read_in_curvature |=
        is_reactive(network.layers[i]) &&
        std::ranges::any_of(network.layers[i].terms, [](auto& term) { return term.source == 0; });
  }
  Inequality result{block_matrix(std::move(sizes)), 0, reserve};
  BlockMatrix& p = result.matrix;
  p.first_is_scalar = !input_is_read_in_curvature;
  p.first = 1;
  if (!p.first_is_scalar) p.lower[0][0] = Matrix<double>(network.inputs, network.inputs);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    p.lower[i + 1][i + 1] = Matrix<double>(network.width(i + 1), network.width(i + 1));
    add_cross(network.layers[i], i + 1, p);
  }
  for (const ScaledLayer& layer : network.layers) {
    if (is_reactive(layer)) add_curvature(layer, p, context);
  }
  p.fill_in();
  const std::vector<std::vector<double>> h = magnitudes(network);
  const std::vector<double> c = shifts(p, count_terms(network, p), most_outputs);
  const std::vector<std::vector<double>> r = uncertainty(network);
  const auto taken = [&](std::size_t k, std::size_t j) {
    return round_up(c[k] * h[k][j] + reserve + (r.empty() ? 0.0 : r[k][j]));
  };
  result.output_shift = c.back();
  p.first = 0;
  if (p.first_is_scalar) {
    double most = 0;
    for (std::size_t j = 0; j < h[0].size(); ++j) most = larger_of(most, taken(0, j));
    p.first = 1 - most;
  }
  for (std::size_t k = p.first_is_scalar ? 1 : 0; k < p.count(); ++k) {
    for (std::int64_t j = 0; j < p.sizes[k]; ++j) {
      const double unshifted = k == 0 ? 1 : 2 * network.layers[k - 1].multiplier[static_cast<std::size_t>(j)];
      p.lower[k][k](j, j) += unshifted - taken(k, static_cast<std::size_t>(j));
    }
  }
  return result;
}

}  // namespace sigmax::bounds
