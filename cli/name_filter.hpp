// Which tensors a run is about: --layers and --exclude.
#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::cli {

/// A regular expression (ECMAScript) that is searched for anywhere in a name.
class NamePattern {
 public:
  /// `option` is named in messages. Throws Error with the position and the reason if `source` is malformed.
  NamePattern(std::string_view option, std::string source);

  const std::string& source() const noexcept { return source_; }

  /// Throws Error if the name is longer than kLongestName or the expression is too complex for it.
  bool matches(const std::string& name) const;

  /// The standard library's matcher recurses once a character, and names come from untrusted files.
  static constexpr std::size_t kLongestName = 2048;

 private:
  std::string source_;
  std::regex expression_;
};

/// Names that match one of `layers` (any name if there is none) and none of `exclude`.
struct NameFilter {
  std::vector<NamePattern> layers;
  std::vector<NamePattern> exclude;

  bool empty() const noexcept { return layers.empty() && exclude.empty(); }
  bool selects(const std::string& name) const;

  /// Why a tensor was left out, in the words of the command line.
  std::string reason() const;
};

}  // namespace sigmax::cli
