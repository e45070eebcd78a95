// Numbers as text: for people, and for programs that read them back.
#pragma once

#include <cstdint>
#include <string>

#include "sigmax/core/bound.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

/// The most digits of sigma_max that a table shows.
inline constexpr int kEnclosureDigits = 8;

enum class Rounding { nearest, down, up };

/// A non-negative number to `digits` significant decimal digits: `19.427`, `12484`, `1.25e-7`. Notation is plain from
/// 1e-3 up to 1e6, with every digit before the point shown, and scientific elsewhere. The rounding is exact in the
/// given direction. Zero is `0`; NaN and infinity are `nan` and `inf`.
std::string significant(double value, int digits, Rounding rounding = Rounding::nearest);

/// The digits on which both ends of an enclosure agree: every number in it, rounded to that many digits, reads the
/// same. Shows at most `digits` digits and six decimals (five digits in scientific notation). Ends that agree on fewer
/// than three digits are both printed, rounded outward (`18.9–19.3`); a lower end alone is rounded down (`≥19.42`). The
/// sign for the certainty is not included.
std::string enclosure(const Enclosure& value, const Glyphs& glyphs, int digits = kEnclosureDigits);

/// The shortest decimal that reads back as the same double, at most 17 digits; `nan`, `inf` or `-inf` otherwise.
std::string round_trip(double value);

/// `86.2 MiB`, `512 B`.
std::string bytes_text(std::uint64_t bytes);

/// `22.7 M`, `1.5 k`, `812`.
std::string count_text(std::int64_t count);

/// `420 ms`, `1.42 s`, `3 min 12 s`, `2 h 05 min`.
std::string duration_text(double seconds);

}  // namespace sigmax::report
