#include "sigmax/report/csv.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

// Like visible(), but keeps the three control characters that are safe in a quoted field.
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

class Lines {
 public:
  Lines(const Table& table, ControlCharacters line_feeds)
      : table_(table), line_feeds_(line_feeds), shown_(table.columns_for(data)) {}

  std::string write() {
    for (const std::size_t i : shown_) {
      if (!out_.empty()) out_ += ',';
      out_ += table_.columns[i].key;
    }
    out_ += "\r\n";
    for (const Row& row : table_.rows) {
      append(row);
      for (const Row& part : row.parts) append(part);
    }
    return std::move(out_);
  }

 private:
  void append(const Row& row) {
    bool first = true;
    for (const std::size_t i : shown_) {
      if (!first) out_ += ',';
      first = false;
      const std::string text = plain_text(row.cells[i].value);
      out_ += quoted(line_feeds_ == ControlCharacters::kept ? text_kept(text) : visible(text));
    }
    out_ += "\r\n";
  }

  const Table& table_;
  ControlCharacters line_feeds_;
  std::vector<std::size_t> shown_;
  std::string out_;
};

}  // namespace

std::string write_csv(const Table& table, ControlCharacters line_feeds) { return Lines(table, line_feeds).write(); }

}  // namespace sigmax::report
