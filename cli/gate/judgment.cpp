#include "cli/gate/judgment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/report/number.hpp"

namespace sigmax::cli {
namespace {

using Node = Expression;
using Range = FigureRange;

/// Kleene's three-valued logic: `and` is the minimum and `or` the maximum, so a known part can decide despite an
/// unknown one.
enum class Truth { no, unknown, yes };

Truth truth(bool holds) { return holds ? Truth::yes : Truth::no; }
Truth negated(Truth a) { return a == Truth::yes ? Truth::no : a == Truth::no ? Truth::yes : a; }

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
  if (range.open) return "at least " + report::round_trip(range.lower);
  if (range.lower == range.upper) return report::round_trip(range.lower);
  return fmt::format("in [{}, {}]", report::round_trip(range.lower), report::round_trip(range.upper));
}

class Judge {
 public:
  Judge(const FigureOf& figure_of, Verdict& verdict) : figure_of_(figure_of), verdict_(verdict) {}

  Truth operator()(const Node& node, bool possible) {
    switch (node.kind) {
      case Node::Kind::negation: return negated((*this)(*node.left, !possible));
      case Node::Kind::comparison: return compare(node, possible);
      default: break;
    }
    const Truth left = (*this)(*node.left, possible);
    const Truth right = (*this)(*node.right, possible);
    return node.kind == Node::Kind::both ? std::min(left, right) : std::max(left, right);
  }

 private:
  Truth compare(const Node& node, bool possible) {
    const auto figure = figure_of_(node.key);
    if (const auto* reason = std::get_if<Reason>(&figure)) return unknown(*reason, node.key);
    const Range& range = std::get<Range>(figure);
    const auto same = [&](const Reading& reading) { return reading.key == node.key; };
    if (std::none_of(verdict_.readings.begin(), verdict_.readings.end(), same)) {
      verdict_.readings.push_back({node.key, shown(range)});
    }
    const bool met = holds(node.relation, range, node.number, possible);
    // A missing end may lie anywhere: the result is known only if it is the same for every position.
    if (range.open && met != holds(node.relation, range, node.number, !possible)) {
      return unknown(Reason::lower_only, node.key);
    }
    return truth(met);
  }

  Truth unknown(Reason reason, const std::string& key) {
    const auto same = [&](const Doubt& doubt) { return doubt.reason == reason && doubt.key == key; };
    if (std::none_of(verdict_.doubts.begin(), verdict_.doubts.end(), same)) verdict_.doubts.push_back({reason, key});
    return Truth::unknown;
  }

  const FigureOf& figure_of_;
  Verdict& verdict_;
};

}  // namespace

std::string_view name(Reason reason) noexcept {
  switch (reason) {
    case Reason::unread: return "unread";
    case Reason::nan: return "nan";
    case Reason::empty: return "empty";
    case Reason::missing: return "missing";
    case Reason::lower_only: return "lower-only";
  }
  return "missing";
}

Verdict judge(const Expression& expression, const FigureOf& figure_of) {
  Verdict verdict;
  const Truth met = Judge(figure_of, verdict)(expression, true);
  verdict.tripped = met == Truth::yes;
  if (met != Truth::unknown) verdict.doubts.clear();
  return verdict;
}

}  // namespace sigmax::cli
