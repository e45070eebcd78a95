// Text from untrusted files: making it safe for a terminal, and measuring it as a terminal shows it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::report {

/// The signs that reports for people use, in Unicode or in plain ASCII.
struct Glyphs {
  bool unicode = true;
  std::string_view proven = "✓";         ///< sigma_max has a proven upper end
  std::string_view probabilistic = "~";  ///< sigma_max has a probabilistic upper end
  std::string_view at_least = "≥";       ///< sigma_max has only a lower end
  std::string_view to = "–";             ///< between two ends
  std::string_view reshaped = "†";       ///< a convolution kernel read as the matrix [out, rest]
  std::string_view rounded = "‡";        ///< rounding to storage may explain sigma_min
  std::string_view saves = "↓";          ///< a rank at which the two factors take fewer parameters
  std::string_view ellipsis = "…";
  std::string_view none = "–";     ///< a figure that does not exist
  std::string_view branch = "└ ";  ///< before a part's name
  std::string_view rule = "─";
  std::string_view dot = "·";
  std::string_view alarm = "✗";
  std::string_view assumed = "°";  ///< a convolution whose stride, dilation or padding is assumed
};

/// The Unicode signs above, or their ASCII counterparts.
const Glyphs& glyphs(bool unicode) noexcept;

/// The columns that valid UTF-8 takes on a terminal: 2 for East Asian wide characters and emoji, 0 for combining marks.
/// A byte that is not valid UTF-8 counts as 1.
std::size_t display_width(std::string_view text) noexcept;

/// The text with everything that a terminal would obey or hide spelled out: control characters and escape sequences as
/// `\n`, `\x1b`, invisible and direction-changing characters as `\u{202e}`, invalid UTF-8 byte by byte as `\xff`. With
/// `unicode` false every character beyond ASCII is spelled out as well. The result is valid UTF-8 on one line.
std::string visible(std::string_view bytes, bool unicode = true);

/// The text itself if it is valid UTF-8; otherwise each offending byte becomes the four characters `\xNN`.
/// (io::valid_utf8 replaces such bytes by U+FFFD.)
std::string utf8_or_hex(std::string_view bytes);

/// At most `width` columns of `text` (valid UTF-8 without control characters), with an ellipsis in place of the omitted
/// part.
///
/// A dotted or slashed path loses whole components, from the left, except for the last two and numbers:
/// `…0…output.dense.weight`. If it is still too wide, it loses its middle, keeping more of the end than of the
/// beginning.
std::string shorten(std::string_view text, std::size_t width, const Glyphs& glyphs);

/// Shortens the names of one table. Names that would look the same keep their first component or its beginning, or lose
/// their middle instead, whichever leaves the most names distinct.
std::vector<std::string> shorten_all(const std::vector<std::string>& names, std::size_t width, const Glyphs& glyphs);

/// At most `width` columns of the name of a file. It loses its ending first, then its middle; the shard number is kept:
/// `model-00001-of-00002.safetensors` becomes `model-00001-of-00002`, then `m…-00001-of-00002`.
std::string shorten_file(std::string_view name, std::size_t width, const Glyphs& glyphs);

/// A tensor's name for use in a sentence: visible(), and shortened to 120 columns, since it may be as long as the file.
std::string name_in_sentence(std::string_view name, bool unicode = true);

/// The longest prefix of `text` that takes at most `width` columns.
std::string_view prefix_of_width(std::string_view text, std::size_t width) noexcept;

/// Wraps `text` at words into lines of at most `width` columns. A word wider than a line is broken.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// visible(), then `&`, `<`, `>` and both quotes as entities.
std::string html_escaped(std::string_view bytes);

}  // namespace sigmax::report
