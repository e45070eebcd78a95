// The tensors that a run selects: --layers and --exclude.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}  // namespace re2

namespace sigmax::cli {

/// A regular expression (RE2 syntax) that may match anywhere in a name.
///
/// Names come from untrusted files and may be as long as the file: RE2 takes time linear in the length of the name, and
/// no name or expression makes it recurse.
class NamePattern {
 public:
  /// `option` is named in messages. Throws Error with the position and the reason if `source` is malformed.
  NamePattern(std::string_view option, std::string source);

  const std::string& source() const noexcept { return source_; }

  bool matches(std::string_view name) const;

 private:
  std::string source_;
  std::shared_ptr<const re2::RE2> expression_;
};

/// Selects names that match one of `layers` (any name if it is empty) and none of `exclude`.
struct NameFilter {
  std::vector<NamePattern> layers;
  std::vector<NamePattern> exclude;

  bool empty() const noexcept { return layers.empty() && exclude.empty(); }
  bool selects(std::string_view name) const;

  /// Why a tensor was left out, in the words of the command line.
  std::string reason() const;
};

}  // namespace sigmax::cli
