#include "sigmax/grad/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::grad {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 16;
constexpr std::int64_t kMostPieces = 64;

std::size_t pieces_of(const kernels::StoredMatrix& a) {
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(a.size() / kPieceElements, 1, std::min(kMostPieces, std::max<std::int64_t>(a.rows, 1))));
}

// Calls visit(piece, i, row) with every row in double, scaled; the pieces side by side, the rows of each in order.
template <class Visit>
void for_each_row(const kernels::StoredMatrix& a, double scale, Context& context, const Visit& visit) {
  const auto count = static_cast<std::int64_t>(pieces_of(a));
  context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t p) {
    auto row = context.scratch<double>(static_cast<std::size_t>(a.columns));
    const std::int64_t first = a.rows * static_cast<std::int64_t>(p) / count;
    const std::int64_t last = a.rows * static_cast<std::int64_t>(p + 1) / count;
    for (std::int64_t i = first; i < last; ++i) {
      kernels::convert(a.row_range(i, 1), scale, row.data(), a.columns);
      visit(p, i, std::span<const double>(row.data(), row.size()));
    }
  });
}

double sign(double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0); }

// sum of f(a_ij) over all entries, pieces in order.
template <class F>
double sum_over(const kernels::StoredMatrix& a, Context& context, const F& f) {
  std::vector<double> partial(pieces_of(a), 0.0);
  for_each_row(a, 1, context, [&](std::size_t p, std::int64_t, std::span<const double> row) {
    double sum = 0;
    for (const double value : row) sum += f(value);
    partial[p] += sum;
  });
  double sum = 0;
  for (const double value : partial) sum += value;
  return sum;
}

struct Sums {
  std::vector<double> value;        // of |a_ij| over 2^exponent
  std::vector<std::int64_t> zeros;  // entries that are 0
};

Sums sums_of(const kernels::StoredMatrix& a, double scale, bool of_columns, Context& context) {
  const auto length = static_cast<std::size_t>(of_columns ? a.columns : a.rows);
  const std::size_t copies = of_columns ? pieces_of(a) : 1;
  std::vector<Sums> partial(copies, Sums{std::vector<double>(length, 0.0), std::vector<std::int64_t>(length, 0)});
  for_each_row(a, scale, context, [&](std::size_t p, std::int64_t i, std::span<const double> row) {
    Sums& mine = partial[of_columns ? p : 0];
    for (std::size_t j = 0; j < row.size(); ++j) {
      const std::size_t at = of_columns ? j : static_cast<std::size_t>(i);
      mine.value[at] += std::fabs(row[j]);
      mine.zeros[at] += row[j] == 0 ? 1 : 0;
    }
  });
  for (std::size_t p = 1; p < copies; ++p) {
    for (std::size_t j = 0; j < length; ++j) {
      partial[0].value[j] += partial[p].value[j];
      partial[0].zeros[j] += partial[p].zeros[j];
    }
  }
  return std::move(partial[0]);
}

void not_unique(NormGradient& norm, GradientKind kind, std::string note) {
  norm.kind = kind;
  norm.note = std::move(note);
}

// The source of everything: one scan, checked.
struct Source {
  const kernels::StoredMatrix& a;
  kernels::Scan facts;
  bool transposed;
  Context& context;

  std::int64_t longer() const { return std::max(a.rows, a.columns); }

  EntryGradient zero_matrix(GradientKind kind = GradientKind::subgradient) const {
    EntryGradient result;
    not_unique(result.norm, kind, "the matrix is 0");
    return result;
  }

  EntryGradient operator()(norms::Frobenius) const {
    if (facts.max_abs == 0) return zero_matrix();
    EntryGradient result;
    const double root = std::sqrt(facts.sum_squares);
    result.norm.value = root / facts.scale;
    result.formula = entry::Proportional{facts.scale, root};
    return result;
  }

