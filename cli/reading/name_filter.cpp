#include "cli/reading/name_filter.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "cli/reading/pointer.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::cli {
namespace {

using re2::RE2;

std::shared_ptr<const RE2> compiled(std::string_view source) {
  RE2::Options options;
  options.set_log_errors(false);
  return std::make_shared<const RE2>(re2::StringPiece(source.data(), source.size()), options);
}

// RE2 names the part that it could not read, not its position. The error is at the first character after which every
// longer prefix fails with the same code.
std::size_t position_of(std::string_view source, RE2::ErrorCode code) {
  std::size_t length = source.size();
  while (length > 1 && compiled(source.substr(0, length - 1))->error_code() == code) --length;
  return length;
}

std::string_view explain(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorMissingParen:
    case RE2::ErrorUnexpectedParen: return "unmatched parenthesis";
    case RE2::ErrorMissingBracket: return "unmatched bracket";
    case RE2::ErrorRepeatArgument: return "nothing to repeat";
    case RE2::ErrorRepeatSize: return "malformed braces, or more repetitions than 1000";
    case RE2::ErrorRepeatOp: return "one repetition after another";
    case RE2::ErrorBadCharRange: return "a character range that runs backwards";
    case RE2::ErrorBadCharClass: return "a character class that does not exist";
    case RE2::ErrorBadEscape: return "an escape that does not exist (RE2 has no references to groups)";
    case RE2::ErrorTrailingBackslash: return "a backslash with nothing after it";
    case RE2::ErrorBadPerlOp: return "RE2 has no lookahead and no lookbehind; use --exclude to leave names out";
    case RE2::ErrorBadNamedCapture: return "a malformed name of a group";
    case RE2::ErrorBadUTF8: return "not valid UTF-8";
    case RE2::ErrorPatternTooLarge: return "too large";
    default: return "not a regular expression";
  }
}

bool any(const std::vector<NamePattern>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const NamePattern& p) { return p.matches(name); });
}

}  // namespace

NamePattern::NamePattern(std::string_view option, std::string source)
    : source_(std::move(source)), expression_(compiled(source_)) {
  if (expression_->ok()) return;
  const RE2::ErrorCode code = expression_->error_code();
  // RE2 has one code for `[z-a]` and `[[:foo:]]`.
  const std::string& part = expression_->error_arg();
  if (code == RE2::ErrorBadCharRange && part.starts_with("[:")) {
    throw Error(pointer(option, source_, source_.find(part),
                        "an unknown character class (known are [:alpha:], "
                        "[:digit:], [:alnum:], [:upper:], [:lower:], ...)"));
  }
  throw Error(pointer(option, source_, position_of(source_, code) - (source_.empty() ? 0 : 1), explain(code)));
}

bool NamePattern::matches(std::string_view name) const {
  return RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *expression_);
}

bool NameFilter::selects(std::string_view name) const {
  return (layers.empty() || any(layers, name)) && !any(exclude, name);
}

std::string NameFilter::reason() const {
  if (exclude.empty()) return "not selected by --layers";
  return layers.empty() ? "left out by --exclude" : "left out by --layers and --exclude";
}

}  // namespace sigmax::cli
