#include "sigmax/norms/norm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void refuse(std::string_view ord) {
  throw Error(fmt::format(
      "[norm] '{}' is not a norm; use fro, nuc, 1, -1, 2, -2, inf, -inf, max, entrywise:P, schatten:P or kyfan:K",
      ord));
}

double parse_number(std::string_view ord, std::string_view text) {
  if (text == "inf") return kInfinity;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(ord);
  return value;
}

std::vector<double> singular_values(ScannedMatrix& m, Context& context) {
  std::vector<double> values = spectrum(m, context).values;
  for (double& value : values) value *= m.in_range(context).factor;
  return values;
}

// Calls visit(i, row) with every row in double.
template <class Visit>
void for_each_row(const kernels::StoredMatrix& a, Context& context, const Visit& visit) {
  auto row = context.scratch<double>(static_cast<std::size_t>(a.columns));
  for (std::int64_t i = 0; i < a.rows; ++i) {
    kernels::convert(a.row_range(i, 1), 1.0, row.data(), a.columns);
    visit(std::span<const double>(row.data(), row.size()));
  }
}

double smallest_sum(const kernels::StoredMatrix& a, bool of_columns, Context& context) {
  std::vector<double> sums;
  if (of_columns) sums.assign(static_cast<std::size_t>(a.columns), 0.0);
  for_each_row(a, context, [&](std::span<const double> row) {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      sum += std::fabs(row[j]);
      if (of_columns) sums[j] += std::fabs(row[j]);
    }
    if (!of_columns) sums.push_back(sum);
  });
  return *std::min_element(sums.begin(), sums.end());
}

double entrywise(const ScannedMatrix& m, double p, Context& context) {
  if (!(p >= 1)) throw Error(fmt::format("[norm] entrywise p must be at least 1, got {}", p));
  const double largest = m.facts().max_abs;
  if (largest == 0 || std::isinf(p)) return largest;
  double sum = 0;
  for_each_row(m.view().matrix, context, [&](std::span<const double> row) {
    double row_sum = 0;
    for (const double value : row) row_sum += std::pow(std::fabs(value) / largest, p);
    sum += row_sum;
  });
  return largest * std::pow(sum, 1 / p);
}

struct Evaluate {
  ScannedMatrix& m;
  Context& context;

  NormResult operator()(Frobenius) const { return {m.frobenius(), {}, "Frobenius norm"}; }
  NormResult operator()(MaxAbs) const { return {m.facts().max_abs, {}, "largest absolute entry"}; }
  NormResult operator()(Entrywise n) const {
    return {entrywise(m, n.p, context), {}, fmt::format("entrywise {}-norm", n.p)};
  }
  NormResult operator()(ColumnSum n) const {
    if (n.smallest) return {smallest_sum(m.view().matrix, !m.view().transposed, context), {}, "smallest column sum"};
    return {m.norm_1(), {}, "induced 1-norm, largest column sum"};
  }
  NormResult operator()(RowSum n) const {
    if (n.smallest) return {smallest_sum(m.view().matrix, m.view().transposed, context), {}, "smallest row sum"};
    return {m.norm_inf(), {}, "induced infinity-norm, largest row sum"};
  }
  NormResult operator()(Spectral) const {
    SvdOptions<double> options;
    options.tolerance = 1e-14;
    options.check = Check::none;  // the certificate is one
    const SvdResult<double> top = svd(*dense<double>(m.view().tensor), options, context);
    CertifyOptions proven;
    proven.proven_up_to = std::numeric_limits<std::int64_t>::max();
    const Enclosure e = certify(m, top, proven, context);
    // svd() gives the largest double for a value beyond it.
    if (top.sigma.front() == std::numeric_limits<double>::max() && !std::isfinite(m.frobenius())) {
      return {kInfinity, e, "induced 2-norm, sigma_max"};
    }
    // The certificate's own vector may have been the better one.
    const double value = std::clamp(top.sigma.front(), e.lower.value(), e.upper ? e.upper->value() : kInfinity);
    return {value, e, "induced 2-norm, sigma_max"};
  }
  NormResult operator()(SmallestSingular) const {
    return {singular_values(m, context).back(), {}, "smallest singular value, sigma_min"};
  }
  NormResult operator()(Schatten n) const {
    if (!(n.p >= 1)) throw Error(fmt::format("[norm] Schatten p must be at least 1, got {}", n.p));
    const std::string meaning =
        n.p == 1 ? "nuclear norm, sum of singular values" : fmt::format("Schatten {}-norm", n.p);
    return {schatten(singular_values(m, context), n.p), {}, meaning};
  }
  NormResult operator()(KyFan n) const {
    return {ky_fan(singular_values(m, context), n.k), {}, fmt::format("Ky Fan {}-norm", n.k)};
  }
};

