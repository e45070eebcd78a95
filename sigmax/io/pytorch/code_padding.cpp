#include "sigmax/io/pytorch/code_padding.hpp"

#include <algorithm>
#include <string>

namespace sigmax::io {
namespace {

constexpr std::size_t kMostSteps = 1'000'000;  // of all values of a program
constexpr std::size_t kMostWays = 8;           // to one value
constexpr std::size_t kMostPads = 8;           // on one way

ProgramPadding unknown() { return {std::nullopt, {}}; }

// torch.nn.functional.pad as a scripted program has it.
bool is_functional_pad(std::string_view name) {
  return name.starts_with("__torch__.torch.nn.functional.") && name.substr(name.rfind('.') + 1) == "pad";
}

}  // namespace

std::set<std::vector<ProgramPadding>> ImagePaddings::before(const CodeFunction& function, Tokens value) {
  std::set<std::vector<ProgramPadding>> found, result;
  for (const Way& way : ways(function, value, 0)) follow(function, way, 0, found);
  if (found.size() > kMostWays) return {{unknown()}};
  for (const std::vector<ProgramPadding>& pads : found) {
    const bool is_known = std::all_of(pads.begin(), pads.end(), [](const ProgramPadding& one) { return one.pairs; });
    result.insert(is_known ? pads : std::vector{unknown()});
  }
  return result;
}

// A way that begins with a parameter goes on where the function is called.
void ImagePaddings::follow(const CodeFunction& function, const Way& way, std::size_t depth,
                           std::set<std::vector<ProgramPadding>>& result) {
  if (!way.parameter || function.callers.empty()) {
    result.insert(way.pads);
    return;
  }
  const bool gives_up = depth > kDeepestCode || way.pads.size() > kMostPads || result.size() > kMostWays;
  for (const CodeFunction::Caller& caller : function.callers) {
    if (gives_up || ++steps_ > kMostSteps) {
      result.insert({unknown()});
      return;
    }
    for (Way more : ways(*caller.function, CodeFunction::given(caller, *way.parameter), depth + 1)) {
      more.pads.insert(more.pads.begin(), way.pads.begin(), way.pads.end());
      follow(*caller.function, more, depth + 1, result);
    }
  }
}

ImagePaddings::Ways ImagePaddings::ways(const CodeFunction& function, Tokens value, std::size_t depth) {
  steps_ += 1 + value.size() / 8;  // a call is taken apart
  if (depth > kDeepestCode || steps_ > kMostSteps) return {{{unknown()}, std::nullopt}};
  value = unwrapped(value);
  if (value.size() == 1 && value[0].kind == Token::Kind::name) return ways_of_name(function, value[0].text, depth);
  if (value.size() > 3) return ways_of_call(function, value, depth);
  return {Way{}};
}

ImagePaddings::Ways ImagePaddings::ways_of_name(const CodeFunction& function, std::string_view name,
                                                std::size_t depth) {
  Ways result;
  const std::size_t parameter = function.parameter(name);
  if (parameter < function.parameters.size()) result.insert({{}, parameter});
  const auto from = function.assigned.find(name);
  if (from != function.assigned.end()) {
    const auto [place, is_new] = open_.emplace(&function, name);
    if (!is_new) return {{{unknown()}, std::nullopt}};  // a loop
    for (const Tokens value : from->second) result.merge(ways(function, value, depth + 1));
    open_.erase(place);
  }
  if (result.empty()) return {Way{}};
  return result.size() > kMostWays ? Ways{{{unknown()}, std::nullopt}} : result;
}

// `torch.pad(x, [1, 1], "reflect")`, `(pad).forward(x, )`, `__torch__.f(x, )`.
ImagePaddings::Ways ImagePaddings::ways_of_call(const CodeFunction& function, Tokens value, std::size_t depth) {
  const auto call = call_of(value);
  if (!call) return {Way{}};
  const std::string_view name = call->name;
  const bool of_torch = name.starts_with("torch.") || name.starts_with("ops.aten.");
  const PadOperator* pad = of_torch ? pad_operator(name.substr(name.rfind('.') + 1)) : nullptr;
  Ways result;
  if (pad != nullptr || is_functional_pad(name)) {
    const ProgramPadding padding = padding_of(function, pad == nullptr ? "" : pad->mode, call->arguments);
    for (Way way : ways(function, argument(call->arguments, 0, "input"), depth + 1)) {
      way.pads.insert(way.pads.begin(), padding);
      result.insert(std::move(way));
    }
    return result;
  }
  const CodeFunction* called =
      name[0] == '.' || name.starts_with("__torch__") ? program_.called(function, name, call->object) : nullptr;
  if (called == nullptr) return {Way{}};
  const CodeFunction::Caller caller{&function, &*call, name[0] == '.'};
  for (const Tokens returned : called->returned) {
    for (const Way& inner : ways(*called, returned, depth + 1)) {
      if (!inner.parameter) {
        result.insert(inner);
        continue;
      }
      for (Way way : ways(function, CodeFunction::given(caller, *inner.parameter), depth + 1)) {
        way.pads.insert(way.pads.begin(), inner.pads.begin(), inner.pads.end());
        result.insert(std::move(way));
      }
    }
  }
  if (result.empty()) return {Way{}};
  return result.size() > kMostWays ? Ways{{{unknown()}, std::nullopt}} : result;
}

ProgramPadding ImagePaddings::padding_of(const CodeFunction& function, std::string_view mode,
                                         const std::vector<Tokens>& arguments) const {
  ProgramPadding padding{pairs_of(function, argument(arguments, 1, "pad")), std::string(mode)};
  if (!mode.empty()) return padding;
  const Tokens word = literal(function, argument(arguments, 2, "mode"));
  padding.mode = word.empty() ? "constant" : "";
  if (word.size() == 1 && word[0].kind == Token::Kind::text) padding.mode = word[0].text;
  return padding;
}

std::optional<Dimensions> ImagePaddings::pairs_of(const CodeFunction& function, Tokens value) const {
  value = literal(function, value);
  // A module of torch for convolutions that pads otherwise than with zeros keeps the pairs in a list of its own.
  constexpr std::string_view kOwn = "._reversed_padding_repeated_twice";
  if (value.size() == 1 && value[0].kind == Token::Kind::name && value[0].text.ends_with(kOwn)) {
    const Token module{Token::Kind::name, value[0].text.substr(0, value[0].text.size() - kOwn.size())};
    const auto holder = program_.class_of(function, Tokens(&module, 1));
    return holder ? own_pairs(*holder) : std::nullopt;
  }
  const Dimensions pairs = numbers_of(value);
  return pairs.empty() ? std::nullopt : std::optional(pairs);
}

// From the constants of a class of torch.nn.modules.conv.
std::optional<Dimensions> ImagePaddings::own_pairs(const std::string& holder) const {
  const Tokens padding = program_.constant_of(holder, "padding");
  if (padding.empty()) return std::nullopt;
  Dimensions pairs;
  const auto word = padding.size() == 1 && padding[0].kind == Token::Kind::text ? padding[0].text : std::string_view();
  if (word == "valid") return Dimensions{0, 0};
  if (word == "same") {
    const Dimensions kernel = numbers_of(program_.constant_of(holder, "kernel_size"));
    const Dimensions dilation = numbers_of(program_.constant_of(holder, "dilation"));
    if (kernel.size() != dilation.size()) return std::nullopt;
    for (std::size_t axis = kernel.size(); axis-- > 0;) {
      constexpr std::int64_t kMost = std::int64_t{1} << 20;
      const bool fits = kernel[axis] >= 1 && kernel[axis] <= kMost && dilation[axis] >= 1 && dilation[axis] <= kMost;
      if (!fits) return std::nullopt;
      const std::int64_t all = dilation[axis] * (kernel[axis] - 1);
      pairs.insert(pairs.end(), {all / 2, all - all / 2});
    }
  } else {
    const Dimensions each = numbers_of(padding);
    for (std::size_t axis = each.size(); axis-- > 0;) pairs.insert(pairs.end(), 2, each[axis]);
  }
  return pairs.empty() ? std::nullopt : std::optional(pairs);
}

}  // namespace sigmax::io
