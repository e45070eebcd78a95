#include "sigmax/norms/entries/entrywise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/matrix_proof/scanned_sums.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/entries/stored_rows.hpp"
#include "sigmax/norms/vector.hpp"

namespace sigmax::norms {
namespace {

double sign(double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0); }

// "1 entry is", "3 entries are"
std::string entries_are(auto count) { return fmt::format("{} {}", count, count == 1 ? "entry is" : "entries are"); }

EntryGradient zero_matrix(GradientKind kind = GradientKind::subgradient) {
  EntryGradient result;
  not_unique(result.norm, kind, "the matrix is 0");
  return result;
}

// Each rule holds the value, derivative and enclosure of one norm.

// sqrt(sum a_ij^2)
struct FrobeniusRule {
  double value(const Entries& a, Context&) const { return std::sqrt(a.facts.sum_squares) / a.facts.scale; }

  Enclosure enclosure(const Entries& a, Context&) const { return bounds::scanned_frobenius(a.matrix, a.facts); }

  EntryGradient gradient(const Entries& a, Context&) const {
    if (a.facts.max_abs == 0) return zero_matrix();
    EntryGradient result;
    const double root = std::sqrt(a.facts.sum_squares);
    result.norm.value = root / a.facts.scale;
    result.formula = entry::Proportional{a.facts.scale, root};
    return result;
  }
};

// max |a_ij|
struct MaxAbsRule {
  double value(const Entries& a, Context&) const { return a.facts.max_abs; }

  Enclosure enclosure(const Entries& a, Context&) const { return bounds::exactly(a.facts.max_abs); }

  EntryGradient gradient(const Entries& a, Context& context) const {
    EntryGradient result;
    result.norm.value = a.facts.max_abs;
    if (a.facts.max_abs == 0) return zero_matrix();
    const double largest = a.facts.max_abs;
    const double count =
        sum_over(a.matrix, context, [largest](double x) { return std::fabs(x) == largest ? 1.0 : 0.0; });
    if (count > 1) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("{} entries are largest", count));
    }
    result.formula = entry::Largest{largest, 1 / count};
    return result;
  }
};

// (sum |a_ij|^p)^(1/p)
struct EntrywiseRule {
  double p;

  // Relative to the largest, so that no power overflows.
  double sum_of_powers(const Entries& a, Context& context) const {
    const double largest = a.facts.max_abs;
    return sum_over(a.matrix, context, [=, this](double x) { return std::pow(std::fabs(x) / largest, p); });
  }

  double value(const Entries& a, Context& context) const {
    const double largest = a.facts.max_abs;
    if (largest == 0 || std::isinf(p)) return largest;
    return largest * std::pow(sum_of_powers(a, context), 1 / p);
  }

  // The p-norm of the p-norms of the rows.
  Enclosure enclosure(const Entries& a, Context& context) const {
    return bounds::p_norm(row_enclosures(a.matrix, p, context), p);
  }

  EntryGradient gradient(const Entries& a, Context& context) const {
    if (std::isinf(p)) return MaxAbsRule{}.gradient(a, context);
    if (p == 2) return FrobeniusRule{}.gradient(a, context);
    const double largest = a.facts.max_abs;
    if (largest == 0) return zero_matrix();
    EntryGradient result;
    const double root = std::pow(sum_of_powers(a, context), 1 / p);
    result.norm.value = largest * root;
    result.formula = entry::Power{largest, root, p - 1};
    if (p == 1) {
      const double zeros = sum_over(a.matrix, context, [](double x) { return x == 0 ? 1.0 : 0.0; });
      if (zeros > 0) not_unique(result.norm, GradientKind::subgradient, fmt::format("{} 0", entries_are(zeros)));
    }
    return result;
  }
};

// The largest or smallest sum of |a_ij| in a row, or in a column.
struct ExtremeSumRule {
  bool columns;
  bool smallest;

  // Rows and columns are swapped when the stored matrix is the transpose.
  bool stored_columns(const Entries& a) const { return columns != a.transposed; }

  double value(const Entries& a, Context&) const {
    if (smallest) return stored_columns(a) ? a.facts.smallest_column_sum : a.facts.smallest_row_sum;
    return stored_columns(a) ? a.facts.largest_column_sum : a.facts.largest_row_sum;
  }

  Enclosure enclosure(const Entries& a, Context&) const {
    return stored_columns(a) ? bounds::scanned_column_sum(a.matrix, a.facts, smallest)
                             : bounds::scanned_row_sum(a.matrix, a.facts, smallest);
  }

