#include "sigmax/io/pytorch/code_program.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

bool is_class(const Token& type) { return type.text.starts_with("__torch__") && type.text.size() <= kLongestName; }

bool is_named(Tokens argument) { return argument.size() > 2 && is_sign(argument[1], '='); }

void read_parameters(CodeFunction& function, Tokens tokens) {
  for (const Tokens part : split(tokens)) {
    if (part.empty()) continue;
    function.parameters.push_back(part[0].text);
    if (part.size() >= 3 && is_class(part[2])) function.types[part[0].text] = std::string(part[2].text);
    const auto equals = std::find_if(part.begin(), part.end(), [](const Token& token) { return is_sign(token, '='); });
    if (equals != part.end()) function.defaults[part[0].text] = Tokens(equals + 1, part.end());
  }
}

// `x = a`, `x: Tensor = a`, `x, y = a, b`, `return x`.
void read_statement(CodeFunction& function, Tokens line) {
  if (line.size() > 1 && line[0].text == "return") function.returned.push_back(line.subspan(1));
  int depth = 0;
  std::size_t equals = 0;
  for (; equals < line.size(); ++equals) {
    if (opens(line[equals])) ++depth;
    if (closes(line[equals])) --depth;
    if (depth == 0 && is_sign(line[equals], '=')) break;
  }
  if (equals == line.size()) return;
  const std::vector<Tokens> names = split(line.first(equals)), values = split(line.subspan(equals + 1));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || names[i][0].kind != Token::Kind::name) continue;
    function.assigned[names[i][0].text].push_back(names.size() == values.size() ? values[i] : Tokens());
  }
}

// Whether the arguments of a call matter: those of torch's operators without weights and pads do not.
bool is_followed(std::string_view name) {
  if (name[0] == '.' || name.starts_with("__torch__")) return true;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return weight_operator(last) != nullptr || pad_operator(last) != nullptr;
}

}  // namespace

Tokens CodeFunction::given(const Caller& caller, std::size_t parameter) {
  // A method's first parameter is the module.
  const std::size_t index = caller.is_method ? parameter - 1 : parameter;
  return index < caller.call->arguments.size() ? caller.call->arguments[index] : Tokens();
}

std::size_t CodeFunction::parameter(std::string_view name) const {
  return static_cast<std::size_t>(std::find(parameters.begin(), parameters.end(), name) - parameters.begin());
}

Tokens unwrapped(Tokens value) {
  const auto is_open = [](const Token& token) { return is_sign(token, '('); };
  const auto is_closed = [](const Token& token) { return is_sign(token, ')'); };
  const auto front = static_cast<std::size_t>(std::find_if_not(value.begin(), value.end(), is_open) - value.begin());
  if (front == 0 || front == value.size()) return value;
  const auto back =
      static_cast<std::size_t>(std::find_if_not(value.rbegin(), value.rend(), is_closed) - value.rbegin());
  // As many as are open throughout: none for `(a).forward(x)`.
  std::size_t depth = front, open = std::min(front, back);
  for (std::size_t i = front; i + back < value.size() && open > 0; ++i) {
    if (opens(value[i])) ++depth;
    if (closes(value[i])) --depth;
    open = std::min(open, depth);
  }
  return value.subspan(open, value.size() - 2 * open);
}

Tokens literal(const CodeFunction& function, Tokens value) {
  if (value.size() != 1 || value[0].kind != Token::Kind::name) return value;
  const auto from = function.assigned.find(value[0].text);
  return from != function.assigned.end() && from->second.size() == 1 ? from->second[0] : value;
}

std::optional<CodeFunction::Call> call_of(Tokens value) {
  if (value.size() < 3 || !is_sign(value.back(), ')')) return std::nullopt;
  std::size_t at = 0;
  if (is_sign(value[0], '(')) {
    int open = 0;
    for (; at < value.size(); ++at) {
      if (opens(value[at])) ++open;
      if (closes(value[at]) && --open == 0) break;
    }
    ++at;
  }
  if (at + 2 >= value.size() || value[at].kind != Token::Kind::name || !is_sign(value[at + 1], '(')) {
    return std::nullopt;
  }
  CodeFunction::Call call;
  call.name = value[at].text;
  if (at > 1) call.object = value.subspan(1, at - 2);
  call.arguments = split(value.subspan(at + 2, value.size() - at - 3));
  return call;
}

Tokens argument(const std::vector<Tokens>& arguments, std::optional<int> place, std::string_view name) {
  for (const Tokens value : arguments) {
    if (is_named(value) && value[0].text == name) return value.subspan(2);
  }
  if (!place) return {};
  const auto at = static_cast<std::size_t>(*place);
  return at < arguments.size() && !is_named(arguments[at]) ? arguments[at] : Tokens();
}

void CodeProgram::read(const std::string& module, const std::vector<Token>& tokens) {
  const std::vector<std::size_t> ends = closings(tokens);
  std::string holder = module;
  if (module.size() > kLongestName) {
    is_partial_ = true;
    return;
  }
  CodeFunction* function = nullptr;
  for (std::size_t begin = 0; begin < tokens.size();) {
    std::size_t end = begin;
    while (tokens[end].kind != Token::Kind::line_end) ++end;
    const Tokens line(tokens.data() + begin, end - begin);
    if (line.size() >= 2 && line[0].text == "class") {
      holder = module + "." + std::string(line[1].text.substr(0, kLongestName));
      function = nullptr;
    } else if (line.size() >= 3 && line[0].text == "def") {
      if (line[0].in_first_column) holder = module;
      function = &functions_[holder + "." + std::string(line[1].text.substr(0, kLongestName))];
      *function = CodeFunction{holder, {}, {}, {}, {}, {}, {}, {}};
      read_parameters(*function, Tokens(tokens).subspan(begin + 3, std::min(ends[begin + 2], end) - begin - 3));
    } else if (function != nullptr) {
      read_statement(*function, line);
      read_calls(*function, tokens, ends, begin, end);
    } else {
      read_attribute(holder, line);
    }
    begin = end + 1;
  }
}

