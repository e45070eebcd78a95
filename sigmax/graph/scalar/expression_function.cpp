#include "sigmax/graph/scalar/expression_function.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/scalar/cells.hpp"
#include "sigmax/graph/scalar/domain.hpp"
#include "sigmax/graph/scalar/jet.hpp"

namespace sigmax::graph {
namespace {

constexpr int kEvaluationsOfDomain = 2000;

class ExpressionFunction final : public ScalarFunction {
 public:
  ExpressionFunction(Expression expression, std::string name)
      : expression_(std::move(expression)),
        name_(name.empty() ? expression_.text() : std::move(name)),
        tolerance_(tolerance_of(expression_)),
        cells_(cut_line(expression_)) {}

  std::string name() const override { return name_; }

  double value(double x) const override {
    const FloatingEnvironment environment;
    return expression_.value(x);
  }

  double derivative(double x) const override {
    const FloatingEnvironment environment;
    return expression_.derivative(x);
  }

  std::optional<Interval> slopes(const Interval& domain) const override {
    const FloatingEnvironment environment;
    const Interval result = over(domain, &Cell::slopes);
    if (!is_bounded(result)) return std::nullopt;
    return result;
  }

  Interval range(const Interval& domain) const override {
    const FloatingEnvironment environment;
    return over(domain, &Cell::range);
  }

  const Expression& expression() const { return expression_; }

 private:
  /// The hull over all cells of what holds on their common parts with `domain`.
  Interval over(const Interval& domain, Interval Cell::*what) const {
    require_domain(domain);
    const auto first = std::partition_point(cells_.begin(), cells_.end(),
                                            [&](const Cell& cell) { return cell.place.greatest < domain.least; });
    std::optional<Interval> result;
    const auto add = [&result](const Interval& more) { result = result ? hull(*result, more) : more; };
    for (auto cell = first; cell != cells_.end() && cell->place.least <= domain.greatest; ++cell) {
      const Interval part = common(cell->place, domain);
      // Where the domain only touches a cell, the cell next to it has the end.
      if (is_point(part) && !is_point(domain)) continue;
      add(part == cell->place ? (*cell).*what : common((*cell).*what, on_part(*cell, part).*what));
    }
    return *result;
  }

  /// What holds on a part of a cell.
  Cell on_part(const Cell& cell, const Interval& part) const {
    if (is_point(part)) {
      const Jet here = jet(expression_, part);
      return here.defined ? Cell{part, here.first, here.value} : Cell{part};
    }
    if (!is_bounded(part)) {
      const bool mirrored = std::isinf(part.least);
      return measure_tail(expression_, mirrored ? -part.greatest : part.least, mirrored, tolerance_);
    }
    const Cell direct = measure(expression_, part, tolerance_);
    if (direct.close || (cell.close && is_bounded(cell.place))) {
      return direct;
    }
    std::vector<Cell> cells;
    cut(expression_, part, tolerance_, kEvaluationsOfDomain, cells);
    Cell all = cells.front();
    for (const Cell& each : cells) {
      all.slopes = hull(all.slopes, each.slopes);
      all.range = hull(all.range, each.range);
    }
    return all;
  }

  Expression expression_;
  std::string name_;
  Tolerance tolerance_;
  std::vector<Cell> cells_;
};

}  // namespace

Function function_of(Expression expression, std::string name) {
  const FloatingEnvironment environment;
  return std::make_shared<ExpressionFunction>(std::move(expression), std::move(name));
}

const Expression* expression_of(const ScalarFunction& function) {
  const auto* of_expression = dynamic_cast<const ExpressionFunction*>(&function);
  return of_expression == nullptr ? nullptr : &of_expression->expression();
}

}  // namespace sigmax::graph
