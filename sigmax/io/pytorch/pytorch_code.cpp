// Which tensors the code of TorchScript convolves and multiplies with.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/pytorch/code_padding.hpp"
#include "sigmax/io/pytorch/code_program.hpp"
#include "sigmax/io/pytorch/code_tokens.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kMostCode = std::uint64_t{1} << 26;  // bytes of all files together, unpacked
constexpr std::size_t kMostOrigins = 64;                     // of one value
constexpr std::string_view kConstants = "CONSTANTS";

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

class UseFinder {
 public:
  explicit UseFinder(const CodeProgram& program) : program_(program), paddings_(program) {}

  ProgramUses uses() {
    ProgramUses result;
    result.has_others = program_.is_partial();
    for (const auto& [name, function] : program_.functions()) {
      for (const CodeFunction::Call& call : function.calls) add_use(function, call, result);
    }
    return result;
  }

 private:
  using Parameters = std::set<std::pair<const CodeFunction*, std::string_view>>;

  static Origins unknown() { return {{}, true}; }

  Origins attribute_of(const std::optional<std::string>& holder, std::string_view attribute) {
    if (!holder || attribute.size() > kLongestName) return unknown();
    return {{{*holder, std::string(attribute)}}, false};
  }

  Origins origins(const CodeFunction& function, Tokens value, std::size_t depth) {
    if (depth > kDeepestCode || value.empty()) return unknown();
    value = unwrapped(value);
    if (value.size() == 6 && value[0].text == "getattr" && value[4].kind == Token::Kind::text) {
      return attribute_of(program_.class_of(function, value.subspan(2, 1)), value[4].text);
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
    return attribute_of(program_.class_of(function, Tokens(&holder, 1)), name.substr(dot + 1));
  }

  // All that is ever assigned to it, or given for it in a call.
  Origins variable(const CodeFunction& function, std::string_view name, std::size_t depth) {
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
    const std::size_t index = function.parameter(name);
    if (index < function.parameters.size()) {
      found = !function.callers.empty();
      for (const CodeFunction::Caller& caller : function.callers) {
        result.add(origins(*caller.function, CodeFunction::given(caller, index), depth + 1));
      }
    }
    result.others = result.others || !found;
    variables_[key] = result;
    return result;
  }

  // An argument that is left out is one group. What is not a number is not known.
  static std::int64_t groups_of(const CodeFunction::Call& call, const WeightOperator& op) {
    const Tokens value = argument(call.arguments, op.groups, "groups");
    if (value.empty()) return 1;
    std::int64_t groups = 0;
    if (value.size() != 1 || value[0].kind != Token::Kind::number) return 0;
    const std::string_view text = value[0].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), groups);
    return error == std::errc() && end == text.data() + text.size() && groups > 0 ? groups : 0;
  }

  // Whether a value is None wherever the function is called: as it stands, or because that is what every caller gives
  // for a parameter or leaves out. `seen`: the parameters that have been looked at.
  static bool is_none(const CodeFunction& function, Tokens value, Parameters& seen) {
    value = unwrapped(literal(function, value));
    if (value.size() != 1 || value[0].kind != Token::Kind::name || seen.size() > kDeepestCode) return false;
    const std::string_view name = value[0].text;
    if (name == "None") return true;
    const std::size_t index = function.parameter(name);
    if (index == function.parameters.size() || function.assigned.contains(name)) return false;
    if (!seen.emplace(&function, name).second) return true;  // nothing else than what is found there
    const auto otherwise = function.defaults.find(name);
    const bool may_be_left_out =
        otherwise != function.defaults.end() && otherwise->second.size() == 1 && otherwise->second[0].text == "None";
    if (function.callers.empty()) return may_be_left_out;
    return std::ranges::all_of(function.callers, [&](const CodeFunction::Caller& caller) {
      const std::size_t place = caller.is_method ? index - 1 : index;  // a method's first parameter is the module
      const Tokens given = argument(caller.call->arguments, static_cast<int>(place), name);
      return given.empty() ? may_be_left_out : is_none(*caller.function, given, seen);
    });
  }

  // A scripted ConvTranspose of torch.nn computes it from the size of the output that it is called with:
  // `(self)._output_padding(input, output_size, ...)`. Without a size, it takes its own constant.
  Dimensions output_padding_of(const CodeFunction& function, Tokens value) const {
    if (value.empty()) return {0};
    value = literal(function, value);
    const auto call = call_of(value);
    if (!call || call->name != "._output_padding") return numbers_of(value);
    const auto holder = program_.class_of(function, call->object);
    const bool of_torch = holder && holder->find("torch.nn.modules.conv.") != std::string::npos;
    Parameters seen;
    if (!of_torch || !is_none(function, argument(call->arguments, 1, "output_size"), seen)) return {};
    return numbers_of(program_.constant_of(*holder, "output_padding"));
  }

  // An argument that is left out has torch's default.
  void add_settings(const CodeFunction& function, const CodeFunction::Call& call, const WeightOperator& op,
                    ProgramUse& use) const {
    if (!op.convolves()) return;
    const auto list = [&](std::optional<int> place, std::string_view name, std::int64_t otherwise) {
      const Tokens value = place ? argument(call.arguments, place, name) : Tokens();
      return value.empty() ? Dimensions{otherwise} : numbers_of(literal(function, value));
    };
    ConvolutionSettings settings;
    settings.stride = list(op.stride, "stride", 1);
    settings.dilation = list(op.dilation, "dilation", 1);
    settings.output_padding = output_padding_of(
        function, op.output_padding ? argument(call.arguments, op.output_padding, "output_padding") : Tokens());
    const Tokens padding = literal(function, argument(call.arguments, op.padding, "padding"));
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

  void add_use(const CodeFunction& function, const CodeFunction::Call& call, ProgramUses& result) {
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
    std::set<std::vector<ProgramPadding>> image = {{}};
    if (op->convolves()) image = paddings_.before(function, argument(call.arguments, 0, "input"));
    for (const int input : {op->weight, multiplies ? 0 : op->weight}) {
      ProgramUse use;
      use.usage.op = op->op;
      use.usage.input = input;
      if (op->groups) use.usage.groups = groups_of(call, *op);
      if (op->transposed) {
        const Tokens value = argument(call.arguments, op->transposed, "transposed");
        const bool is_known = value.size() == 1 && (value[0].text == "True" || value[0].text == "False");
        if (!is_known) use.usage.groups = 0;
        if (is_known && value[0].text == "True") use.usage.op = "ConvTranspose";
      }
      add_settings(function, call, *op, use);
      const Tokens weight = argument(call.arguments, input, input == op->weight && !multiplies ? "weight" : "");
      const Origins from = origins(function, weight, 0);
      for (const auto& before : image) {
        use.before = before;
        for (const auto& [holder, attribute] : from.keys) result.add(holder, attribute, use);
      }
      if (!multiplies && from.others) result.has_others = true;
    }
  }

  const CodeProgram& program_;
  ImagePaddings paddings_;
  std::map<std::pair<const CodeFunction*, std::string_view>, Origins> variables_;
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
  CodeProgram program;
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
  if (files.empty()) return nothing;
  program.bind();
  return UseFinder(program).uses();
}

}  // namespace sigmax::io
