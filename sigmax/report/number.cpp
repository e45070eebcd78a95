#include "sigmax/report/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

namespace sigmax::report {
namespace {

struct Decimal {
  std::string digits;  ///< the first one is not zero
  int exponent = 0;    ///< value = d.ddd * 10^exponent
};

Decimal parse_scientific(std::string_view text) {
  Decimal decimal;
  const std::size_t e = text.find('e');
  for (const char c : text.substr(0, e)) {
    if (c != '.') decimal.digits += c;
  }
  std::string_view exponent = text.substr(e + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
  return decimal;
}

// Positive finite `value` to `digits` digits. Directed rounding truncates a 40-digit expansion. A double's exact
// expansion may be longer, but if 17 digits are followed by twenty nines or zeros, the double is that decimal.
Decimal rounded(double value, int digits, Rounding rounding) {
  if (rounding == Rounding::nearest) return parse_scientific(fmt::format("{:.{}e}", value, digits - 1));
  Decimal decimal = parse_scientific(fmt::format("{:.39e}", value));
  const auto kept = static_cast<std::size_t>(digits);
  const bool exact = decimal.digits.find_first_not_of('0', kept) == std::string::npos;
  decimal.digits.resize(kept);
  if (rounding == Rounding::down || exact) return decimal;
  for (std::size_t i = kept; i-- > 0;) {
    if (decimal.digits[i] != '9') {
      ++decimal.digits[i];
      return decimal;
    }
    decimal.digits[i] = '0';
  }
  decimal.digits.insert(decimal.digits.begin(), '1');
  decimal.digits.pop_back();
  ++decimal.exponent;
  return decimal;
}

bool plain(int exponent) noexcept { return exponent >= -3 && exponent < 6; }

std::string spell(const Decimal& decimal) {
  std::string digits = decimal.digits;
  const int count = static_cast<int>(digits.size());
  if (!plain(decimal.exponent)) {
    if (count > 1) digits.insert(1, ".");
    return fmt::format("{}e{}", digits, decimal.exponent);
  }
  if (decimal.exponent < 0) return "0." + std::string(static_cast<std::size_t>(-decimal.exponent - 1), '0') + digits;
  const int whole = decimal.exponent + 1;
  if (count > whole) digits.insert(static_cast<std::size_t>(whole), ".");
  if (count < whole) digits.append(static_cast<std::size_t>(whole - count), '0');  // e.g. 9.7 to one digit is 10
  return digits;
}

int exponent_of(double value) { return parse_scientific(fmt::format("{:.16e}", value)).exponent; }

// In the first unit in which it has at most three digits, or the last one; each unit is `base` times the one before,
// the first is `base` itself.
std::string in_unit(double value, double base, std::span<const std::string_view> units) {
  value /= base;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, units[unit]);
}

}  // namespace

std::string significant(double value, int digits, Rounding rounding) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  if (value < 0) {
    const Rounding mirrored = rounding == Rounding::down ? Rounding::up
                              : rounding == Rounding::up ? Rounding::down
                                                         : Rounding::nearest;
    return "-" + significant(-value, digits, mirrored);
  }
  const int exponent = exponent_of(value);
  if (plain(exponent)) digits = std::max(digits, exponent + 1);
  return spell(rounded(value, digits, rounding));
}

std::string enclosure(const Enclosure& value, const Glyphs& signs, int digits) {
  const double lower = value.lower.value();
  const int exponent = lower > 0 && std::isfinite(lower) ? exponent_of(lower) : 0;
  // Six decimals are enough for a table; scientific notation has five digits.
  const int most = std::max(3, plain(exponent) ? std::min(digits, 6 + exponent + 1) : std::min(digits, 5));
  if (!value.upper) return std::string(signs.at_least) + significant(lower, most, Rounding::down);
  const double upper = value.upper->value();
  for (int d = most; d >= 3; --d) {
    std::string low = significant(lower, d);
    if (low == significant(upper, d)) return low;
  }
  return fmt::format("{}{}{}", significant(lower, 3, Rounding::down), signs.to, significant(upper, 3, Rounding::up));
}

std::string round_trip(double value) { return fmt::format("{}", value); }

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  return bytes < 1024 ? fmt::format("{} B", bytes) : in_unit(static_cast<double>(bytes), 1024, kUnits);
}

std::string count_text(std::int64_t count) {
  constexpr std::array<std::string_view, 4> kUnits = {"k", "M", "G", "T"};
  return count < 1000 ? fmt::format("{}", count) : in_unit(static_cast<double>(count), 1000, kUnits);
}

std::string duration_text(double seconds) {
  if (seconds < 0.00995) return fmt::format("{:.{}f} ms", seconds * 1000, seconds < 0.000995 ? 2 : 1);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 59.95) return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : 1);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace sigmax::report
