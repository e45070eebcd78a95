#include "sigmax/report/csv.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <variant>
#include <vector>

#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

// visible(), except for the three control characters that a quoted field carries safely.
std::string text_kept(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\r\t"), text.size());
    out += visible(text.substr(0, end));
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string field(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return std::isfinite(*real) ? round_trip(*real) : std::string();
  if (const auto* count = std::get_if<std::int64_t>(&value)) return std::to_string(*count);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(text_kept(*text));
  return {};
}

void append_line(std::string& out, const std::vector<const Column*>& columns, const Row& row) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += ',';
    out += field(columns[i]->value(row));
  }
  out += "\r\n";
}

}  // namespace

std::string render_csv(const audit::Result& result, const CsvOptions& options) {
  const std::vector<const Column*> shown = columns_for(data);
  std::string out;
  for (const Column* column : shown) {
    if (!out.empty()) out += ',';
    out += column->key;
  }
  out += "\r\n";
  for (const audit::TensorResult* tensor : select(result, options.sort, options.top)) {
    append_line(out, shown, {tensor});
    for (const audit::Part& part : tensor->parts) append_line(out, shown, {tensor, &part});
  }
  return out;
}

}  // namespace sigmax::report
