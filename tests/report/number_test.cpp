#include "sigmax/report/number.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "sigmax/bounds/matrix_proof/proof.hpp"

namespace sigmax::report {
namespace {

using bounds::Proof;

Enclosure between(double lower, double upper) { return Proof::enclosure(Proof::lower(lower), Proof::proven(upper)); }

TEST(Significant, ReadsAsPeopleWrite) {
  EXPECT_EQ(significant(19.4271934, 5), "19.427");
  EXPECT_EQ(significant(0.028471935, 5), "0.028472");
  EXPECT_EQ(significant(124839.21, 4), "124839");
  EXPECT_EQ(significant(1248392.1, 4), "1.248e6");
  EXPECT_EQ(significant(1.5e-12, 2), "1.5e-12");
  EXPECT_EQ(significant(9.9999, 3), "10.0");
  EXPECT_EQ(significant(9.7, 1), "10");
  EXPECT_EQ(significant(0, 5), "0");
  EXPECT_EQ(significant(-2.5, 3), "-2.50");
  EXPECT_EQ(significant(std::numeric_limits<double>::quiet_NaN(), 3), "nan");
  EXPECT_EQ(significant(std::numeric_limits<double>::infinity(), 3), "inf");
}

TEST(Significant, DirectedRoundingNeverCrossesTheValue) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-30, 30);
  for (int i = 0; i < 2000; ++i) {
    const double value = std::pow(10.0, exponent(random));
    for (const int digits : {1, 2, 3, 8}) {
      const double down = std::strtod(significant(value, digits, Rounding::down).c_str(), nullptr);
      const double up = std::strtod(significant(value, digits, Rounding::up).c_str(), nullptr);
      EXPECT_LE(down, value);
      EXPECT_GE(up, value);
      EXPECT_LE(up - down, value * 10 * std::pow(10.0, -digits) * 1.001);
    }
  }
  EXPECT_EQ(significant(0.3, 3, Rounding::down), "0.299") << "the double next to 0.3 lies below it";
  EXPECT_EQ(significant(9.999, 3, Rounding::up), "10.0");
  EXPECT_EQ(significant(2.5, 2, Rounding::up), "2.5") << "exact";
}

TEST(EnclosureText, EveryNumberInsideReadsTheSame) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> exponent(-12, 12);
  std::uniform_real_distribution<double> unit(0, 1);
  const Glyphs& signs = glyphs(false);
  for (int i = 0; i < 2000; ++i) {
    const double lower = std::pow(10.0, exponent(random));
    const double upper = lower * (1 + std::pow(10.0, -2 - 12 * unit(random)));
    const std::string whole = enclosure(between(lower, upper), signs);
    if (whole.find("..") != std::string::npos) {
      const double low = std::strtod(whole.c_str(), nullptr);
      const double high = std::strtod(whole.c_str() + whole.find("..") + 2, nullptr);
      EXPECT_LE(low, lower);
      EXPECT_GE(high, upper);
      continue;
    }
    int digits = 0;
    for (const char c : whole.substr(0, whole.find('e'))) digits += c >= '0' && c <= '9' && (digits > 0 || c != '0');
    for (int k = 0; k <= 4; ++k) {
      const double inside = std::min(upper, lower + (upper - lower) * k / 4);
      EXPECT_EQ(significant(inside, digits), whole);
    }
  }
}

TEST(EnclosureText, ShowsDigitsRangesAndLowerEnds) {
  const Glyphs& signs = glyphs(true);
  EXPECT_EQ(enclosure(between(19.42719301, 19.42719345), signs), "19.427193");
  EXPECT_EQ(enclosure(between(9.99999999, 10.00000001), signs), "10.00000");
  EXPECT_EQ(enclosure(between(18.93, 19.21), signs), "18.9–19.3");
  EXPECT_EQ(enclosure(between(18.93, 19.21), glyphs(false)), "18.9..19.3");
  EXPECT_EQ(enclosure(between(0, 0), signs), "0");
  EXPECT_EQ(enclosure(Proof::enclosure(Proof::lower(19.42719399), {}), signs), "≥19.427193");
  EXPECT_EQ(enclosure(between(3.25e-11, 3.25e-11), signs), "3.2500e-11");
}

TEST(RoundTrip, ReadsBackBitForBit) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    const auto bits = random();
    double value = 0;
    static_assert(sizeof value == sizeof bits);
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(std::strtod(round_trip(value).c_str(), nullptr), value);
  }
}

TEST(Units, ReadAsPeopleWrite) {
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1536), "1.50 KiB");
  EXPECT_EQ(bytes_text(90866412), "86.7 MiB");
  EXPECT_EQ(bytes_text(1048575), "1.00 MiB");
  EXPECT_EQ(count_text(812), "812");
  EXPECT_EQ(count_text(22713216), "22.7 M");
  EXPECT_EQ(count_text(999999), "1.00 M");
  EXPECT_EQ(duration_text(0.000421), "0.42 ms");
  EXPECT_EQ(duration_text(0.00421), "4.2 ms");
  EXPECT_EQ(duration_text(0.0421), "42 ms");
  EXPECT_EQ(duration_text(1.4239), "1.42 s");
  EXPECT_EQ(duration_text(192), "3 min 12 s");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
}

}  // namespace
}  // namespace sigmax::report
