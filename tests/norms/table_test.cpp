// The table of norms: each row names one norm, and each norm has one row.
#include "sigmax/norms/table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/spectral.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The numbers of a norm, and whether it is the smallest sum.
struct Contents {
  using Numbers = std::vector<double>;
  Numbers operator()(ColumnSum n) const { return {n.smallest ? -1.0 : 1.0}; }
  Numbers operator()(RowSum n) const { return {n.smallest ? -1.0 : 1.0}; }
  Numbers operator()(Entrywise n) const { return {n.p}; }
  Numbers operator()(Schatten n) const { return {n.p}; }
  Numbers operator()(KyFan n) const { return {static_cast<double>(n.k), n.p}; }
  Numbers operator()(Mixed n) const { return {n.p, n.q, n.by == By::rows ? 1.0 : 0.0}; }
  Numbers operator()(Induced n) const { return {n.p, n.q}; }
  template <class Other>
  Numbers operator()(const Other&) const {
    return {};
  }
};

// A spelling of this row with numbers: `kyfan:2,2`.
std::string example(const Row& row) {
  if (!row.has_number()) return std::string(row.spelling);
  return std::string(row.stem) + (row.spelling.find(',') == std::string_view::npos ? "2" : "2,3");
}

bool equal(const Norm& a, const Norm& b) {
  return a.index() == b.index() && std::visit(Contents{}, a) == std::visit(Contents{}, b);
}

struct Line {
  const char* ord;
  Norm norm;
  const char* meaning;
};

const std::vector<Line>& lines() {
  static const std::vector<Line> all = {
      {"fro", Frobenius{}, "Frobenius norm"},
      {"nuc", Nuclear{}, "nuclear norm, sum of singular values"},
      {"1", ColumnSum{}, "induced 1-norm, largest column sum"},
      {"-1", ColumnSum{true}, "smallest column sum"},
      {"2", Spectral{}, "induced 2-norm, sigma_max"},
      {"-2", SmallestSingular{}, "smallest singular value, sigma_min"},
      {"inf", RowSum{}, "induced infinity-norm, largest row sum"},
      {"-inf", RowSum{true}, "smallest row sum"},
      {"max", MaxAbs{}, "largest absolute entry"},
      {"entrywise:1.5", Entrywise{1.5}, "entrywise 1.5-norm"},
      {"entrywise:inf", Entrywise{kInfinity}, "entrywise inf-norm"},
      {"schatten:4", Schatten{4}, "Schatten 4-norm"},
      {"schatten:1", Schatten{1}, "nuclear norm, sum of singular values"},
      {"kyfan:12", KyFan{12}, "Ky Fan 12-norm"},
      {"kyfan:12,2.5", KyFan{12, 2.5}, "Ky Fan (12,2.5)-norm"},
      {"mixed:2,1", Mixed{2, 1, By::columns}, "mixed (2,1) norm by columns"},
      {"mixed:inf,1.5,rows", Mixed{kInfinity, 1.5, By::rows}, "mixed (inf,1.5) norm by rows"},
      {"induced:3,1.5", Induced{3, 1.5}, "induced (3,1.5)-norm"},
      {"induced:2,inf", Induced{2, kInfinity}, "induced (2,inf)-norm"},
      {"numerical-radius", NumericalRadius{}, "numerical radius"},
  };
  return all;
}

TEST(NormTable, SpellingsAreReadAndWritten) {
  for (const Line& line : lines()) {
    EXPECT_TRUE(equal(parse_norm(line.ord), line.norm)) << line.ord;
    EXPECT_EQ(spelling_of(line.norm), line.ord);
    EXPECT_EQ(meaning_of(line.norm), line.meaning) << line.ord;
  }
}

TEST(NormTable, EveryRowIsInTheListAboveAndIsFoundByItsNorm) {
  std::set<std::string_view> listed;
  for (const Line& line : lines()) listed.insert(row_of(line.norm).spelling);
  std::set<std::string_view> seen;
  for (const Row& row : rows()) {
    EXPECT_TRUE(seen.insert(row.spelling).second) << row.spelling << " stands twice";
    EXPECT_TRUE(listed.contains(row.spelling)) << row.spelling;
    EXPECT_EQ(row_of(row.norm).spelling, row.spelling);
    EXPECT_TRUE(row.spelling.starts_with(row.stem));
    EXPECT_FALSE(row.help.empty());
    EXPECT_NE((", " + spellings()).find(std::string(row.spelling)), std::string::npos);
    const std::string ord = example(row);
    EXPECT_FALSE(row.gradient.empty()) << row.spelling;
    EXPECT_FALSE(row.cost.empty()) << row.spelling;
    EXPECT_FALSE(row.proof.empty()) << row.spelling;
    EXPECT_TRUE(row.convex || (row.dual.empty() && row.proximal == Map::none && row.projection == Map::none));
    EXPECT_EQ(row_of(parse_norm(ord)).spelling, row.spelling);
    EXPECT_EQ(spelling_of(parse_norm(ord)), ord);
  }
  EXPECT_EQ(seen.size(), listed.size());
}

