#include "sigmax/norms/sparse_norm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/sparse_sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/norm.hpp"

namespace sigmax::norms {
namespace {

// The norms of entries as norms of the norms of lines, rows or columns: zeros that are not stored change neither. An
// entrywise norm has one line, all stored entries.
struct Lines {
  enum class Of { all, rows, columns };
  Of of = Of::all;
  Norm inner = Frobenius{};
  double outer = kInfinity;
  bool smallest = false;
};

// The p-norm of a line.
Norm inner_norm(double p) { return std::isinf(p) ? Norm(MaxAbs{}) : Norm(Entrywise{p}); }

struct LinesOf {
  Lines operator()(const RowSum& n) const { return {Lines::Of::rows, Entrywise{1}, kInfinity, n.smallest}; }
  Lines operator()(const ColumnSum& n) const { return {Lines::Of::columns, Entrywise{1}, kInfinity, n.smallest}; }
  Lines operator()(const Mixed& n) const {
    return {n.by == By::rows ? Lines::Of::rows : Lines::Of::columns, inner_norm(n.p), n.q};
  }
  template <class Other>
  Lines operator()(const Other& n) const {
    return {Lines::Of::all, n};
  }
};

// The stored entries, line after line, and where each line begins.
struct Stored {
  std::vector<double> values;
  std::vector<std::int64_t> begin;
};

Stored stored(const SparseMatrix& a, Lines::Of of) {
  const SparsePattern& pattern = *a.pattern;
  if (of == Lines::Of::all) return {a.values, {0, pattern.size()}};
  const kernels::CompressedRows places = of == Lines::Of::rows ? pattern.by_rows() : pattern.by_columns();
  Stored result{{}, {places.begin.begin(), places.begin.end()}};
  if (of == Lines::Of::rows) {
    result.values = a.values;
  } else {
    for (const std::int64_t e : pattern.from_rows()) result.values.push_back(a.values[static_cast<std::size_t>(e)]);
  }
  return result;
}

// What is wanted of each line.
template <class Result>
std::vector<Result> of_each_line(const Stored& lines, const Norm& inner, const Result& of_nothing, Context& context,
                                 Result (*wanted)(const Entries&, const Norm&, Context&)) {
  constexpr std::size_t kPieces = 64;
  std::vector<Result> result(lines.begin.size() - 1, of_nothing);
  const std::size_t pieces = std::min(kPieces, result.size());
  context.parallel_for(pieces, [&](std::size_t piece) {
    Context alone(1);
    for (std::size_t i = result.size() * piece / pieces; i < result.size() * (piece + 1) / pieces; ++i) {
      const std::int64_t count = lines.begin[i + 1] - lines.begin[i];
      if (count == 0) continue;
      const kernels::StoredMatrix line = stored_matrix(lines.values.data() + lines.begin[i], 1, count);
      result[i] = wanted(scanned("norm", line, false, alone), inner, alone);
    }
  });
  return result;
}

double value_of(const SparseMatrix& a, const Norm& which, Context& context) {
  const Lines how = std::visit(LinesOf{}, which);
  const std::vector<double> each = of_each_line(stored(a, how.of), how.inner, 0.0, context, &entry_value);
  if (how.smallest) return *std::ranges::min_element(each);
  if (std::isinf(how.outer) || how.of == Lines::Of::all) return *std::ranges::max_element(each);
  return entry_value(
      scanned("norm", stored_matrix(each.data(), 1, static_cast<std::int64_t>(each.size())), false, context),
      Entrywise{how.outer}, context);
}

Enclosure enclosure_of(const SparseMatrix& a, const Norm& which, Context& context) {
  const Lines how = std::visit(LinesOf{}, which);
  const std::vector<Enclosure> each =
      of_each_line(stored(a, how.of), how.inner, bounds::exactly(0), context, &entry_enclosure);
  if (how.smallest) return bounds::smallest(each);
  if (std::isinf(how.outer) || how.of == Lines::Of::all) return bounds::largest(each);
  return bounds::p_norm(each, how.outer);
}

NormResult of_entries(const SparseMatrix& a, const Around& known, const NormOptions& options, Context& context) {
  NormResult result;
  result.value = value_of(a, known.nearest, context);
  if (!options.enclose) return result;
  const Enclosure above = enclosure_of(a, known.above, context);
  result.enclosure = known.is_exact ? above : bounds::between(enclosure_of(a, known.below, context), above);
  result.method = std::string(row_of(known.nearest).proof);
  return result;
}

NormResult spectral(const SparseMatrix& a, const NormOptions& options, Context& context) {
  NormOptions value_alone = options;
  value_alone.enclose = false;
  NormResult result = norm(*sparse<double>(a), Spectral{}, value_alone, context);
  CertifyOptions certify = options.certify;
  if (!certify.random) certify.random = options.random;
  result.enclosure = sigma_max(a, certify, context);
  result.method = result.kind() == Known::probabilistic ? "a random start" : std::string(row_of(Spectral{}).proof);
  return result;
}

}  // namespace

NormResult norm(const SparseMatrix& matrix, const Norm& which, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = matrix.pattern->shape();
  const std::int64_t all = std::min(shape.rows, shape.columns);
  if (all < 1) throw Error(fmt::format("[norm] the matrix is empty, {}x{}", shape.rows, shape.columns));
  require_valid("norm", which, all);
  require_finite<double>(matrix.values, "norm", "the sparse matrix");
  const Around known = around(which);
  NormResult result;
  if (row_of(known.nearest).family == Family::entries) {
    result = of_entries(matrix, known, options, context);
  } else if (std::holds_alternative<Spectral>(known.nearest) && options.enclose) {
    result = spectral(matrix, options, context);
  } else {
    return norm(*sparse<double>(matrix), which, options, context);
  }
  if (result.enclosure) result.value = nearest_in(*result.enclosure, result.value);
  result.meaning = meaning_of(which);
  return result;
}

NormResult norm(const SparseMatrix& matrix, const Norm& which, const NormOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return norm(matrix, which, options, context);
}

}  // namespace sigmax::norms
