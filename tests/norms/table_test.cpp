// The table of norms: each row names one norm, and each norm has one row.
#include "sigmax/norms/table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/entrywise.hpp"
#include "sigmax/norms/spectral.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The number of a norm, and whether it is the smallest sum.
struct Contents {
  double operator()(ColumnSum n) const { return n.smallest ? -1 : 1; }
  double operator()(RowSum n) const { return n.smallest ? -1 : 1; }
  double operator()(Entrywise n) const { return n.p; }
  double operator()(Schatten n) const { return n.p; }
  double operator()(KyFan n) const { return static_cast<double>(n.k); }
  template <class Other>
  double operator()(const Other&) const {
    return 0;
  }
};

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
    const std::string ord = std::string(row.stem) + (row.has_number() ? "3" : "");
    EXPECT_EQ(row_of(parse_norm(ord)).spelling, row.spelling);
    EXPECT_EQ(spelling_of(parse_norm(ord)), ord);
  }
  EXPECT_EQ(seen.size(), listed.size());
}

TEST(NormTable, EveryTypeHasARow) {
  std::set<std::size_t> types;
  for (const Row& row : rows()) types.insert(row.norm.index());
  EXPECT_EQ(types.size(), std::variant_size_v<Norm>);
}

TEST(NormTable, TheDualOfADualIsTheNorm) {
  for (const Row& row : rows()) {
    if (row.dual.empty() || row.has_number() || row.dual.find(':') != std::string_view::npos) continue;
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
    const Norm which = parse_norm(std::string(row.stem) + (row.has_number() ? "2" : ""));
    const bool of_entries = row.family == Family::entries;
    const NormGradient found =
        of_entries ? entry_gradient(entries, which, context).norm : spectral_gradient(which, spectrum).norm;
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
  for (const Norm& norm : {Norm(KyFan{0}), Norm(KyFan{4}), Norm(Schatten{0.5}), Norm(Entrywise{0.5}),
                           Norm(Schatten{std::numeric_limits<double>::quiet_NaN()})}) {
    try {
      require_valid("who", norm, 3);
      ADD_FAILURE() << spelling_of(norm) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("[who] ", 0), 0U) << error.what();
    }
  }
}

TEST(ParseNorm, NamesTheSpellingsThatExist) {
  for (const char* const ord : {"", "3", "frobenius", "FRO", "schatten", "schatten:", "schatten:x", "schatten:2x",
                                "kyfan:1.5", "kyfan:inf", "kyfan:1e300", "p:2", ":2", "entrywise: 2"}) {
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