std::string map_text(Map map) {
  switch (map) {
    case Map::closed: return "closed";
    case Map::root: return "root";
    case Map::nested: return "nested";
    case Map::none: return "none";
  }
  return "";
}

// The row of docs/norms.md.
std::string documented(const Row& row) {
  const auto cell = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return escaped.empty() ? std::string("none known") : escaped;
  };
  const std::string dual = row.convex ? cell(row.dual) : "not a norm";
  return "| `" + std::string(row.spelling) + "` | " + cell(row.help) + (row.convex ? " | yes | " : " | no | ") + dual +
         " | " + cell(row.cost) + " | " + cell(row.proof) + " | " + cell(row.gradient) + " | " +
         map_text(row.proximal) + ", " + map_text(row.projection) + " |";
}

TEST(NormTable, EachRowIsDocumented) {
  const auto path = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "docs/norms.md";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  for (const Row& row : rows()) {
    EXPECT_NE(text.str().find(documented(row) + "\n"), std::string::npos) << documented(row);
  }
}

TEST(NormTable, MapsAreThoseThatExist) {
  for (const Row& row : rows()) {
    const bool exists = map_of(parse_norm(example(row))) != Map::none;
    EXPECT_EQ(row.proximal != Map::none, exists) << row.spelling;
    EXPECT_EQ(row.projection != Map::none, exists) << row.spelling;
  }
}

TEST(NormTable, DualsAreThoseThatExist) {
  for (const Row& row : rows()) {
    if (row.dual.empty() || row.family == Family::induced) continue;
    const std::optional<Norm> dual = dual_of(parse_norm(example(row)));
    // Ky Fan norms have formulas, and the numerical radius a semidefinite program.
    const bool is_in_table =
        !std::holds_alternative<KyFan>(row.norm) && !std::holds_alternative<NumericalRadius>(row.norm);
    EXPECT_EQ(dual.has_value(), is_in_table) << row.spelling;
    if (dual && !row.has_number()) {
      EXPECT_EQ(spelling_of(*dual), row.dual) << row.spelling;
    }
  }
}

TEST(NormTable, EveryTypeHasARow) {
  std::set<std::size_t> types;
  for (const Row& row : rows()) types.insert(row.norm.index());
  EXPECT_EQ(types.size(), std::variant_size_v<Norm>);
}

TEST(NormTable, TheDualOfADualIsTheNorm) {
  for (const Row& row : rows()) {
    // Formulas and spellings with numbers are compared by value in dual_test.cpp.
    if (row.dual.empty() || row.has_number() || row.dual.find(':') != std::string_view::npos) continue;
    if (!dual_of(row.norm)) continue;
    EXPECT_EQ(row_of(parse_norm(row.dual)).dual, row.spelling) << row.spelling;
  }
}

// Each norm has a kink at 0. There the result is a subgradient if the norm is convex and a generalized gradient
// otherwise, and each rule knows its value.
TEST(NormTable, ConvexityAndFamilyAgreeWithTheRules) {
  Context context(1);
  const std::vector<double> zeros(6, 0.0);
  const kernels::StoredMatrix zero{DType::f64, std::as_bytes(std::span(zeros)).data(), 2, 3, 3};
  const Entries entries = scanned("test", zero, false, context);
  const NearSpectrum spectrum{std::span(zeros).first(2), 0, 0, 2, 0};
  for (const Row& row : rows()) {
    const Norm which = parse_norm(example(row));
    if (row.family == Family::induced || row.family == Family::numerical_range) continue;
    const bool of_entries = row.family == Family::entries;
    const NormGradient found =
        of_entries ? entry_gradient(entries, which, context).norm : spectral_gradient(spectrum, which).norm;
    EXPECT_EQ(found.kind, row.convex ? GradientKind::subgradient : GradientKind::generalized) << row.spelling;
    EXPECT_EQ(found.value, 0) << row.spelling;
    if (of_entries) {
      EXPECT_EQ(entry_enclosure(entries, which, context).upper->value(), 0) << row.spelling;
    } else {
      EXPECT_THROW(static_cast<void>(entry_value(entries, which, context)), Error) << row.spelling;
    }
    if (of_entries && !std::holds_alternative<Frobenius>(which)) {
      EXPECT_THROW(static_cast<void>(demand(which, 2)), Error) << row.spelling;
    }
  }
}

