#include "sigmax/norms/table.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {

constexpr Family kEntries = Family::entries;
constexpr Family kValues = Family::singular_values;

constexpr Map kClosedForm = Map::closed;
constexpr Map kRoot = Map::root;
constexpr Map kNested = Map::nested;
constexpr Map kNone = Map::none;
constexpr std::string_view kSums = "the sums, outward";
constexpr std::string_view kPowers = "the powers, outward";
constexpr std::string_view kWeyl = "each value by its residual";

constexpr std::array kRows = {
    Row{"fro", "Frobenius norm", "sqrt(sum w_ij^2)", kEntries, true, "fro", Frobenius{}, "fro", "a_ij / |A|; 0 at 0",
        kClosedForm, kClosedForm, "one read", kSums},
    Row{"nuc", "nuclear norm, sum of singular values", "nuclear norm, the sum of the singular values", kValues, true,
        "2", Nuclear{}, "nuc", "U V^T over nonzero values", kClosedForm, kClosedForm, "all values", kWeyl},
    Row{"1", "induced 1-norm, largest column sum", "largest column sum of |w_ij|", kEntries, true, "mixed:inf,1",
        ColumnSum{}, "1", "signs of the largest column; the mean over ties", kRoot, kRoot, "one read", kSums},
    Row{"-1", "smallest column sum", "smallest column sum of |w_ij|", kEntries, false, "", ColumnSum{true}, "-1",
        "signs of the smallest column; the mean over ties", kNone, kNone, "one read", kSums},
    Row{"2", "induced 2-norm, sigma_max", "largest singular value, with its enclosure", kValues, true, "nuc",
        Spectral{}, "2", "u_1 v_1^T", kClosedForm, kClosedForm, "one value", "one Cholesky factorization"},
    Row{"-2", "smallest singular value, sigma_min", "smallest singular value", kValues, false, "", SmallestSingular{},
        "-2", "u_n v_n^T; 0 where sigma_n = 0", kNone, kNone, "two values", "one Cholesky factorization"},
    Row{"inf", "induced infinity-norm, largest row sum", "largest row sum of |w_ij|", kEntries, true,
        "mixed:inf,1,rows", RowSum{}, "inf", "signs of the largest row; the mean over ties", kRoot, kRoot, "one read",
        kSums},
    Row{"-inf", "smallest row sum", "smallest row sum of |w_ij|", kEntries, false, "", RowSum{true}, "-inf",
        "signs of the smallest row; the mean over ties", kNone, kNone, "one read", kSums},
    Row{"max", "largest absolute entry", "largest |w_ij|", kEntries, true, "entrywise:1", MaxAbs{}, "max",
        "sign of the largest entry; the mean over ties", kClosedForm, kClosedForm, "one read", "exact"},
    Row{"entrywise:P", "entrywise {}-norm", "(sum |w_ij|^P)^(1/P), P >= 1", kEntries, true, "entrywise:P/(P-1)",
        Entrywise{}, "entrywise:", "sign(a) (|a| / |A|)^(P-1); 0 at 0", kRoot, kRoot, "two reads", kPowers},
    Row{"schatten:P", "Schatten {}-norm", "(sum sigma_i^P)^(1/P), P >= 1", kValues, true, "schatten:P/(P-1)",
        Schatten{}, "schatten:", "(sigma_i / |A|)^(P-1) on u_i v_i^T", kRoot, kRoot, "all values", kWeyl},
    Row{"kyfan:K", "Ky Fan {}-norm", "the sum of the K largest singular values", kValues, true,
        "max(sigma_1, sum sigma_i / K)", KyFan{}, "kyfan:", "sum of the first K u_i v_i^T", kClosedForm, kRoot,
        "K values", "one Cholesky factorization"},
    Row{"kyfan:K,P", "Ky Fan ({})-norm", "(sum sigma_i^P)^(1/P) over the K largest", kValues, true,
        "the P/(P-1)-norm of K values, the last ones a plateau", KyFan{1, 2},
        "kyfan:", "(sigma_i / |A|)^(P-1) on the first K", kNested, kNested, "K values", "one Cholesky factorization"},
    Row{"mixed:P,Q", "mixed norm", "the Q-norm of the P-norms of the columns or rows (--by)", kEntries, true,
        "mixed:P/(P-1),Q/(Q-1)", Mixed{}, "mixed:", "each line's own times (n_j / |A|)^(Q-1); the mean over ties",
        kNested, kNested, "two reads", kPowers},
    Row{"induced:P,Q", "induced ({})-norm", "largest |W x|_Q over |x|_P = 1", Family::induced, true,
        "for P = 1 mixed:Q/(Q-1),1; for Q = inf mixed:P,1,rows", Induced{}, "induced:",
        "z x^T, x the best vector found", kNone, kNone, "one read, or starts", "exact, or the best of three"},
    Row{"numerical-radius", "numerical radius", "largest |x* W x| over complex |x| = 1", Family::numerical_range, true,
        "least sum |c_i| with W = sum c_i x_i x_i*", NumericalRadius{}, "numerical-radius",
        "Re(e^it conj(x) x^T), x the vector found", kNone, kNone, "a few spectra of 2n",
        "a quotient, and Ando's matrix"},
};

