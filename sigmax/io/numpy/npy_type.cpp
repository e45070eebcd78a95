#include "sigmax/io/numpy/npy_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <span>

#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

struct Spelling {
  std::string_view text;
  DType type;
};

// Codes, which may follow a byte order: kind and bytes of an element, or a letter for a C type.
constexpr Spelling kCodes[] = {
    {"f8", DType::f64}, {"f4", DType::f32},     {"f2", DType::f16}, {"i8", DType::i64},   {"i4", DType::i32},
    {"i2", DType::i16}, {"i1", DType::i8},      {"u8", DType::u64}, {"u4", DType::u32},   {"u2", DType::u16},
    {"u1", DType::u8},  {"b1", DType::boolean}, {"c8", DType::c64}, {"c16", DType::c128}, {"d", DType::f64},
    {"f", DType::f32},  {"e", DType::f16},      {"q", DType::i64},  {"l", DType::i64},    {"p", DType::i64},
    {"n", DType::i64},  {"i", DType::i32},      {"h", DType::i16},  {"b", DType::i8},     {"Q", DType::u64},
    {"L", DType::u64},  {"P", DType::u64},      {"N", DType::u64},  {"I", DType::u32},    {"H", DType::u16},
    {"B", DType::u8},   {"?", DType::boolean},  {"F", DType::c64},  {"D", DType::c128},
};

// Names, which stand alone; NumPy has since given up some of them.
constexpr Spelling kNames[] = {
    {"float64", DType::f64},       {"double", DType::f64},      {"float", DType::f64},     {"float_", DType::f64},
    {"float32", DType::f32},       {"single", DType::f32},      {"float16", DType::f16},   {"half", DType::f16},
    {"int64", DType::i64},         {"int", DType::i64},         {"int_", DType::i64},      {"intp", DType::i64},
    {"long", DType::i64},          {"longlong", DType::i64},    {"int32", DType::i32},     {"intc", DType::i32},
    {"int16", DType::i16},         {"short", DType::i16},       {"int8", DType::i8},       {"byte", DType::i8},
    {"uint64", DType::u64},        {"uint", DType::u64},        {"uintp", DType::u64},     {"ulong", DType::u64},
    {"ulonglong", DType::u64},     {"uint32", DType::u32},      {"uintc", DType::u32},     {"uint16", DType::u16},
    {"ushort", DType::u16},        {"uint8", DType::u8},        {"ubyte", DType::u8},      {"bool", DType::boolean},
    {"bool_", DType::boolean},     {"bool8", DType::boolean},   {"complex64", DType::c64}, {"csingle", DType::c64},
    {"singlecomplex", DType::c64}, {"complex128", DType::c128}, {"complex", DType::c128},  {"complex_", DType::c128},
    {"cdouble", DType::c128},      {"cfloat", DType::c128},
};

constexpr const char* kObjects = "holds Python objects, which only running Python code could read";
constexpr const char* kText = "holds text";
constexpr const char* kDates = "holds dates";
constexpr const char* kTimes = "holds time differences";
constexpr const char* kExtended =
    "holds extended-precision floats, whose format depends on the machine that wrote them";
constexpr const char* kRaw =
    "holds raw bytes whose type the file does not say (bfloat16, float8 and int4 arrays of ml_dtypes are written so)";
constexpr const char* kFloat8 =
    "holds 8-bit floats of ml_dtypes, of which kind the file does not say; NumPy by itself does not read them either";

// Types of NumPy that are not numbers to sigmax. `unit` is the number of bytes for each count of the size.
struct OtherType {
  char kind;
  std::uint64_t unit;
  DType type;
  const char* reason;
};

constexpr OtherType kOtherTypes[] = {
    {'S', 1, DType::string, kText},      {'a', 1, DType::string, kText},      {'U', 4, DType::string, kText},
    {'V', 1, DType::unknown, kRaw},      {'M', 1, DType::unknown, kDates},    {'m', 1, DType::unknown, kTimes},
    {'f', 1, DType::unknown, kExtended}, {'c', 1, DType::unknown, kExtended},
};

struct OtherName {
  std::string_view text;
  DType type;
  std::uint64_t bytes;  // of an element; 0 if that is not known
  const char* reason;
};