  // In units of a power of two, so that sums stay in range.
  EntryGradient gradient(const Entries& a, Context& context) const {
    const GradientKind kind = smallest ? GradientKind::generalized : GradientKind::subgradient;
    if (a.facts.max_abs == 0) return zero_matrix(kind);
    const int exponent = std::clamp(std::ilogb(a.facts.max_abs), -1000, 1000);
    LineSums sums = sums_of(a.matrix, std::ldexp(1.0, -exponent), stored_columns(a), pieces_of(a.matrix), context);
    const double least = *std::min_element(sums.value.begin(), sums.value.end());
    const double largest = *std::max_element(sums.value.begin(), sums.value.end());
    const double extreme = smallest ? least : largest;
    const auto longer = static_cast<double>(std::max(a.matrix.rows, a.matrix.columns));
    const double same = 4 * longer * std::numeric_limits<double>::epsilon() * extreme;
    EntryGradient result;
    result.norm.value = std::ldexp(extreme, exponent);
    double ties = 0;
    std::int64_t zeros = 0;
    double gap = kInfinity;
    for (std::size_t i = 0; i < sums.value.size(); ++i) {
      const double distance = std::fabs(sums.value[i] - extreme);
      if (distance > same) {
        gap = std::min(gap, distance / largest);
        sums.value[i] = 0;
      } else {
        ++ties;
        zeros += sums.zeros[i];
        sums.value[i] = 1;
      }
    }
    for (double& weight : sums.value) weight /= ties;
    const char* const what = columns ? "column" : "row";
    if (ties > 1) {
      not_unique(result.norm, kind, fmt::format("{} {} sums are equal", ties, what));
      result.norm.gap = 0;
    } else {
      if (!std::isinf(gap)) result.norm.gap = gap;
      if (zeros > 0) not_unique(result.norm, kind, fmt::format("in the {}, {} 0", what, entries_are(zeros)));
    }
    result.formula = entry::Signs{std::move(sums.value), stored_columns(a)};
    return result;
  }
};

// The q-norm of the p-norms of the lines: rows or columns.
struct MixedRule {
  double p;
  double q;
  bool columns;

  bool stored_columns(const Entries& a) const { return columns != a.transposed; }

  // The p-norm of each line, relative to its own largest entry, so that no power leaves the range.
  std::vector<double> lengths(const Entries& a, Context& context) const {
    std::vector<double> lengths(static_cast<std::size_t>(stored_columns(a) ? a.matrix.columns : a.matrix.rows));
    for_each_line(a.matrix, stored_columns(a), context, [&](std::int64_t i, std::span<const double> line) {
      lengths[static_cast<std::size_t>(i)] = vector_norm(line, p);
    });
    return lengths;
  }

  double value(const Entries& a, Context& context) const { return vector_norm(lengths(a, context), q); }

  Enclosure enclosure(const Entries& a, Context& context) const {
    std::vector<Enclosure> lines(static_cast<std::size_t>(stored_columns(a) ? a.matrix.columns : a.matrix.rows),
                                 bounds::exactly(0));
    for_each_line(a.matrix, stored_columns(a), context, [&](std::int64_t i, std::span<const double> line) {
      lines[static_cast<std::size_t>(i)] = bounds::p_norm(line, p);
    });
    return bounds::p_norm(lines, q);
  }

  // d|A| / da_ij = (n_j / |A|)^(q-1) sign(a_ij) (|a_ij| / n_j)^(p-1), n_j the length of the line. An infinite exponent
  // leaves the largest lines or entries, each with an equal share.
  EntryGradient gradient(const Entries& a, Context& context) const {
    if (a.facts.max_abs == 0) return zero_matrix();
    entry::Lines lines{lengths(a, context), {}, p - 1, stored_columns(a)};
    EntryGradient result;
    result.norm.value = vector_norm(lines.lengths, q);
    const double largest = *std::max_element(lines.lengths.begin(), lines.lengths.end());
    const double longer = static_cast<double>(std::max(a.matrix.rows, a.matrix.columns));
    const double same = std::isinf(p) ? 0 : 4 * (longer + p) * std::numeric_limits<double>::epsilon() * largest;
    double ties = 0;
    double next = 0;
    std::int64_t zero_lines = 0;
    for (const double length : lines.lengths) {
      zero_lines += length == 0 ? 1 : 0;
      if (std::isinf(q)) {
        const bool is_largest = largest - length <= same;
        ties += is_largest ? 1 : 0;
        if (!is_largest) next = std::max(next, length);
        lines.weights.push_back(is_largest ? 1 : 0);
      } else {
        lines.weights.push_back(length == 0 ? 0 : std::pow(length / largest / (result.norm.value / largest), q - 1));
      }
    }
    const char* const what = columns ? "column" : "row";
    if (std::isinf(q)) {
      for (double& weight : lines.weights) weight /= ties;
      if (ties > 1) not_unique(result.norm, GradientKind::subgradient, fmt::format("{} {}s are longest", ties, what));
      result.norm.gap = ties > 1 ? 0 : (largest - next) / largest;
    } else if (q == 1 && zero_lines > 0) {
      not_unique(result.norm, GradientKind::subgradient,
                 fmt::format("{} {} 0", plural(zero_lines, what), either(zero_lines, "is", "are")));
    }
    if (p == 1 || std::isinf(p)) share_within_lines(a, lines, what, result.norm, context);
    result.formula = std::move(lines);
    return result;
  }

