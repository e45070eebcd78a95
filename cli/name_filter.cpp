#include "cli/name_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/pointer.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using std::regex_constants::error_type;

std::optional<error_type> error_of(const std::string& source) {
  try {
    const std::regex attempt(source, std::regex::ECMAScript);
    return std::nullopt;
  } catch (const std::regex_error& error) {
    return error.code();
  }
}

// The standard library does not say where an expression is wrong. It is wrong from the character on after which every
// longer beginning fails in the same way.
std::size_t position_of(const std::string& source, error_type code) {
  std::size_t length = source.size();
  while (length > 1 && error_of(source.substr(0, length - 1)) == code) --length;
  return length;
}

std::string_view explain(error_type code) {
  using namespace std::regex_constants;
  if (code == error_paren) return "unmatched parenthesis";
  if (code == error_brack) return "unmatched bracket";
  if (code == error_brace || code == error_badbrace) return "malformed braces, write {n}, {n,} or {n,m}";
  if (code == error_badrepeat) return "nothing to repeat";
  if (code == error_range) return "a character range that runs backwards";
  if (code == error_escape) return "an escape that does not exist";
  if (code == error_ctype) return "a character class that does not exist";
  if (code == error_backref) return "a reference to a group that does not exist";
  return "too complex";
}

bool any(const std::vector<NamePattern>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const NamePattern& p) { return p.matches(name); });
}

}  // namespace

NamePattern::NamePattern(std::string_view option, std::string source) : source_(std::move(source)) {
  if (const auto code = error_of(source_)) {
    throw Error(pointer(option, source_, position_of(source_, *code) - (source_.empty() ? 0 : 1), explain(*code)));
  }
  expression_ = std::regex(source_, std::regex::ECMAScript | std::regex::optimize);
}

bool NamePattern::matches(const std::string& name) const {
  const auto fail = [&](std::string_view why) {
    const std::string shown = report::shorten(report::visible(name), 60, report::glyphs(true));
    throw Error(fmt::format("cannot match '{}' against the tensor name '{}': {}", source_, shown, why));
  };
  if (name.size() > kLongestName) {
    fail(fmt::format("it has {} bytes, and names of up to {} can be matched", name.size(), kLongestName));
  }
  try {
    return std::regex_search(name, expression_);
  } catch (const std::regex_error&) {
    fail("the expression takes too many steps");
  }
  return false;
}

bool NameFilter::selects(const std::string& name) const {
  return (layers.empty() || any(layers, name)) && !any(exclude, name);
}

std::string NameFilter::reason() const {
  if (exclude.empty()) return "not selected by --layers";
  return layers.empty() ? "left out by --exclude" : "left out by --layers and --exclude";
}

}  // namespace sigmax::cli
