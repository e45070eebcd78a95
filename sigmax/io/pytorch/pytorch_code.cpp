// The code of TorchScript: classes with typed attributes, and functions of assignments and calls, in a subset of
// Python.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "sigmax/core/error.hpp"
#include "sigmax/io/pytorch/code_tokens.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kMostCode = std::uint64_t{1} << 26;  // bytes of all files together, unpacked
constexpr std::size_t kMostOrigins = 64;                     // of one value
constexpr std::size_t kDeepest = 200;
constexpr std::size_t kLongestName = 1000;  // names are copied; longer ones are not followed
constexpr std::string_view kConstants = "CONSTANTS";

struct Function {
  std::string holder;  // class or module
  std::vector<std::string_view> parameters;
  std::map<std::string_view, std::string> types;  // of parameters that are modules
  std::map<std::string_view, std::vector<Tokens>> assigned;
  struct Call {
    std::string_view name;  // `torch.conv2d`, `.forward`
    Tokens object;          // of a method: the module
    std::vector<Tokens> arguments;
  };
  std::vector<Call> calls;
  struct Caller {
    const Function* function;
    const Call* call;
    bool is_method;
  };
  std::vector<Caller> callers;
};

// Where a value comes from: attributes of classes, and constants.
struct Origins {
  std::set<std::pair<std::string, std::string>> keys;
  bool others = false;

  void add(const Origins& more) {
    keys.insert(more.keys.begin(), more.keys.end());
    others = others || more.others;
    if (keys.size() <= kMostOrigins) return;
    keys.clear();
    others = true;
  }
};

