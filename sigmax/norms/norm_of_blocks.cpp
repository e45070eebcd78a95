#include "sigmax/norms/norm_of_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/spectral.hpp"

namespace sigmax::norms {
namespace {

// How the norm of a block-diagonal matrix follows from the norms of its blocks: their p-norm, or the smallest.
struct Combination {
  double p = kInfinity;
  bool smallest = false;
  double error = 0;  // relative, of p

  double value(std::span<const double> x) const {
    if (smallest) return *std::min_element(x.begin(), x.end());
    const double largest = *std::max_element(x.begin(), x.end());
    if (largest == 0 || std::isinf(largest) || std::isinf(p)) return largest;
    double sum = 0;  // relative to the largest, so that no power overflows
    for (const double one : x) sum += std::pow(one / largest, p);
    return largest * std::pow(sum, 1 / p);
  }

  Enclosure enclosure(std::span<const Enclosure> x) const {
    if (smallest) return bounds::smallest(x);
    if (std::isinf(p)) return bounds::largest(x);
    if (error == 0) return bounds::p_norm(x, p);
    return bounds::between(bounds::p_norm(x, p * (1 + error)), bounds::p_norm(x, std::max(p * (1 - error), 1.0)));
  }
};

struct CombinationOf {
  Combination operator()(Frobenius) const { return {2}; }
  Combination operator()(MaxAbs) const { return {}; }
  Combination operator()(Entrywise n) const { return {n.p}; }
  Combination operator()(ColumnSum n) const { return {kInfinity, n.smallest}; }
  Combination operator()(RowSum n) const { return {kInfinity, n.smallest}; }
  Combination operator()(Spectral) const { return {}; }
  Combination operator()(SmallestSingular) const { return {kInfinity, true}; }
  Combination operator()(Nuclear) const { return {1}; }
  Combination operator()(Schatten n) const { return {n.p}; }
  Combination operator()(KyFan) const { return {}; }  // for one block; ky_fan_of_blocks handles more
  Combination operator()(Mixed n) const { return {n.q}; }
  Combination operator()(NumericalRadius) const { return {}; }
  // |A x|_q^q = sum |A_b x_b|_q^q <= sum (n_b |x_b|_p)^q: the norm of diag(n_b) from p to q.
  Combination operator()(Induced n) const {
    if (n.p <= n.q) return {};
    if (std::isinf(n.p)) return {n.q};
    return {n.p * n.q / (n.p - n.q), false, 0x1p-49};
  }
};

// The i-th largest of all values lies between the i-th largest of all lower ends and that of all upper ones.
std::vector<Enclosure> pooled_enclosures(std::vector<Enclosure> all) {
  std::vector<Enclosure> lower = all;
  const auto upper_of = [](const Enclosure& e) { return e.upper ? e.upper->value() : kInfinity; };
  std::ranges::sort(lower, std::greater<>(), [](const Enclosure& e) { return e.lower.value(); });
  std::ranges::sort(all, std::greater<>(), upper_of);
  std::vector<Enclosure> result;
  for (std::size_t i = 0; i < all.size(); ++i) result.push_back(bounds::between(lower[i], all[i]));
  return result;
}

NormResult ky_fan_of_blocks(std::span<const Tensor> blocks, KyFan n, const NormOptions& options, Context& context) {
  std::vector<double> pooled;
  std::vector<Enclosure> known;
  const Dimensions& shape = blocks.front().shape();
  const bool encloses = options.enclose && (shape.size() != 2 || std::min(shape[0], shape[1]) <= options.whole_up_to);
  for (const Tensor& block : blocks) {
    context.check_cancel();
    ScannedMatrix m = scanned_finite(block, "norm", "matrix", context);
    const std::vector<double> values = singular_values(m, context);
    pooled.insert(pooled.end(), values.begin(), values.end());
    if (!encloses) continue;
    const WholeSpectrum spectrum = whole_spectrum(block, options, context);
    known.insert(known.end(), spectrum.known.begin(), spectrum.known.end());
  }
  std::sort(pooled.begin(), pooled.end(), std::greater<>());
  require_valid("norm_of_blocks", n, static_cast<std::int64_t>(pooled.size()));
  NormResult result;
  result.value = spectral_value(pooled, n);
  if (encloses) {
    known = pooled_enclosures(std::move(known));
    known.erase(known.begin() + (std::isinf(n.p) ? 1 : n.k), known.end());
    result.enclose(spectral_enclosure(known, n));
  }
  result.meaning = meaning_of(n);
  if (result.enclosure) result.method = row_of(n).proof;
  return result;
}

}  // namespace

NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, const NormOptions& options,
                          Context& context) {
  const FloatingEnvironment environment;
  if (blocks.empty()) throw Error("[norm_of_blocks] there is no block");
  for (const Tensor& block : blocks) {
    if (block.shape() == blocks.front().shape()) continue;
    throw Error(fmt::format("[norm_of_blocks] blocks of different shapes, {} and {}", to_string(blocks.front().shape()),
                            to_string(block.shape())));
  }
  if (blocks.size() == 1) return norm(blocks.front(), which, options, context);
  if (const auto* ky_fan = std::get_if<KyFan>(&which)) return ky_fan_of_blocks(blocks, *ky_fan, options, context);
  const Combination combination = std::visit(CombinationOf{}, which);
  NormResult result;
  std::vector<double> values;
  std::vector<Enclosure> enclosures;
  for (const Tensor& block : blocks) {
    context.check_cancel();
    const NormResult one = norm(block, which, options, context);
    values.push_back(one.value);
    if (one.enclosure) enclosures.push_back(*one.enclosure);
    result.meaning = one.meaning;
    result.method = one.method;
  }
  result.value = combination.value(values);
  if (enclosures.size() == blocks.size()) result.enclose(combination.enclosure(enclosures));
  return result;
}

NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, Context& context) {
  return norm_of_blocks(blocks, which, NormOptions{.enclose = std::holds_alternative<Spectral>(which)}, context);
}

}  // namespace sigmax::norms