  // Inside the lines that count: entries that are 0 for p = 1, and equal largest entries for p = infinity.
  void share_within_lines(const Entries& a, entry::Lines& lines, const char* what, NormGradient& norm,
                          Context& context) const {
    std::vector<double> counts(lines.lengths.size(), 0.0);
    for_each_line(a.matrix, lines.of_columns, context, [&](std::int64_t i, std::span<const double> line) {
      const double decisive = p == 1 ? 0.0 : lines.lengths[static_cast<std::size_t>(i)];
      for (const double x : line) counts[static_cast<std::size_t>(i)] += std::fabs(x) == decisive ? 1 : 0;
    });
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (lines.weights[i] == 0) continue;
      if (p == 1 && counts[i] > 0) {
        not_unique(norm, GradientKind::subgradient, fmt::format("in {} {}, {} 0", what, i, entries_are(counts[i])));
      } else if (p != 1) {
        lines.weights[i] /= counts[i];
        if (counts[i] > 1) {
          not_unique(norm, GradientKind::subgradient, fmt::format("{} {} has {} largest entries", what, i, counts[i]));
        }
      }
    }
  }
};

using Rule = std::variant<FrobeniusRule, MaxAbsRule, EntrywiseRule, ExtremeSumRule, MixedRule>;

struct RuleOf {
  Rule operator()(Frobenius) const { return FrobeniusRule{}; }
  Rule operator()(MaxAbs) const { return MaxAbsRule{}; }
  Rule operator()(Entrywise n) const { return EntrywiseRule{n.p}; }
  Rule operator()(ColumnSum n) const { return ExtremeSumRule{true, n.smallest}; }
  Rule operator()(RowSum n) const { return ExtremeSumRule{false, n.smallest}; }
  Rule operator()(Mixed n) const { return MixedRule{n.p, n.q, n.by == By::columns}; }

  // Each norm is named here, so that a new norm does not compile until it has a rule.
  Rule operator()(Spectral) const { return of_values(); }
  Rule operator()(SmallestSingular) const { return of_values(); }
  Rule operator()(Nuclear) const { return of_values(); }
  Rule operator()(Schatten) const { return of_values(); }
  Rule operator()(KyFan) const { return of_values(); }
  Rule operator()(Induced) const { return of_values(); }
  Rule operator()(NumericalRadius) const { return of_values(); }

  [[noreturn]] static Rule of_values() { throw Error("[norm] not a norm of entries"); }
};

Rule rule_of(const Entries& a, const Norm& which) {
  require_valid("norm", which, std::min(a.matrix.rows, a.matrix.columns));
  return std::visit(RuleOf{}, which);
}

double at(const entry::Zero&, std::int64_t, std::int64_t, double) { return 0; }
double at(const entry::Proportional& f, std::int64_t, std::int64_t, double x) { return f.scale * x / f.divisor; }
double at(const entry::Power& f, std::int64_t, std::int64_t, double x) {
  if (x == 0) return 0;
  return f.exponent == 0 ? sign(x) : std::copysign(std::pow(std::fabs(x) / f.divisor / f.root, f.exponent), x);
}
double at(const entry::Largest& f, std::int64_t, std::int64_t, double x) {
  return std::fabs(x) >= f.least ? f.weight * sign(x) : 0.0;
}
double at(const entry::Signs& f, std::int64_t i, std::int64_t j, double x) {
  return f.weights[static_cast<std::size_t>(f.of_columns ? j : i)] * sign(x);
}
double at(const entry::Lines& f, std::int64_t i, std::int64_t j, double x) {
  const auto line = static_cast<std::size_t>(f.of_columns ? j : i);
  if (x == 0 || f.weights[line] == 0) return 0;
  // std::pow(r, infinity) is 1 for r = 1 and 0 below.
  const double share = f.exponent == 0 ? 1.0 : std::pow(std::min(std::fabs(x) / f.lengths[line], 1.0), f.exponent);
  return f.weights[line] * std::copysign(share, x);
}