TEST(NormTable, RefusesParametersThatAreNone) {
  EXPECT_NO_THROW(require_valid("who", KyFan{3}, 3));
  EXPECT_NO_THROW(require_valid("who", Schatten{kInfinity}, 3));
  for (const Norm& norm :
       {Norm(KyFan{0}), Norm(KyFan{4}), Norm(Schatten{0.5}), Norm(Entrywise{0.5}),
        Norm(Schatten{std::numeric_limits<double>::quiet_NaN()}), Norm(KyFan{2, 0.5}), Norm(Mixed{0.5, 1}),
        Norm(Mixed{1, std::nan("")}), Norm(Induced{0, 2}), Norm(Induced{2, -1})}) {
    try {
      require_valid("who", norm, 3);
      ADD_FAILURE() << spelling_of(norm) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("[who] ", 0), 0U) << error.what();
    }
  }
}

TEST(ParseNorm, TakesColumnsAsTheUsualLinesOfAMixedNorm) {
  EXPECT_TRUE(equal(parse_norm("mixed:2,1,columns"), Mixed{2, 1, By::columns}));
  EXPECT_TRUE(equal(parse_norm("mixed:1,inf,rows"), Mixed{1, kInfinity, By::rows}));
}

TEST(Simplified, NamesTheSimplestNormOfTheSameValue) {
  struct Case {
    const char* ord;
    const char* same;
  };
  for (const Case& c : {Case{"schatten:1", "nuc"},
                        Case{"schatten:2", "fro"},
                        Case{"schatten:inf", "2"},
                        Case{"entrywise:2", "fro"},
                        Case{"entrywise:inf", "max"},
                        Case{"entrywise:3", "entrywise:3"},
                        Case{"kyfan:1", "2"},
                        Case{"kyfan:4,inf", "2"},
                        Case{"kyfan:2,3", "kyfan:2,3"},
                        Case{"mixed:1,inf", "1"},
                        Case{"mixed:1,inf,rows", "inf"},
                        Case{"mixed:3,3", "entrywise:3"},
                        Case{"mixed:2,2,rows", "fro"},
                        Case{"induced:1,1", "1"},
                        Case{"induced:inf,inf", "inf"},
                        Case{"induced:2,2", "2"},
                        Case{"induced:1,inf", "max"},
                        Case{"induced:1,2", "mixed:2,inf"},
                        Case{"induced:2,inf", "mixed:2,inf,rows"},
                        Case{"induced:1.5,inf", "mixed:3,inf,rows"},
                        Case{"induced:2,1", "induced:2,1"}}) {
    EXPECT_EQ(spelling_of(simplified(parse_norm(c.ord))), c.same) << c.ord;
  }
}

TEST(Around, EnclosesTheExponentThatWasRounded) {
  EXPECT_TRUE(around(Induced{1.5, kInfinity}).is_exact);  // 3
  EXPECT_TRUE(around(Schatten{3}).is_exact);
  const Around found = around(Induced{4, kInfinity});  // 4/3
  EXPECT_FALSE(found.is_exact);
  const double below = std::get<Mixed>(found.below).p;
  const double above = std::get<Mixed>(found.above).p;
  EXPECT_EQ(std::nextafter(above, 2), below);  // the larger exponent gives the smaller norm
  EXPECT_LE(3 * static_cast<long double>(above), 4);
  EXPECT_GE(3 * static_cast<long double>(below), 4);
}

TEST(ParseNorm, NamesTheSpellingsThatExist) {
  for (const char* const ord : {"",
                                "3",
                                "frobenius",
                                "FRO",
                                "schatten",
                                "schatten:",
                                "schatten:x",
                                "schatten:2x",
                                "kyfan:1.5",
                                "kyfan:inf",
                                "kyfan:1e300",
                                "p:2",
                                ":2",
                                "entrywise: 2",
                                "kyfan:2,",
                                "kyfan:,2",
                                "kyfan:2,2,2",
                                "mixed:2",
                                "mixed:2,x",
                                "mixed:2,1,row",
                                "mixed:rows",
                                "induced:2",
                                "induced:2,1,rows",
                                "numerical radius",
                                "entrywise:2,2"}) {
    try {
      static_cast<void>(parse_norm(ord));
      ADD_FAILURE() << "'" << ord << "' was accepted";
    } catch (const Error& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find("'" + std::string(ord) + "'"), std::string::npos) << what;
      for (const Row& row : rows()) EXPECT_NE(what.find(row.spelling), std::string::npos) << what;
    }
  }
}

}  // namespace
}  // namespace sigmax::norms
