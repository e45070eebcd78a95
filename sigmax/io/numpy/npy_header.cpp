#include "sigmax/io/numpy/npy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/numpy/npy_type.hpp"

namespace sigmax::io {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};
constexpr std::size_t kMaxRank = 64;

struct Refusal {
  const MappedFile& file;
  const std::string& place;

  [[noreturn]] void operator()(std::string problem) const {
    throw FileError(file.path().string(), place.empty() ? "header" : place, std::move(problem));
  }
};

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The subset of Python's literals that array headers use: strings without escapes, booleans, tuples of integers.
class Literal {
 public:
  Literal(std::string_view text, Refusal refuse) : text_(text), refuse_(refuse) {}

  bool take(char c) {
    skip_spaces();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}' expected", c));
  }

  char peek() {
    skip_spaces();
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool at_end() { return skip_spaces() == text_.size(); }

  std::string_view string() {
    char quote = peek();
    if (quote == 'u' || quote == 'U') {  // Python 2's Unicode strings; Python 3 takes them as well
      ++position_;
      quote = position_ < text_.size() ? text_[position_] : '\0';
    }
    if (quote != '\'' && quote != '"') fail("a string expected");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("a string has no end");
    const std::string_view body = text_.substr(position_ + 1, end - position_ - 1);
    if (body.find('\\') != std::string_view::npos) fail("escapes in strings are not read");
    position_ = end + 1;
    return body;
  }

  bool boolean() {
    skip_spaces();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += std::strlen(word);
        return value;
      }
    }
    fail("True or False expected");
  }

  Dimensions tuple() {
    Dimensions shape;
    expect('(');
    while (!take(')')) {
      if (shape.size() == kMaxRank) fail(fmt::format("more than {} dimensions", kMaxRank));
      shape.push_back(integer());
      if (take(',')) continue;
      // `(3)` is an integer in Python, not a tuple.
      if (shape.size() == 1) fail("a tuple of one entry needs a comma");
      expect(')');
      break;
    }
    return shape;
  }

  // Skips a record's list of fields. True if a field may hold arrays: it has a shape or fields of its own, which nest
  // deeper than the pair of its name and type, or it holds Python objects.
  bool skip_fields() {
    constexpr int kDepthOfPlainFields = 2;
    int depth = 0, deepest = 0;
    bool objects = false;
    do {
      const char c = peek();
      if (c == '\0') fail("a bracket is not closed");
      if (c == '\'' || c == '"') {
        objects = string() == "|O" || objects;
        continue;
      }
      if (c == '[' || c == '(') deepest = std::max(deepest, ++depth);
      if (c == ']' || c == ')') --depth;
      ++position_;
    } while (depth > 0);
    return objects || deepest > kDepthOfPlainFields;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    refuse_(fmt::format("not a valid array header: {} at byte {} of it", problem, position_));
  }

 private:
  std::size_t skip_spaces() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
    return position_;
  }

  std::int64_t integer() {
    skip_spaces();
    const char* first = text_.data() + position_;
    const char* last = text_.data() + text_.size();
    if (first == last || !is_digit(*first)) fail("a size expected");
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc()) fail("a size above 2^63 - 1");
    position_ += static_cast<std::size_t>(end - first);
    // Python 2 wrote long integers with an L.
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;
    return value;
  }

  std::string_view text_;
  Refusal refuse_;
  std::size_t position_ = 0;
};

void set_type(NpyHeader& header, std::string_view descr) {
  const NpyType type = npy_type(descr);
  header.spelling = std::string(descr);
  header.dtype = type.dtype;
  header.item_bytes = type.item_bytes;
  header.big_endian = type.big_endian;
  header.unreadable = type.unreadable;
  header.opaque = type.opaque;
}

void read_descr(Literal& literal, NpyHeader& header) {
  const char c = literal.peek();
  if (c != '[' && c != '(') return set_type(header, literal.string());
  header.opaque = literal.skip_fields();
  header.spelling = "structured";
  header.unreadable = "holds a structured type: several fields per element";
}