  EntryGradient operator()(norms::MaxAbs) const {
    EntryGradient result;
    result.norm.value = facts.max_abs;
    if (facts.max_abs == 0) return zero_matrix();
    const double largest = facts.max_abs;
    const double count = sum_over(a, context, [largest](double x) { return std::fabs(x) == largest ? 1.0 : 0.0; });
    if (count > 1) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("{} entries are largest", count));
    }
    result.formula = entry::Largest{largest, 1 / count};
    return result;
  }

  EntryGradient operator()(norms::Entrywise n) const {
    if (!(n.p >= 1)) throw Error(fmt::format("[norm_vjp] entrywise p must be at least 1, got {}", n.p));
    if (std::isinf(n.p)) return (*this)(norms::MaxAbs{});
    if (n.p == 2) return (*this)(norms::Frobenius{});
    const double largest = facts.max_abs;
    if (largest == 0) return zero_matrix();
    const double p = n.p;
    const double sum = sum_over(a, context, [=](double x) { return std::pow(std::fabs(x) / largest, p); });
    EntryGradient result;
    const double root = std::pow(sum, 1 / p);
    result.norm.value = largest * root;
    result.formula = entry::Power{largest, root, p - 1};
    if (p == 1) {
      const double zeros = sum_over(a, context, [](double x) { return x == 0 ? 1.0 : 0.0; });
      if (zeros > 0) not_unique(result.norm, GradientKind::subgradient, fmt::format("{} entries are 0", zeros));
    }
    return result;
  }

  EntryGradient operator()(norms::ColumnSum n) const { return extreme_sum(!transposed, n.smallest, "column"); }
  EntryGradient operator()(norms::RowSum n) const { return extreme_sum(transposed, n.smallest, "row"); }

  // In units of a power of two, so that sums stay in range.
  EntryGradient extreme_sum(bool of_columns, bool smallest, const char* what) const {
    const GradientKind kind = smallest ? GradientKind::generalized : GradientKind::subgradient;
    if (facts.max_abs == 0) return zero_matrix(kind);
    const int exponent = std::clamp(std::ilogb(facts.max_abs), -1000, 1000);
    Sums sums = sums_of(a, std::ldexp(1.0, -exponent), of_columns, context);
    const double extreme = smallest ? *std::min_element(sums.value.begin(), sums.value.end())
                                    : *std::max_element(sums.value.begin(), sums.value.end());
    const double largest = *std::max_element(sums.value.begin(), sums.value.end());
    const double same = 4 * static_cast<double>(longer()) * std::numeric_limits<double>::epsilon() * extreme;
    EntryGradient result;
    result.norm.value = std::ldexp(extreme, exponent);
    double ties = 0;
    std::int64_t zeros = 0;
    double gap = std::numeric_limits<double>::infinity();
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
    if (ties > 1) {
      not_unique(result.norm, kind, fmt::format("{} {} sums are equal", ties, what));
      result.norm.gap = 0;
    } else {
      if (!std::isinf(gap)) result.norm.gap = gap;
      if (zeros > 0) not_unique(result.norm, kind, fmt::format("the {} has {} entries that are 0", what, zeros));
    }
    result.formula = entry::Signs{std::move(sums.value), of_columns};
    return result;
  }

  template <class Other>
  EntryGradient operator()(const Other&) const {
    throw Error("[norm_vjp] not a norm of entries");
  }
};

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

}  // namespace

bool is_of_entries(const norms::Norm& which) {
  return std::holds_alternative<norms::Frobenius>(which) || std::holds_alternative<norms::MaxAbs>(which) ||
         std::holds_alternative<norms::Entrywise>(which) || std::holds_alternative<norms::ColumnSum>(which) ||
         std::holds_alternative<norms::RowSum>(which);
}

EntryGradient entry_gradient(const kernels::StoredMatrix& a, bool transposed, const norms::Norm& which,
                             Context& context) {
  const FloatingEnvironment environment;
  if (a.size() == 0) throw Error(fmt::format("[norm_vjp] the matrix is empty, {}x{}", a.rows, a.columns));
  const Source source{a, kernels::scan(a, context), transposed, context};
  require_finite(source.facts, "norm_vjp");
  return std::visit(source, which);
}

template <Real T>
void add_entries(const kernels::StoredMatrix& a, const EntryFormula& formula, double scale, T* grad,
                 std::int64_t row_stride, std::int64_t column_stride, Context& context) {
  const FloatingEnvironment environment;
  if (std::holds_alternative<entry::Zero>(formula)) return;
  std::visit(
      [&](const auto& f) {
        for_each_row(a, 1, context, [&](std::size_t, std::int64_t i, std::span<const double> row) {
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

}  // namespace sigmax::grad