// (sum x_i^p)^(1/p) of numbers that are not negative, relative to the largest so that no power overflows.
double p_norm(std::span<const double> x, double p) {
  const double largest = *std::max_element(x.begin(), x.end());
  if (largest == 0 || std::isinf(largest) || std::isinf(p)) return largest;
  double sum = 0;
  for (const double value : x) sum += std::pow(value / largest, p);
  return largest * std::pow(sum, 1 / p);
}

// The norm of a block-diagonal matrix, from the norms of its blocks.
struct OfBlocks {
  std::span<const double> values;

  double largest() const { return *std::max_element(values.begin(), values.end()); }
  double smallest() const { return *std::min_element(values.begin(), values.end()); }

  double operator()(Frobenius) const { return p_norm(values, 2); }
  double operator()(MaxAbs) const { return largest(); }
  double operator()(Entrywise n) const { return p_norm(values, n.p); }
  double operator()(ColumnSum n) const { return n.smallest ? smallest() : largest(); }
  double operator()(RowSum n) const { return n.smallest ? smallest() : largest(); }
  double operator()(Spectral) const { return largest(); }
  double operator()(SmallestSingular) const { return smallest(); }
  double operator()(Schatten n) const { return p_norm(values, n.p); }
  double operator()(KyFan) const { return largest(); }  // of one block; ky_fan_of_blocks has the others
};

// A matrix with its scan. Throws Error if it has no norm.
ScannedMatrix scanned(const Tensor& matrix, Context& context) {
  StoredView view = stored_view(matrix);
  if (matrix.size() == 0) throw Error(fmt::format("[norm] the matrix is empty, shape {}", to_string(matrix.shape())));
  ScannedMatrix m(std::move(view), context);
  require_finite(m.facts(), "norm");
  return m;
}

NormResult ky_fan_of_blocks(std::span<const Tensor> blocks, KyFan n, Context& context) {
  std::vector<double> pooled;
  for (const Tensor& block : blocks) {
    context.check_cancel();
    ScannedMatrix m = scanned(block, context);
    const std::vector<double> values = singular_values(m, context);
    pooled.insert(pooled.end(), values.begin(), values.end());
  }
  std::sort(pooled.begin(), pooled.end(), std::greater<>());
  return {ky_fan(pooled, n.k), {}, fmt::format("Ky Fan {}-norm", n.k)};
}

}  // namespace

Norm parse_norm(std::string_view ord) {
  if (ord == "fro") return Frobenius{};
  if (ord == "max") return MaxAbs{};
  if (ord == "nuc") return Schatten{1};
  if (ord == "1") return ColumnSum{};
  if (ord == "-1") return ColumnSum{true};
  if (ord == "inf") return RowSum{};
  if (ord == "-inf") return RowSum{true};
  if (ord == "2") return Spectral{};
  if (ord == "-2") return SmallestSingular{};
  const auto colon = ord.find(':');
  if (colon == std::string_view::npos) refuse(ord);
  const std::string_view kind = ord.substr(0, colon);
  const double number = parse_number(ord, ord.substr(colon + 1));
  if (kind == "entrywise") return Entrywise{number};
  if (kind == "schatten") return Schatten{number};
  // Anything beyond 2^53 exceeds every matrix; ky_fan says what is allowed.
  if (kind == "kyfan" && number == std::floor(number) && std::fabs(number) < 0x1p53) {
    return KyFan{static_cast<std::int64_t>(number)};
  }
  refuse(ord);
}

NormResult norm(const Tensor& matrix, const Norm& which, Context& context) {
  const FloatingEnvironment environment;
  ScannedMatrix m = scanned(matrix, context);
  return std::visit(Evaluate{m, context}, which);
}

NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, Context& context) {
  const FloatingEnvironment environment;
  if (blocks.empty()) throw Error("[norm_of_blocks] there is no block");
  for (const Tensor& block : blocks) {
    if (block.shape() == blocks.front().shape()) continue;
    throw Error(fmt::format("[norm_of_blocks] blocks of different shapes, {} and {}", to_string(blocks.front().shape()),
                            to_string(block.shape())));
  }
  if (blocks.size() == 1) return norm(blocks.front(), which, context);
  if (const auto* ky_fan = std::get_if<KyFan>(&which)) return ky_fan_of_blocks(blocks, *ky_fan, context);
  NormResult result = norm(blocks.front(), which, context);
  std::vector<double> values = {result.value};
  for (const Tensor& block : blocks.subspan(1)) {
    context.check_cancel();
    const NormResult one = norm(block, which, context);
    if (result.enclosure && one.enclosure) {
      result.enclosure = bounds::larger({*result.enclosure, 0}, {*one.enclosure, 0}).sigma_max;
    }
    values.push_back(one.value);
  }
  result.value = std::visit(OfBlocks{values}, which);
  return result;
}

}  // namespace sigmax::norms
