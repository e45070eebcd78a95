#include "cli/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "cli/pointer.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/number.hpp"

namespace sigmax::cli {
namespace {

enum class Relation { greater, greater_equal, less, less_equal, equal, unequal };

/// What is known of a figure: it lies between the ends, which are equal for most.
struct Range {
  double lower = 0;
  double upper = 0;
};

struct Figure {
  std::string key;
  const report::Column* column = nullptr;  ///< null for `nonfinite`
};

}  // namespace

struct Gate::Node {
  enum class Kind { comparison, negation, both, either };
  Kind kind = Kind::comparison;
  std::shared_ptr<const Node> left, right;
  Figure figure;
  Relation relation = Relation::greater;
  double number = 0;
};

namespace {

using Node = Gate::Node;
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

// Recursive descent over the grammar of the header, one function a rule.
class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}

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
      node.figure = figure();
    } else {
      node.figure = figure();
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
    // `inf` is a number; `infinity_norm` would be a key.
    if (next < source_.size() && is_word(source_[next])) {
      const bool digits = source_[start] == '-' || source_[start] == '.' ||
                          std::isdigit(static_cast<unsigned char>(source_[start])) != 0;
      if (digits) fail_at(next, "this is not a number");
      return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) fail("the number is outside the range of double");
    if (std::isnan(value)) fail("nothing compares with nan; to find such entries write nonfinite > 0");
    at_ = next;
    return value;
  }

  Figure figure() {
    const std::string_view word = peek_word();
    if (word.empty()) fail("expected a figure such as sigma_max or condition, or a number");
    Figure found;
    found.key = column_key(word);
    if (found.key != "nonfinite") found.column = numeric_column(found.key);
    at_ += word.size();
    return found;
  }

  const report::Column* numeric_column(const std::string& key) const {
    std::string known = "nonfinite";
    for (const report::Column& column : report::columns()) {
      if (column.alignment == report::Alignment::left && column.key != "condition_beyond_precision") continue;
      if (column.key == key) return &column;
      known += fmt::format(", {}", column.key);
    }
    fail(fmt::format("there is no figure '{}'; there are {}", key, known));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::optional<Range> range_of(const Figure& figure, const audit::TensorResult& tensor) {
  if (figure.column == nullptr) {
    const double count =
        tensor.non_finite ? static_cast<double>(tensor.non_finite->nan + tensor.non_finite->infinite) : 0.0;
    return Range{count, count};
  }
  if (tensor.figures && (figure.key == "sigma_max" || figure.key == "lambda_max")) {
    const Enclosure& sigma = tensor.figures->sigma_max;
    Range range{sigma.lower.value(), sigma.upper ? sigma.upper->value() : sigma.lower.value()};
    // Squares are rounded outward, so that the range keeps its certainty.
    if (figure.key == "lambda_max") {
      range.lower = std::nextafter(range.lower * range.lower, 0.0);
      range.upper = std::nextafter(range.upper * range.upper, std::numeric_limits<double>::infinity());
    }
    return range;
  }
  const double value = report::sort_value(*figure.column, {&tensor});
  if (std::isnan(value)) return std::nullopt;
  return Range{value, value};
}

// Whether the comparison holds for some value in the range (possible), or for every one.
bool holds(Relation relation, const Range& range, double number, bool possible) {
  const double high = possible ? range.upper : range.lower;
  const double low = possible ? range.lower : range.upper;
  switch (relation) {
    case Relation::greater: return high > number;
    case Relation::greater_equal: return high >= number;
    case Relation::less: return low < number;
    case Relation::less_equal: return low <= number;
    case Relation::equal:
      return possible ? range.lower <= number && number <= range.upper : range.lower == number && range.upper == number;
    case Relation::unequal: return !holds(Relation::equal, range, number, !possible);
  }
  return false;
}

std::string shown(const Range& range) {
  if (range.lower == range.upper) return report::round_trip(range.lower);
  return fmt::format("in [{}, {}]", report::round_trip(range.lower), report::round_trip(range.upper));
}

// Evaluates every comparison, so that the verdict names all figures that the expression speaks of.
class Judge {
 public:
  Judge(const audit::TensorResult& tensor, Verdict& verdict) : tensor_(tensor), verdict_(verdict) {}

  bool operator()(const Node& node, bool possible) {
    switch (node.kind) {
      case Node::Kind::negation: return !(*this)(*node.left, !possible);
      case Node::Kind::comparison: return compare(node, possible);
      default: break;
    }
    const bool left = (*this)(*node.left, possible);
    const bool right = (*this)(*node.right, possible);
    return node.kind == Node::Kind::both ? left && right : left || right;
  }

 private:
  bool compare(const Node& node, bool possible) {
    const std::string& key = node.figure.key;
    const std::optional<Range> range = range_of(node.figure, tensor_);
    if (!range) {
      if (std::find(verdict_.missing.begin(), verdict_.missing.end(), key) == verdict_.missing.end()) {
        verdict_.missing.push_back(key);
      }
      return false;
    }
    const bool enclosed = key == "sigma_max" || key == "lambda_max";
    if (enclosed && !tensor_.figures->sigma_max.upper) verdict_.lower_end_only = true;
    const auto same = [&](const Reading& reading) { return reading.key == key; };
    if (std::none_of(verdict_.readings.begin(), verdict_.readings.end(), same)) {
      verdict_.readings.push_back({key, shown(*range)});
    }
    return holds(node.relation, *range, node.number, possible);
  }

  const audit::TensorResult& tensor_;
  Verdict& verdict_;
};

}  // namespace

Gate::Gate(std::string source) : source_(std::move(source)) { root_ = Parser(source_).parse(); }

Verdict Gate::judge(const audit::TensorResult& tensor) const {
  Verdict verdict;
  verdict.tripped = Judge(tensor, verdict)(*root_, true);
  return verdict;
}

std::string column_key(std::string_view spelling) {
  std::string key(spelling);
  std::replace(key.begin(), key.end(), '.', '_');
  if (key == "sigma") return "sigma_max";
  if (key == "sigma_lower" || key == "sigma_upper") return "sigma_max" + key.substr(5);
  return key;
}

}  // namespace sigmax::cli