// Mixed norms by rows say so after their numbers.
constexpr std::string_view kByRows = ",rows";
constexpr std::string_view kByColumns = ",columns";

// The numbers of a spelling: one, or two with a comma between.
struct Numbers {
  double first = 0;
  std::optional<double> second{};
  By by = By::columns;

  Norm operator()(Entrywise) const { return Entrywise{first}; }
  Norm operator()(Schatten) const { return Schatten{first}; }
  Norm operator()(KyFan) const { return KyFan{static_cast<std::int64_t>(first), second.value_or(1)}; }
  Norm operator()(Mixed) const { return Mixed{first, *second, by}; }
  Norm operator()(Induced) const { return Induced{first, *second}; }
  template <class Other>
  Norm operator()(Other other) const {
    return other;
  }
};

struct NumberText {
  std::string operator()(Entrywise n) const { return fmt::format("{}", n.p); }
  std::string operator()(Schatten n) const { return fmt::format("{}", n.p); }
  std::string operator()(KyFan n) const { return n.p == 1 ? fmt::format("{}", n.k) : fmt::format("{},{}", n.k, n.p); }
  std::string operator()(Mixed n) const {
    return fmt::format("{},{}{}", n.p, n.q, n.by == By::rows ? kByRows : std::string_view());
  }
  std::string operator()(Induced n) const { return fmt::format("{},{}", n.p, n.q); }
  template <class Other>
  std::string operator()(Other) const {
    return "";
  }
};

// Which of the rows of one type.
struct RowNumber {
  int operator()(ColumnSum n) const { return n.smallest ? 1 : 0; }
  int operator()(RowSum n) const { return n.smallest ? 1 : 0; }
  int operator()(KyFan n) const { return n.p == 1 ? 0 : 1; }
  template <class Other>
  int operator()(Other) const {
    return 0;
  }
};

std::optional<double> parse_number(std::string_view text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Norm> read(const Row& row, std::string_view ord) {
  if (!row.has_number()) return ord == row.spelling ? std::optional<Norm>(row.norm) : std::nullopt;
  if (!ord.starts_with(row.stem)) return std::nullopt;
  ord.remove_prefix(row.stem.size());
  Numbers numbers;
  if (std::holds_alternative<Mixed>(row.norm)) {
    for (const auto& [ending, by] : {std::pair(kByRows, By::rows), std::pair(kByColumns, By::columns)}) {
      if (!ord.ends_with(ending)) continue;
      ord.remove_suffix(ending.size());
      numbers.by = by;
      break;
    }
  }
  const bool wants_two = row.spelling.find(',') != std::string_view::npos;
  const std::size_t comma = ord.find(',');
  if (wants_two != (comma != std::string_view::npos)) return std::nullopt;
  const std::optional<double> first = parse_number(ord.substr(0, comma));
  if (!first) return std::nullopt;
  numbers.first = *first;
  if (wants_two) {
    numbers.second = parse_number(ord.substr(comma + 1));
    if (!numbers.second) return std::nullopt;
  }
  // Anything beyond 2^53 exceeds every matrix; require_valid() decides which values are allowed.
  const bool is_whole = *first == std::floor(*first) && std::fabs(*first) < 0x1p53;
  if (std::holds_alternative<KyFan>(row.norm) && !is_whole) return std::nullopt;
  return std::visit(numbers, row.norm);
}

struct Simplified {
  Norm operator()(Entrywise n) const {
    if (n.p == 2) return Frobenius{};
    return std::isinf(n.p) ? Norm(MaxAbs{}) : n;
  }
  Norm operator()(Schatten n) const {
    if (n.p == 1) return Nuclear{};
    if (n.p == 2) return Frobenius{};
    return std::isinf(n.p) ? Norm(Spectral{}) : n;
  }
  Norm operator()(KyFan n) const { return n.k == 1 || std::isinf(n.p) ? Norm(Spectral{}) : n; }
  Norm operator()(Mixed n) const {
    if (n.p == n.q) return (*this)(Entrywise{n.p});
    if (n.p == 1 && std::isinf(n.q)) return n.by == By::columns ? Norm(ColumnSum{}) : Norm(RowSum{});
    return n;
  }
  Norm operator()(Induced n) const {
    const double infinity = std::numeric_limits<double>::infinity();
    if (n.p == 1) return (*this)(Mixed{n.q, infinity, By::columns});
    if (n.p == 2 && n.q == 2) return Spectral{};
    return std::isinf(n.q) ? (*this)(Mixed{conjugate(n.p), infinity, By::rows}) : Norm(n);
  }
  template <class Other>
  Norm operator()(Other other) const {
    return other;
  }
};

}  // namespace

