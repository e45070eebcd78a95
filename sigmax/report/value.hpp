// The data in a table cell or a fact. Every report format is written in terms of these types.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

struct Value;
struct Member;
using List = std::vector<Value>;
using Record = std::vector<Member>;  ///< in the order in which they are written

/// Nothing, a flag, a count, a number, a text, an enclosure, a list or a record. Nothing means that the value does not
/// exist.
struct Value {
  Value();
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  // Conversions are implicit, so that code can pass the contents directly. NOLINTBEGIN(google-explicit-constructor)
  template <std::integral T>
  Value(T value)
      : data(std::conditional_t<std::same_as<T, bool>, bool,
                                std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>(value)) {}
  Value(double number);
  Value(std::string text);
  Value(std::string_view text);
  Value(const char* text);
  Value(const Enclosure& enclosure);
  Value(List list);
  Value(Record record);
  Value(const Dimensions& shape);
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  // NOLINTEND(google-explicit-constructor)

  bool exists() const noexcept { return data.index() != 0; }

  /// Null if it holds another type.
  template <class T>
  const T* as() const noexcept {
    return std::get_if<T>(&data);
  }

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Enclosure, List, Record> data;
};

struct Member {
  std::string key;
  Value value;
};

/// The text, or nothing if it is empty.
Value text_or_nothing(std::string_view text);

/// `lower`, `upper`, `kind` and `failure_probability` of an enclosure. All are nothing if there is no enclosure;
/// `upper` and `failure_probability` are also nothing if it has no upper end. Only this function decides how an
/// enclosure is written as data.
Record members_of(const std::optional<Enclosure>& enclosure);

/// `proven`, `probabilistic` or `lower_only`.
std::string_view kind(const Enclosure& enclosure) noexcept;

/// `true`, `3`, `0.1` with enough digits to read back, the text itself, `[3, 4]`. Empty for nothing, NaN and
/// infinities.
std::string plain_text(const Value& value);

/// For people: five significant digits, `yes` and `no`, names after visible(), and Glyphs::none for nothing.
std::string shown_text(const Value& value, const Glyphs& glyphs);

/// The number by which values are compared: flags are 0 and 1. NaN for anything that is not a number.
double rank_of(const Value& value) noexcept;

}  // namespace sigmax::report
