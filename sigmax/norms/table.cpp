#include "sigmax/norms/table.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::norms {
namespace {

constexpr Family kEntries = Family::entries;
constexpr Family kValues = Family::singular_values;

constexpr std::array kRows = {
    Row{"fro", "Frobenius norm", "sqrt(sum w_ij^2)", kEntries, true, "fro", Frobenius{}, "fro"},
    Row{"nuc", "nuclear norm, sum of singular values", "nuclear norm, the sum of the singular values", kValues, true,
        "2", Nuclear{}, "nuc"},
    Row{"1", "induced 1-norm, largest column sum", "largest column sum of |w_ij|", kEntries, true, "", ColumnSum{},
        "1"},
    Row{"-1", "smallest column sum", "smallest column sum of |w_ij|", kEntries, false, "", ColumnSum{true}, "-1"},
    Row{"2", "induced 2-norm, sigma_max", "largest singular value, with its enclosure", kValues, true, "nuc",
        Spectral{}, "2"},
    Row{"-2", "smallest singular value, sigma_min", "smallest singular value", kValues, false, "", SmallestSingular{},
        "-2"},
    Row{"inf", "induced infinity-norm, largest row sum", "largest row sum of |w_ij|", kEntries, true, "", RowSum{},
        "inf"},
    Row{"-inf", "smallest row sum", "smallest row sum of |w_ij|", kEntries, false, "", RowSum{true}, "-inf"},
    Row{"max", "largest absolute entry", "largest |w_ij|", kEntries, true, "entrywise:1", MaxAbs{}, "max"},
    Row{"entrywise:P", "entrywise {}-norm", "(sum |w_ij|^P)^(1/P), P >= 1", kEntries, true, "entrywise:P/(P-1)",
        Entrywise{}, "entrywise:"},
    Row{"schatten:P", "Schatten {}-norm", "(sum sigma_i^P)^(1/P), P >= 1", kValues, true, "schatten:P/(P-1)",
        Schatten{}, "schatten:"},
    Row{"kyfan:K", "Ky Fan {}-norm", "the sum of the K largest singular values", kValues, true, "", KyFan{}, "kyfan:"},
};

// Reads and writes the number of a norm that has one.
struct Number {
  double value;

  Norm operator()(Entrywise) const { return Entrywise{value}; }
  Norm operator()(Schatten) const { return Schatten{value}; }
  Norm operator()(KyFan) const { return KyFan{static_cast<std::int64_t>(value)}; }
  template <class Other>
  Norm operator()(Other other) const {
    return other;
  }
};

struct NumberText {
  std::string operator()(Entrywise n) const { return fmt::format("{}", n.p); }
  std::string operator()(Schatten n) const { return fmt::format("{}", n.p); }
  std::string operator()(KyFan n) const { return fmt::format("{}", n.k); }
  template <class Other>
  std::string operator()(Other) const {
    return "";
  }
};

struct IsSmallest {
  bool operator()(ColumnSum n) const { return n.smallest; }
  bool operator()(RowSum n) const { return n.smallest; }
  template <class Other>
  bool operator()(Other) const {
    return false;
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
  const std::optional<double> number = parse_number(ord.substr(row.stem.size()));
  if (!number) return std::nullopt;
  // Anything beyond 2^53 exceeds every matrix; require_valid() decides which values are allowed.
  const bool is_whole = *number == std::floor(*number) && std::fabs(*number) < 0x1p53;
  if (std::holds_alternative<KyFan>(row.norm) && !is_whole) return std::nullopt;
  return std::visit(Number{*number}, row.norm);
}

}  // namespace

std::span<const Row> rows() { return kRows; }

const Row& row_of(const Norm& which) {
  for (const Row& row : kRows) {
    const bool same_end = std::visit(IsSmallest{}, row.norm) == std::visit(IsSmallest{}, which);
    if (row.norm.index() == which.index() && same_end) return row;
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
  const std::string number = std::visit(NumberText{}, which);
  return fmt::format(fmt::runtime(row_of(which).meaning), number);
}

bool is_of_singular_values(const Norm& which) { return row_of(which).family == Family::singular_values; }

void require_valid(std::string_view who, const Norm& which, std::int64_t values) {
  const FloatingEnvironment environment;
  const auto require_power = [&](std::string_view name, double p) {
    if (!(p >= 1)) throw Error(fmt::format("[{}] {} p must be at least 1, got {}", who, name, p));
  };
  if (const auto* n = std::get_if<Entrywise>(&which)) require_power("entrywise", n->p);
  if (const auto* n = std::get_if<Schatten>(&which)) require_power("Schatten", n->p);
  const auto* ky_fan = std::get_if<KyFan>(&which);
  if (ky_fan != nullptr && (ky_fan->k < 1 || ky_fan->k > values)) {
    throw Error(
        fmt::format("[{}] k must be between 1 and the number of singular values, {}, got {}", who, values, ky_fan->k));
  }
}

}  // namespace sigmax::norms
