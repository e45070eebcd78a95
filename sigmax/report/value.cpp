#include "sigmax/report/value.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/report/number.hpp"

namespace sigmax::report {

// Not in the header: Record is incomplete until Member is complete.
Value::Value() = default;
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Value::Value(double number) : data(number) {}
Value::Value(std::string text) : data(std::move(text)) {}
Value::Value(std::string_view text) : data(std::string(text)) {}
Value::Value(const char* text) : data(std::string(text)) {}
Value::Value(const Enclosure& enclosure) : data(enclosure) {}
Value::Value(List list) : data(std::move(list)) {}
Value::Value(Record record) : data(std::move(record)) {}
Value::Value(const Dimensions& shape) : data(List(shape.begin(), shape.end())) {}

Value text_or_nothing(std::string_view text) { return text.empty() ? Value() : Value(text); }

Record members_of(const std::optional<Enclosure>& enclosure) {
  Record members = {{"lower", {}}, {"upper", {}}, {"kind", {}}, {"failure_probability", {}}};
  if (!enclosure) return members;
  members[0].value = enclosure->lower.value();
  members[2].value = kind(*enclosure);
  if (!enclosure->upper) return members;
  members[1].value = enclosure->upper->value();
  members[3].value = enclosure->upper->failure_probability();
  return members;
}

std::string_view kind(const Enclosure& enclosure) noexcept {
  if (!enclosure.upper) return "lower_only";
  return enclosure.is_proven() ? "proven" : "probabilistic";
}

std::string plain_text(const Value& value) {
  if (const auto* number = value.as<double>()) return std::isfinite(*number) ? round_trip(*number) : std::string();
  if (const auto* count = value.as<std::int64_t>()) return fmt::format("{}", *count);
  if (const auto* size = value.as<std::uint64_t>()) return fmt::format("{}", *size);
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* list = value.as<List>()) {
    std::string items;
    for (const Value& item : *list) items += (items.empty() ? "" : ", ") + plain_text(item);
    return "[" + items + "]";
  }
  return {};
}

std::string shown_text(const Value& value, const Glyphs& glyphs) {
  if (const auto* number = value.as<double>()) return significant(*number, 5);
  if (const auto* flag = value.as<bool>()) return *flag ? "yes" : "no";
  const std::string text = visible(plain_text(value), glyphs.unicode);
  return text.empty() ? std::string(glyphs.none) : text;
}

double rank_of(const Value& value) noexcept {
  if (const auto* number = value.as<double>()) return *number;
  if (const auto* count = value.as<std::int64_t>()) return static_cast<double>(*count);
  if (const auto* size = value.as<std::uint64_t>()) return static_cast<double>(*size);
  if (const auto* flag = value.as<bool>()) return *flag ? 1 : 0;
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace sigmax::report
