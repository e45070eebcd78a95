// Whether the program of a TorchScript file pads an image before it convolves it. Internal to io/.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/io/pytorch/code_program.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {

/// Follows values back through assignments, calls and the functions that they run, to the operators that pad.
class ImagePaddings {
 public:
  /// The paddings in a program that is bound and outlives this.
  explicit ImagePaddings(const CodeProgram& program) : program_(program) {}

  /// What is done to an image before a function uses it as `value`, the last padding first: one list for each way in
  /// which the program gets there, an empty one where it does not pad. A padding that is not known stands for ways that
  /// cannot be followed.
  std::set<std::vector<ProgramPadding>> before(const CodeFunction& function, Tokens value);

 private:
  struct Way {
    std::vector<ProgramPadding> pads;
    std::optional<std::size_t> parameter;  // where the value comes from, if it is one of the function's

    auto operator<=>(const Way&) const = default;  // NOLINT(modernize-use-nullptr): its own code has a 0
  };
  using Ways = std::set<Way>;

  Ways ways(const CodeFunction& function, Tokens value, std::size_t depth);
  Ways ways_of_name(const CodeFunction& function, std::string_view name, std::size_t depth);
  Ways ways_of_call(const CodeFunction& function, Tokens value, std::size_t depth);
  void follow(const CodeFunction& function, const Way& way, std::size_t depth,
              std::set<std::vector<ProgramPadding>>& result);
  ProgramPadding padding_of(const CodeFunction& function, std::string_view mode,
                            const std::vector<Tokens>& arguments) const;
  std::optional<Dimensions> pairs_of(const CodeFunction& function, Tokens value) const;
  std::optional<Dimensions> own_pairs(const std::string& holder) const;

  const CodeProgram& program_;
  std::set<std::pair<const CodeFunction*, std::string_view>> open_;  // names that are being followed
  std::size_t steps_ = 0;
};

}  // namespace sigmax::io