void read_dictionary(std::string_view text, NpyHeader& header, const Refusal& refuse) {
  Literal literal(text, refuse);
  constexpr unsigned kDescr = 1, kOrder = 2, kShape = 4, kAll = 7;
  unsigned seen = 0;
  literal.expect('{');
  while (!literal.take('}')) {
    const std::string_view name = literal.string();
    const unsigned key = name == "descr" ? kDescr : name == "fortran_order" ? kOrder : name == "shape" ? kShape : 0U;
    if (key == 0) literal.fail(fmt::format("the key {} is none of descr, fortran_order and shape", in_quotes(name)));
    if ((seen & key) != 0) literal.fail(fmt::format("the key {} appears twice", in_quotes(name)));
    seen |= key;
    literal.expect(':');
    if (key == kDescr) read_descr(literal, header);
    if (key == kOrder) header.fortran_order = literal.boolean();
    if (key == kShape) header.shape = literal.tuple();
    if (literal.take(',')) continue;
    literal.expect('}');
    break;
  }
  if (!literal.at_end()) literal.fail("more text than a dictionary");
  if (seen != kAll) literal.fail("descr, fortran_order or shape is missing");
}

void set_size(NpyHeader& header, std::uint64_t file_bytes, const Refusal& refuse) {
  const auto count = element_count(header.shape);
  if (!count) refuse(fmt::format("the product of shape {} overflows", to_string(header.shape)));
  const std::uint64_t available = file_bytes - header.data_offset;
  header.data_bytes = available;
  if (!header.item_bytes) return;
  const auto elements = static_cast<std::uint64_t>(*count);
  if (*header.item_bytes != 0 && elements > std::numeric_limits<std::uint64_t>::max() / *header.item_bytes) {
    refuse(fmt::format("the size of shape {} overflows", to_string(header.shape)));
  }
  header.data_bytes = elements * *header.item_bytes;
  if (header.data_bytes > available) {
    refuse(fmt::format("shape {} of '{}' takes {} bytes, but {} follow the header: cut short?", to_string(header.shape),
                       header.spelling, header.data_bytes, available));
  }
}

}  // namespace

bool looks_like_npy(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

NpyHeader read_npy_header(std::span<const std::byte> prefix, std::uint64_t file_bytes, const MappedFile& file,
                          const std::string& place) {
  const Refusal refuse{file, place};
  if (!looks_like_npy(prefix)) refuse("does not start with NumPy's magic bytes");
  const auto byte_at = [prefix](std::size_t i) { return std::to_integer<std::uint32_t>(prefix[i]); };
  if (prefix.size() < kMagic.size() + 2) refuse("cut short inside the version");
  const unsigned major = byte_at(6);
  const unsigned minor = byte_at(7);
  if (major < 1 || major > 3 || minor != 0) refuse(fmt::format("version {}.{} is not 1.0, 2.0 or 3.0", major, minor));
  const std::size_t text_offset = major == 1 ? 10 : 12;
  if (prefix.size() < text_offset) refuse("cut short inside the header's length");
  std::uint64_t length = byte_at(8) | byte_at(9) << 8;
  if (major > 1) length |= byte_at(10) << 16 | std::uint64_t{byte_at(11)} << 24;
  if (length > file_bytes - text_offset) {
    refuse(fmt::format("its {} bytes reach past the end of the file ({} bytes): cut short?", length, file_bytes));
  }
  NpyHeader header;
  header.data_offset = text_offset + length;
  if (length > kMaxNpyHeaderBytes) {
    header.spelling = "unknown";
    header.opaque = true;
    header.data_bytes = file_bytes - header.data_offset;
    header.unreadable =
        fmt::format("its header of {} bytes is above the limit of {} (is this a record type with many fields?)", length,
                    kMaxNpyHeaderBytes);
    return header;
  }
  if (length > prefix.size() - text_offset) refuse("is not completely within the bytes given");
  const std::string_view text(reinterpret_cast<const char*>(prefix.data()) + text_offset, length);
  read_dictionary(text, header, refuse);
  set_size(header, file_bytes, refuse);
  return header;
}

void check_end(const NpyHeader& header, std::uint64_t file_bytes, const MappedFile& file, const std::string& place) {
  const std::uint64_t available = file_bytes - header.data_offset;
  if (header.data_bytes == available) return;
  Refusal{file, place}(fmt::format("shape {} of '{}' takes {} bytes, but {} follow the header", to_string(header.shape),
                                   header.spelling, header.data_bytes, available));
}

Dimensions strides_of(const NpyHeader& header) {
  if (!header.fortran_order) return row_major_strides(header.shape);
  // Column-major is row-major read backwards.
  Dimensions reversed(header.shape.rbegin(), header.shape.rend());
  Dimensions strides = row_major_strides(reversed);
  std::reverse(strides.begin(), strides.end());
  return strides;
}

}  // namespace sigmax::io
