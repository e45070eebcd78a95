#include "cli/gate/expression.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <utility>

#include "cli/reading/pointer.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::cli {
namespace {

using Node = Expression;
using NodePointer = std::shared_ptr<const Node>;

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

Relation mirrored(Relation relation) noexcept {
  switch (relation) {
    case Relation::greater: return Relation::less;
    case Relation::greater_equal: return Relation::less_equal;
    case Relation::less: return Relation::greater;
    case Relation::less_equal: return Relation::greater_equal;
    default: return relation;
  }
}

// Recursive descent over the grammar in gate.hpp, one function per rule.
class Parser {
 public:
  Parser(std::string_view source, const Vocabulary& vocabulary) : source_(source), vocabulary_(vocabulary) {}

  NodePointer parse() {
    NodePointer root = expression();
    skip_blanks();
    if (at_ < source_.size()) fail("expected 'and', 'or' or the end");
    return root;
  }

 private:
  static constexpr int kDeepest = 100;

  [[noreturn]] void fail(std::string_view problem) const { fail_at(at_, problem); }
  [[noreturn]] void fail_at(std::size_t offset, std::string_view problem) const {
    throw Error(pointer("--fail-if", source_, offset, problem));
  }

  void skip_blanks() {
    while (at_ < source_.size() && (source_[at_] == ' ' || source_[at_] == '\t')) ++at_;
  }

  bool take_symbol(std::string_view symbol) {
    skip_blanks();
    if (!source_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }

  std::string_view peek_word() {
    skip_blanks();
    std::size_t end = at_;
    while (end < source_.size() && is_word(source_[end])) ++end;
    return source_.substr(at_, end - at_);
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    at_ += word.size();
    return true;
  }

  NodePointer joined(Node::Kind kind, NodePointer left, NodePointer right) {
    Node node;
    node.kind = kind;
    node.left = std::move(left);
    node.right = std::move(right);
    return std::make_shared<const Node>(std::move(node));
  }

  NodePointer expression() {
    NodePointer left = term();
    while (take_word("or") || take_symbol("||")) left = joined(Node::Kind::either, left, term());
    return left;
  }

  NodePointer term() {
    NodePointer left = factor();
    while (take_word("and") || take_symbol("&&")) left = joined(Node::Kind::both, left, factor());
    return left;
  }

  NodePointer factor() {
    if (++depth_ > kDeepest) fail("nested too deeply");
    NodePointer result;
    skip_blanks();
    const std::size_t start = at_;
    if (take_word("not") || take_symbol("!")) {
      result = joined(Node::Kind::negation, factor(), nullptr);
    } else if (take_symbol("(")) {
      result = expression();
      if (!take_symbol(")")) fail(fmt::format("expected ')' for the '(' at character {}", start + 1));
    } else {
      result = comparison();
    }
    --depth_;
    return result;
  }

  NodePointer comparison() {
    Node node;
    if (const auto number = take_number()) {
      node.number = *number;
      node.relation = mirrored(relation());
      take_figure(node);
    } else {
      take_figure(node);
      node.relation = relation();
      const auto right = take_number();
      if (!right) fail("expected a number");
      node.number = *right;
    }
    return std::make_shared<const Node>(std::move(node));
  }

  Relation relation() {
    if (take_symbol(">=")) return Relation::greater_equal;
    if (take_symbol("<=")) return Relation::less_equal;
    if (take_symbol("==")) return Relation::equal;
    if (take_symbol("!=")) return Relation::unequal;
    if (take_symbol(">")) return Relation::greater;
    if (take_symbol("<")) return Relation::less;
    fail("expected one of > >= < <= == !=");
  }

  std::optional<double> take_number() {
    skip_blanks();
    std::size_t start = at_;
    if (start < source_.size() && source_[start] == '+') ++start;
    double value = 0;
    const char* end = source_.data() + source_.size();
    const auto [stop, error] = std::from_chars(source_.data() + start, end, value);
    if (error == std::errc::invalid_argument) return std::nullopt;
    const auto next = static_cast<std::size_t>(stop - source_.data());
    // `inf` is a number, but `infinity_norm` would be a key.
    if (next < source_.size() && is_word(source_[next])) {
      const bool digits = source_[start] == '-' || source_[start] == '.' ||
                          std::isdigit(static_cast<unsigned char>(source_[start])) != 0;
      if (digits) fail_at(next, "this is not a number");
      return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) fail("the number is outside the range of double");
    if (std::isnan(value)) fail(fmt::format("nothing compares with nan{}", vocabulary_.instead_of_nan));
    at_ = next;
    return value;
  }

  void take_figure(Node& node) {
    const std::string_view word = peek_word();
    if (word.empty()) fail(fmt::format("expected a figure such as {}, or a number", vocabulary_.examples));
    node.key = vocabulary_.key_of(word);
    if (std::ranges::find(vocabulary_.keys, node.key) == vocabulary_.keys.end()) {
      fail(fmt::format("there is no figure '{}'; the figures are {}", node.key, fmt::join(vocabulary_.keys, ", ")));
    }
    at_ += word.size();
  }

  std::string_view source_;
  const Vocabulary& vocabulary_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::shared_ptr<const Expression> parse_expression(std::string_view source, const Vocabulary& vocabulary) {
  return Parser(source, vocabulary).parse();
}

}  // namespace sigmax::cli