// The sums that the value and enclosure of a norm take from the scan.
kernels::Sums sums_for(const Norm& which, bool transposed) {
  if (std::holds_alternative<ColumnSum>(which)) return transposed ? kernels::Sums::rows : kernels::Sums::columns;
  if (std::holds_alternative<RowSum>(which)) return transposed ? kernels::Sums::columns : kernels::Sums::rows;
  return std::holds_alternative<Frobenius>(which) ? kernels::Sums::squares : kernels::Sums::all;
}

Entries scanned_for(const char* who, const kernels::StoredMatrix& a, bool transposed, kernels::Sums wanted,
                    Context& context) {
  if (a.size() == 0) throw Error(fmt::format("[{}] the matrix is empty, {}x{}", who, a.rows, a.columns));
  Entries result{a, transposed, kernels::scan(a, wanted, context)};
  require_finite(result.facts, who);
  return result;
}

}  // namespace

Entries entries_of(const ScannedMatrix& a) { return {a.view().matrix, a.view().transposed, a.facts()}; }

Entries scanned(const char* who, const kernels::StoredMatrix& a, bool transposed, Context& context) {
  return scanned_for(who, a, transposed, kernels::Sums::all, context);
}

Entries scanned(const char* who, const kernels::StoredMatrix& a, bool transposed, const Norm& which, Context& context) {
  return scanned_for(who, a, transposed, sums_for(which, transposed), context);
}

double entry_value(const Entries& a, const Norm& which, Context& context) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.value(a, context); }, rule_of(a, which));
}

Enclosure entry_enclosure(const Entries& a, const Norm& which, Context& context) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.enclosure(a, context); }, rule_of(a, which));
}

namespace {

// The exponents of the mixed norm that a norm of entries is, and of which lines.
struct AsMixed {
  Mixed operator()(Frobenius) const { return {2, 2, By::rows}; }
  Mixed operator()(MaxAbs) const { return {kInfinity, kInfinity, By::rows}; }
  Mixed operator()(Entrywise n) const { return {n.p, n.p, By::rows}; }
  Mixed operator()(ColumnSum) const { return {1, kInfinity, By::columns}; }
  Mixed operator()(RowSum) const { return {1, kInfinity, By::rows}; }
  Mixed operator()(Mixed n) const { return n; }
  template <class Other>
  Mixed operator()(Other) const {
    throw Error("[norm] not a norm of entries");
  }
};

}  // namespace

Enclosure norm_of_ones(const Norm& which, std::int64_t rows, std::int64_t columns) {
  const FloatingEnvironment environment;
  const Mixed n = std::visit(AsMixed{}, which);
  const bool by_rows = n.by == By::rows;
  const std::vector<double> line(static_cast<std::size_t>(by_rows ? columns : rows), 1.0);
  const std::vector<Enclosure> lines(static_cast<std::size_t>(by_rows ? rows : columns), bounds::p_norm(line, n.p));
  return bounds::p_norm(lines, n.q);
}

EntryGradient entry_gradient(const Entries& a, const Norm& which, Context& context) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.gradient(a, context); }, rule_of(a, which));
}

template <Real T>
void add_entries(const kernels::StoredMatrix& a, const EntryFormula& formula, double scale, T* grad,
                 std::int64_t row_stride, std::int64_t column_stride, Context& context) {
  const FloatingEnvironment environment;
  if (std::holds_alternative<entry::Zero>(formula)) return;
  std::visit(
      [&](const auto& f) {
        for_each_row(a, 1, pieces_of(a), context, [&](std::size_t, std::int64_t i, std::span<const double> row) {
          T* const to = grad + i * row_stride;
          for (std::size_t j = 0; j < row.size(); ++j) {
            T& sum = to[static_cast<std::int64_t>(j) * column_stride];
            sum = static_cast<T>(static_cast<double>(sum) + scale * at(f, i, static_cast<std::int64_t>(j), row[j]));
          }
        });
      },
      formula);
}

template void add_entries<float>(const kernels::StoredMatrix&, const EntryFormula&, double, float*, std::int64_t,
                                 std::int64_t, Context&);
template void add_entries<double>(const kernels::StoredMatrix&, const EntryFormula&, double, double*, std::int64_t,
                                  std::int64_t, Context&);

}  // namespace sigmax::norms