// `conv : __torch__.model.Conv`, `__annotations__["0"] = __torch__.model.Conv`, `groups : Final[int] = 1`.
void CodeProgram::read_attribute(const std::string& holder, Tokens line) {
  if (line.size() < 3) return;
  if (is_class(line.back())) {
    const bool quoted = line[0].text == "__annotations__" && line.size() > 3;
    types_[holder][std::string(quoted ? line[2].text : line[0].text)] = std::string(line.back().text);
  } else if (line.size() > 3 && line[2].text == "Final") {
    for (std::size_t i = 3; i + 1 < line.size(); ++i) {
      if (!is_sign(line[i], '=')) continue;
      constants_[holder][line[0].text] = line.subspan(i + 1);
      break;
    }
  }
}

void CodeProgram::read_calls(CodeFunction& function, const std::vector<Token>& tokens,
                             const std::vector<std::size_t>& ends, std::size_t begin, std::size_t end) {
  std::vector<std::size_t> open;  // brackets of the line, to find the module that `.forward` is called of
  std::size_t closed = begin;
  for (std::size_t i = begin; i + 1 < end; ++i) {
    if (opens(tokens[i])) open.push_back(i);
    if (closes(tokens[i]) && !open.empty()) {
      closed = open.back();
      open.pop_back();
    }
    if (tokens[i].kind != Token::Kind::name || !is_sign(tokens[i + 1], '(') || ends[i + 1] >= end) continue;
    CodeFunction::Call call;
    call.name = tokens[i].text;
    if (call.name[0] == '.' && i > begin && is_sign(tokens[i - 1], ')')) {
      call.object = Tokens(tokens).subspan(closed + 1, i - 2 - closed);
    }
    // Each level of nesting costs another look at its arguments.
    if (open.size() > kDeepestCode) {
      is_partial_ = true;
      continue;
    }
    if (is_followed(call.name)) call.arguments = split(Tokens(tokens).subspan(i + 2, ends[i + 1] - i - 2));
    function.calls.push_back(std::move(call));
  }
}

void CodeProgram::bind() {
  for (const auto& [name, function] : functions_) {
    for (const CodeFunction::Call& call : function.calls) {
      const auto target = functions_.find(qualified(function, call.name, call.object));
      if (target != functions_.end()) target->second.callers.push_back({&function, &call, call.name[0] == '.'});
    }
  }
}

const CodeFunction* CodeProgram::called(const CodeFunction& caller, std::string_view name, Tokens object) const {
  const auto found = functions_.find(qualified(caller, name, object));
  return found == functions_.end() ? nullptr : &found->second;
}

std::string CodeProgram::qualified(const CodeFunction& caller, std::string_view name, Tokens object) const {
  if (name[0] != '.') return std::string(name);
  const auto holder = class_of(caller, object);
  return holder ? *holder + std::string(name) : std::string();
}

std::optional<std::string> CodeProgram::class_of(const CodeFunction& function, Tokens value) const {
  return class_of(function, value, 0);
}

std::optional<std::string> CodeProgram::class_of(const CodeFunction& function, Tokens value, std::size_t depth) const {
  if (depth > kDeepestCode) return std::nullopt;
  value = unwrapped(value);
  if (value.size() == 6 && value[0].text == "getattr") {
    return attribute_class(class_of(function, value.subspan(2, 1), depth + 1), value[4].text);
  }
  if (value.size() != 1 || value[0].kind != Token::Kind::name) return std::nullopt;
  std::string_view rest = value[0].text;
  const std::string_view first = rest.substr(0, rest.find('.'));
  std::optional<std::string> holder;
  if (const auto type = function.types.find(first); type != function.types.end()) {
    holder = type->second;
  } else if (const auto from = function.assigned.find(first);
             from != function.assigned.end() && from->second.size() == 1) {
    holder = class_of(function, from->second[0], depth + 1);
  }
  while (holder && rest.find('.') != std::string_view::npos) {
    rest.remove_prefix(rest.find('.') + 1);
    holder = attribute_class(holder, rest.substr(0, rest.find('.')));
  }
  return holder;
}

std::optional<std::string> CodeProgram::attribute_class(const std::optional<std::string>& holder,
                                                        std::string_view attribute) const {
  if (!holder) return std::nullopt;
  const auto known = types_.find(*holder);
  if (known == types_.end()) return std::nullopt;
  const auto found = known->second.find(std::string(attribute));
  return found == known->second.end() ? std::nullopt : std::optional(found->second);
}

Tokens CodeProgram::constant_of(const std::string& holder, std::string_view attribute) const {
  const auto known = constants_.find(holder);
  if (known == constants_.end()) return {};
  const auto found = known->second.find(attribute);
  return found == known->second.end() ? Tokens() : found->second;
}

}  // namespace sigmax::io