constexpr OtherName kOtherNames[] = {
    {"f1", DType::unknown, 1, kFloat8},
    {"g", DType::unknown, 16, kExtended},
    {"G", DType::unknown, 32, kExtended},
    {"longdouble", DType::unknown, 16, kExtended},
    {"float128", DType::unknown, 16, kExtended},
    {"clongdouble", DType::unknown, 32, kExtended},
    {"complex256", DType::unknown, 32, kExtended},
    {"c", DType::string, 1, kText},
    {"object", DType::unknown, 0, kObjects},
    {"object_", DType::unknown, 0, kObjects},
    {"str", DType::string, 0, kText},
    {"str_", DType::string, 0, kText},
    {"bytes", DType::string, 0, kText},
    {"bytes_", DType::string, 0, kText},
    {"unicode", DType::string, 0, kText},
    {"T", DType::string, 0, kText},
    {"void", DType::unknown, 0, kRaw},
};

bool is_plausible_size(char kind, std::uint64_t size) {
  if (kind == 'M' || kind == 'm') return size == 8;
  if (kind == 'f') return size == 12 || size == 16;
  if (kind == 'c') return size == 24 || size == 32;
  return true;
}

// A kind of kOtherTypes, its size (NumPy's own where none is given: zero for text, eight bytes for dates), and a unit
// of time in brackets.
std::optional<NpyType> other_type(std::string_view code) {
  const auto* other = std::find_if(std::begin(kOtherTypes), std::end(kOtherTypes),
                                   [&code](const OtherType& type) { return type.kind == code[0]; });
  if (other == std::end(kOtherTypes)) return std::nullopt;
  const bool dated = code[0] == 'M' || code[0] == 'm';
  std::uint64_t size = dated ? 8 : 0;
  code.remove_prefix(1);
  if (!code.empty() && is_digit(code[0])) {
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), size);
    if (error != std::errc() || size > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    code.remove_prefix(static_cast<std::size_t>(end - code.data()));
  }
  const bool plausible_unit = code.empty() || (dated && code.front() == '[' && code.back() == ']');
  if (!plausible_unit || !is_plausible_size(other->kind, size)) return std::nullopt;
  return NpyType{other->type, size * other->unit, false, other->reason};
}

NpyType unknown(std::string_view spelling) {
  NpyType type;
  type.unreadable = fmt::format("its type {} is none of NumPy's", in_quotes(spelling));
  return type;
}

const Spelling* find(std::span<const Spelling> spellings, std::string_view text) {
  const auto found = std::find_if(spellings.begin(), spellings.end(),
                                  [text](const Spelling& spelling) { return spelling.text == text; });
  return found == spellings.end() ? nullptr : &*found;
}

}  // namespace

NpyType npy_type(std::string_view spelling) {
  if (const Spelling* name = find(kNames, spelling)) return {name->type, size_of(name->type), false, {}};
  std::string_view code = spelling;
  const bool has_order = !code.empty() && std::string_view("<>|=").find(code[0]) != std::string_view::npos;
  const bool big_endian = has_order && code[0] == '>';
  if (has_order) code.remove_prefix(1);
  if (code.empty()) return unknown(spelling);
  if (const Spelling* plain = find(kCodes, code)) return {plain->type, size_of(plain->type), big_endian, {}};
  if (code == "O" || code == "O4" || code == "O8") return {DType::unknown, std::nullopt, false, kObjects, true};
  for (const OtherName& other : kOtherNames) {
    if (other.text != code || (has_order && other.text.size() > 2)) continue;
    NpyType type{other.type, std::nullopt, false, other.reason, other.reason == kObjects};
    if (other.bytes != 0) type.item_bytes = other.bytes;
    return type;
  }
  if (code.find(',') != std::string_view::npos || code[0] == '(' || is_digit(code[0])) {
    return {DType::unknown, std::nullopt, false, "holds a structured type: several numbers per element", true};
  }
  if (code == "datetime64" || code.starts_with("datetime64[")) return {DType::unknown, 8, false, kDates};
  if (code == "timedelta64" || code.starts_with("timedelta64[")) return {DType::unknown, 8, false, kTimes};
  return other_type(code).value_or(unknown(spelling));
}

}  // namespace sigmax::io