std::span<const Row> rows() { return kRows; }

const Row& row_of(const Norm& which) {
  for (const Row& row : kRows) {
    const bool same_number = std::visit(RowNumber{}, row.norm) == std::visit(RowNumber{}, which);
    if (row.norm.index() == which.index() && same_number) return row;
  }
  throw InternalError("[row_of] a norm without a row in norms/table.cpp");
}

std::string spellings() {
  std::string text;
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (i > 0) text += i + 1 == kRows.size() ? " or " : ", ";
    text += kRows[i].spelling;
  }
  return text;
}

Norm parse_norm(std::string_view ord) {
  const FloatingEnvironment environment;
  for (const Row& row : kRows) {
    if (const std::optional<Norm> norm = read(row, ord)) return *norm;
  }
  throw Error(fmt::format("[norm] '{}' is not a norm; use {}", ord, spellings()));
}

std::string spelling_of(const Norm& which) { return std::string(row_of(which).stem) + std::visit(NumberText{}, which); }

std::string meaning_of(const Norm& which) {
  const auto* schatten = std::get_if<Schatten>(&which);
  if (schatten != nullptr && schatten->p == 1) return meaning_of(Nuclear{});
  if (const auto* n = std::get_if<Mixed>(&which)) {
    return fmt::format("mixed ({},{}) norm by {}", n->p, n->q, n->by == By::rows ? "rows" : "columns");
  }
  const std::string number = std::visit(NumberText{}, which);
  return fmt::format(fmt::runtime(row_of(which).meaning), number);
}

bool is_of_singular_values(const Norm& which) { return row_of(which).family == Family::singular_values; }

Norm simplified(const Norm& which) {
  const FloatingEnvironment environment;
  return std::visit(Simplified{}, which);
}

// The p-norm of a vector falls as p grows.
Around around(const Norm& which) {
  const FloatingEnvironment environment;
  const Norm nearest = simplified(which);
  const auto* n = std::get_if<Induced>(&which);
  if (n == nullptr || !std::isinf(n->q)) return {nearest, nearest, nearest};
  const Bracket row = conjugate_bracket(n->p);
  if (row.is_exact()) return {nearest, nearest, nearest};
  return {nearest, Mixed{row.up, n->q, By::rows}, Mixed{row.down, n->q, By::rows}, false};
}

void require_valid(std::string_view who, const Norm& which, std::int64_t values) {
  const FloatingEnvironment environment;
  const auto require_power = [&](std::string_view name, double p) {
    if (!(p >= 1)) throw Error(fmt::format("[{}] {} p must be at least 1, got {}", who, name, p));
  };
  if (const auto* n = std::get_if<Entrywise>(&which)) require_power("entrywise", n->p);
  if (const auto* n = std::get_if<Schatten>(&which)) require_power("Schatten", n->p);
  if (const auto* n = std::get_if<KyFan>(&which)) require_power("Ky Fan", n->p);
  if (const auto* n = std::get_if<Mixed>(&which)) {
    require_power("mixed", n->p);
    require_power("mixed, second exponent:", n->q);
  }
  if (const auto* n = std::get_if<Induced>(&which)) {
    require_power("induced", n->p);
    require_power("induced, second exponent:", n->q);
  }
  const auto* ky_fan = std::get_if<KyFan>(&which);
  if (ky_fan != nullptr && (ky_fan->k < 1 || ky_fan->k > values)) {
    throw Error(
        fmt::format("[{}] k must be between 1 and the number of singular values, {}, got {}", who, values, ky_fan->k));
  }
}

}  // namespace sigmax::norms