class Program {
 public:
  // `code` and `tokens` must outlive the program.
  void read(const std::string& module, const std::vector<Token>& tokens) {
    const std::vector<std::size_t> ends = closings(tokens);
    std::string holder = module;
    if (module.size() > kLongestName) {
      is_partial_ = true;
      return;
    }
    Function* function = nullptr;
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
        *function = Function{holder, {}, {}, {}, {}, {}};
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

  ProgramUses uses() {
    for (auto& [name, function] : functions_) {
      for (const Function::Call& call : function.calls) bind(function, call);
    }
    ProgramUses result;
    result.has_others = is_partial_;
    for (auto& [name, function] : functions_) {
      for (const Function::Call& call : function.calls) add_use(function, call, result);
    }
    return result;
  }

 private:
  static bool is_class(const Token& type) {
    return type.text.starts_with("__torch__") && type.text.size() <= kLongestName;
  }

  static void read_parameters(Function& function, Tokens tokens) {
    for (const Tokens part : split(tokens)) {
      if (part.empty()) continue;
      function.parameters.push_back(part[0].text);
      if (part.size() >= 3 && is_class(part[2])) {
        function.types[part[0].text] = std::string(part[2].text);
      }
    }
  }

  // `conv : __torch__.model.Conv`, `__annotations__["0"] = __torch__.model.Conv`.
  void read_attribute(const std::string& holder, Tokens line) {
    if (line.size() < 3 || !is_class(line.back())) return;
    const bool quoted = line[0].text == "__annotations__" && line.size() > 3;
    types_[holder][std::string(quoted ? line[2].text : line[0].text)] = std::string(line.back().text);
  }

  // `x = a`, `x: Tensor = a`, `x, y = a, b`.
  static void read_statement(Function& function, Tokens line) {
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

  // Whether the arguments of a call matter: those of torch's operators without weights do not.
  static bool is_followed(std::string_view name) {
    if (name[0] == '.' || name.starts_with("__torch__")) return true;
    return weight_operator(name.substr(name.rfind('.') + 1)) != nullptr;
  }

  void read_calls(Function& function, const std::vector<Token>& tokens, const std::vector<std::size_t>& ends,
                  std::size_t begin, std::size_t end) {
    std::vector<std::size_t> open;  // brackets of the line, to find the module that `.forward` is called of
    std::size_t closed = begin;
    for (std::size_t i = begin; i + 1 < end; ++i) {
      if (opens(tokens[i])) open.push_back(i);
      if (closes(tokens[i]) && !open.empty()) {
        closed = open.back();
        open.pop_back();
      }
      if (tokens[i].kind != Token::Kind::name || !is_sign(tokens[i + 1], '(') || ends[i + 1] >= end) continue;
      Function::Call call;
      call.name = tokens[i].text;
      if (call.name[0] == '.' && i > begin && is_sign(tokens[i - 1], ')')) {
        call.object = Tokens(tokens).subspan(closed + 1, i - 2 - closed);
      }
      // Each level of nesting costs another look at its arguments.
      if (open.size() > kDeepest) {
        is_partial_ = true;
        continue;
      }
      if (is_followed(call.name)) call.arguments = split(Tokens(tokens).subspan(i + 2, ends[i + 1] - i - 2));
      function.calls.push_back(std::move(call));
    }
  }

  void bind(const Function& caller, const Function::Call& call) {
    const bool is_method = call.name[0] == '.';
    std::string name(call.name);
    if (is_method) {
      const auto holder = class_of(caller, call.object, 0);
      if (!holder) return;
      name = *holder + name;
    }
    const auto found = functions_.find(name);
    if (found != functions_.end()) found->second.callers.push_back({&caller, &call, is_method});
  }

  // The class of an expression, if it is a module.
  std::optional<std::string> class_of(const Function& function, Tokens value, std::size_t depth) {
    if (depth > kDeepest) return std::nullopt;
    while (value.size() > 2 && is_sign(value.front(), '(') && is_sign(value.back(), ')')) {
      value = value.subspan(1, value.size() - 2);
    }
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

  std::optional<std::string> attribute_class(const std::optional<std::string>& holder, std::string_view attribute) {
    if (!holder) return std::nullopt;
    const auto known = types_.find(*holder);
    if (known == types_.end()) return std::nullopt;
    const auto found = known->second.find(std::string(attribute));
    return found == known->second.end() ? std::nullopt : std::optional(found->second);
  }

  static Origins unknown() { return {{}, true}; }

  Origins attribute_of(const std::optional<std::string>& holder, std::string_view attribute) {
    if (!holder || attribute.size() > kLongestName) return unknown();
    return {{{*holder, std::string(attribute)}}, false};
  }

  Origins origins(const Function& function, Tokens value, std::size_t depth) {
    if (depth > kDeepest || value.empty()) return unknown();
    while (value.size() > 2 && is_sign(value.front(), '(') && is_sign(value.back(), ')')) {
      value = value.subspan(1, value.size() - 2);
    }
    if (value.size() == 6 && value[0].text == "getattr" && value[4].kind == Token::Kind::text) {
      return attribute_of(class_of(function, value.subspan(2, 1), 0), value[4].text);
    }
    const bool casts = value[0].text == "unchecked_cast" || value[0].text == "annotate";
    if (casts && value.size() > 3 && is_sign(value[1], '(')) {
      const std::vector<Tokens> parts = split(value.subspan(2, value.size() - 3));
      return parts.size() == 2 ? origins(function, parts[1], depth + 1) : unknown();
    }
    if (value.size() != 1 || value[0].kind != Token::Kind::name) return unknown();
    const std::string_view name = value[0].text;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return variable(function, name, depth);
    if (name.substr(0, dot) == kConstants)
      return {{{std::string(kConstants), std::string(name.substr(dot + 1))}}, false};
    const Token holder{Token::Kind::name, name.substr(0, dot)};
    return attribute_of(class_of(function, Tokens(&holder, 1), 0), name.substr(dot + 1));
  }

  // All that is ever assigned to it, or given for it in a call.
  Origins variable(const Function& function, std::string_view name, std::size_t depth) {
    if (name == "None") return {};
    const auto key = std::pair(&function, name);
    if (const auto known = variables_.find(key); known != variables_.end()) return known->second;
    variables_[key] = {};  // a loop adds nothing to itself
    Origins result;
    bool found = false;
    if (const auto from = function.assigned.find(name); from != function.assigned.end()) {
      found = true;
      for (const Tokens value : from->second) result.add(origins(function, value, depth + 1));
    }
    const auto at = std::find(function.parameters.begin(), function.parameters.end(), name);
    if (at != function.parameters.end()) {
      found = !function.callers.empty();
      const auto index = static_cast<std::size_t>(at - function.parameters.begin());
      for (const Function::Caller& caller : function.callers) {
        // A method's first parameter is the module.
        const std::size_t given = caller.is_method ? index - 1 : index;
        const auto& arguments = caller.call->arguments;
        result.add(given < arguments.size() ? origins(*caller.function, arguments[given], depth + 1) : unknown());
      }
    }
    result.others = result.others || !found;
    variables_[key] = result;
    return result;
  }

  static bool is_named(Tokens argument) { return argument.size() > 2 && is_sign(argument[1], '='); }

  // By its place, or as `groups=2`.
  static Tokens argument(const Function::Call& call, int index, std::string_view name) {
    for (const Tokens value : call.arguments) {
      if (is_named(value) && value[0].text == name) return value.subspan(2);
    }
    const auto at = static_cast<std::size_t>(index);
    return index >= 0 && at < call.arguments.size() && !is_named(call.arguments[at]) ? call.arguments[at] : Tokens();
  }

  // An argument that is left out is one group. What is not a number is not known.
  static std::int64_t groups_of(const Function::Call& call, const WeightOperator& op) {
    const Tokens value = argument(call, op.groups, "groups");
    if (value.empty()) return 1;
    std::int64_t groups = 0;
    if (value.size() != 1 || value[0].kind != Token::Kind::number) return 0;
    const std::string_view text = value[0].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), groups);
    return error == std::errc() && end == text.data() + text.size() && groups > 0 ? groups : 0;
  }

  // The value of an argument that is a name, if exactly one value is ever assigned to it.
  static Tokens literal(const Function& function, Tokens value) {
    if (value.size() != 1 || value[0].kind != Token::Kind::name) return value;
    const auto from = function.assigned.find(value[0].text);
    return from != function.assigned.end() && from->second.size() == 1 ? from->second[0] : value;
  }

  // `[2, 1]`, `2`; empty for anything else.
  static Dimensions numbers_of(Tokens value) {
    constexpr std::size_t kMost = 8;
    if (value.size() == 1) return number_of(value);
    if (value.size() < 3 || !is_sign(value.front(), '[') || !is_sign(value.back(), ']')) return {};
    Dimensions list;
    for (const Tokens each : split(value.subspan(1, value.size() - 2))) {
      const Dimensions one = number_of(each);
      if (one.empty() || list.size() == kMost) return {};
      list.push_back(one.front());
    }
    return list;
  }

  static Dimensions number_of(Tokens value) {
    std::int64_t number = 0;
    if (value.size() != 1 || value[0].kind != Token::Kind::number) return {};
    const std::string_view text = value[0].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? Dimensions{number} : Dimensions();
  }

  // An argument that is left out has torch's default.
  static void add_settings(const Function& function, const Function::Call& call, const WeightOperator& op,
                           ProgramUse& use) {
    if (!op.convolves()) return;
    const auto list = [&](int index, std::string_view name, std::int64_t otherwise) {
      const Tokens value = index < 0 ? Tokens() : argument(call, index, name);
      return value.empty() ? Dimensions{otherwise} : numbers_of(literal(function, value));
    };
    ConvolutionSettings settings;
    settings.stride = list(op.stride, "stride", 1);
    settings.dilation = list(op.dilation, "dilation", 1);
    settings.output_padding = list(op.output_padding, "output_padding", 0);
    const Tokens padding = literal(function, argument(call, op.padding, "padding"));
    const auto word =
        padding.size() == 1 && padding[0].kind == Token::Kind::text ? padding_of_word(padding[0].text) : std::nullopt;
    if (word) {
      use.padding = *word;
    } else {
      settings.pad_low = padding.empty() ? Dimensions{0} : numbers_of(padding);
      settings.pad_high = settings.pad_low;
    }
    use.usage.convolution = std::move(settings);
  }

  void add_use(const Function& function, const Function::Call& call, ProgramUses& result) {
    const bool of_torch = call.name.starts_with("torch.") || call.name.starts_with("ops.");
    if (!of_torch) return;
    const std::string_view name = call.name.substr(call.name.rfind('.') + 1);
    const WeightOperator* op =
        call.name.starts_with("torch.") || call.name.starts_with("ops.aten.") ? weight_operator(name) : nullptr;
    if (op == nullptr) {
      result.has_others = result.has_others || may_convolve(name);
      return;
    }
    const bool multiplies = op->op == "MatMul";
    for (const int input : {op->weight, multiplies ? 0 : op->weight}) {
      ProgramUse use;
      use.usage.op = op->op;
      use.usage.input = input;
      if (op->groups >= 0) use.usage.groups = groups_of(call, *op);
      if (op->transposed >= 0) {
        const Tokens value = argument(call, op->transposed, "transposed");
        const bool is_known = value.size() == 1 && (value[0].text == "True" || value[0].text == "False");
        if (!is_known) use.usage.groups = 0;
        if (is_known && value[0].text == "True") use.usage.op = "ConvTranspose";
      }
      add_settings(function, call, *op, use);
      const Tokens weight = argument(call, input, input == op->weight && !multiplies ? "weight" : "");
      const Origins from = origins(function, weight, 0);
      for (const auto& [holder, attribute] : from.keys) result.add(holder, attribute, use);
      if (!multiplies && from.others) result.has_others = true;
    }
  }

  bool is_partial_ = false;                    // something was not read
  std::map<std::string, Function> functions_;  // by qualified name
  std::map<std::string, std::map<std::string, std::string>> types_;
  std::map<std::pair<const Function*, std::string_view>, Origins> variables_;
};

}  // namespace

ProgramUses read_torchscript_code(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members,
                                  const std::string& root) {
  const std::string folder = root + "code/";
  constexpr std::string_view kEnding = ".py";
  ProgramUses nothing;
  nothing.has_others = true;
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<std::vector<Token>> tokens;  // in lists of their own, which do not move
  Program program;
  std::uint64_t total = 0;
  try {
    for (const ZipMember& member : members) {
      if (!member.name.starts_with(folder) || !member.name.ends_with(kEnding)) continue;
      if (member.bytes > kMostCode - total) return nothing;
      total += member.bytes;
      files.push_back(read_zip_member(file, member));
      const auto bytes = files.back()->bytes();
      tokens.push_back(tokens_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
      std::string module = member.name.substr(folder.size(), member.name.size() - folder.size() - kEnding.size());
      std::replace(module.begin(), module.end(), '/', '.');
      program.read(module, tokens.back());
    }
  } catch (const FileError&) {
    return nothing;
  }
  return files.empty() ? nothing : program.uses();
}

}  // namespace sigmax::io
