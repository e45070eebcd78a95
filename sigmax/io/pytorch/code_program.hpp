// The code of TorchScript as classes and functions of assignments and calls, in a subset of Python. Internal to io/.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/pytorch/code_tokens.hpp"

namespace sigmax::io {

/// Calls within calls, and values that are made of values, are followed this far.
inline constexpr std::size_t kDeepestCode = 200;
/// Names are copied; longer ones are not followed.
inline constexpr std::size_t kLongestName = 1000;

struct CodeFunction {
  std::string holder;  ///< class or module
  std::vector<std::string_view> parameters;
  std::map<std::string_view, std::string> types;  ///< of parameters that are modules
  std::map<std::string_view, Tokens> defaults;    ///< of parameters that may be left out
  std::map<std::string_view, std::vector<Tokens>> assigned;
  std::vector<Tokens> returned;
  struct Call {
    std::string_view name;  ///< `torch.conv2d`, `.forward`
    Tokens object;          ///< of a method: the module
    std::vector<Tokens> arguments;
  };
  std::vector<Call> calls;
  struct Caller {
    const CodeFunction* function;
    const Call* call;
    bool is_method;
  };
  std::vector<Caller> callers;  ///< of CodeProgram::bind()

  /// What its parameter gets in that call; no tokens if nothing is given.
  static Tokens given(const Caller& caller, std::size_t parameter);
  /// The index of a name among the parameters; their number if it is none.
  std::size_t parameter(std::string_view name) const;
};

/// The value without brackets around it as a whole.
Tokens unwrapped(Tokens value);

/// The value of an argument that is a name, if exactly one value is ever assigned to it.
Tokens literal(const CodeFunction& function, Tokens value);

/// A value that is one call as a whole: `torch.pad(x, [1, 1])`, `(conv).forward(x, )`. Nothing for any other.
std::optional<CodeFunction::Call> call_of(Tokens value);

/// An argument of a call by its place, if it has one, or as `groups=2`. No tokens if it is left out.
Tokens argument(const std::vector<Tokens>& arguments, std::optional<int> place, std::string_view name);

class CodeProgram {
 public:
  /// One file. `module` is its name with dots; `tokens` must outlive the program.
  void read(const std::string& module, const std::vector<Token>& tokens);
  /// Connects functions with their calls, once all files are read.
  void bind();

  const std::map<std::string, CodeFunction>& functions() const noexcept { return functions_; }
  /// Something was not read.
  bool is_partial() const noexcept { return is_partial_; }

  /// The function that a call runs; null if it is not one of the program's.
  const CodeFunction* called(const CodeFunction& caller, std::string_view name, Tokens object) const;
  /// The class of an expression, if it is a module.
  std::optional<std::string> class_of(const CodeFunction& function, Tokens value) const;
  /// `padding : Final[int] = 1` in a class: the value. No tokens if there is none.
  Tokens constant_of(const std::string& holder, std::string_view attribute) const;

 private:
  void read_attribute(const std::string& holder, Tokens line);
  void read_calls(CodeFunction& function, const std::vector<Token>& tokens, const std::vector<std::size_t>& ends,
                  std::size_t begin, std::size_t end);
  // The name of the function that a call runs; empty for a method of an object that is not known.
  std::string qualified(const CodeFunction& caller, std::string_view name, Tokens object) const;
  std::optional<std::string> class_of(const CodeFunction& function, Tokens value, std::size_t depth) const;
  std::optional<std::string> attribute_class(const std::optional<std::string>& holder,
                                             std::string_view attribute) const;

  bool is_partial_ = false;
  std::map<std::string, CodeFunction> functions_;  // by qualified name
  std::map<std::string, std::map<std::string, std::string>> types_;
  std::map<std::string, std::map<std::string_view, Tokens>> constants_;
};

}  // namespace sigmax::io
