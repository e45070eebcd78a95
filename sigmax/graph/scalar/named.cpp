#include "sigmax/graph/scalar/named.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"
#include "sigmax/graph/scalar/named_expression.hpp"

namespace sigmax::graph {
namespace {

const NamedExpression* find(std::string_view name) {
  const auto& all = named_expressions();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const NamedExpression& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// Functions without parameters, which networks use in every layer, are made once.
Function without_parameters(const NamedExpression& named) {
  static const std::map<std::string_view, std::size_t> places = [] {
    std::map<std::string_view, std::size_t> result;
    for (const NamedExpression& each : named_expressions()) result.emplace(each.name, result.size());
    return result;
  }();
  static std::array<std::pair<std::once_flag, Function>, 64> made;
  auto& place = made.at(places.at(named.name));
  std::call_once(place.first, [&] { place.second = function_of(named.expression({}), std::string(named.name)); });
  return place.second;
}

}  // namespace

Function named_function(std::string_view name, std::span<const double> parameters) {
  const FloatingEnvironment environment;
  const NamedExpression* named = find(name);
  if (named == nullptr) throw Error(fmt::format("[named_function] there is no function {}", name));
  const std::size_t most = named->required + named->defaults.size();
  if (parameters.size() < named->required || parameters.size() > most) {
    throw Error(fmt::format("[named_function] {} has {} parameters, not {}", name, most, parameters.size()));
  }
  const bool clip = name == "Clip" && parameters[0] < kInfinity && parameters[1] > -kInfinity;
  for (const double each : parameters) {
    if (std::isnan(each) || (std::isinf(each) && !clip)) {
      throw Error(fmt::format("[named_function] a parameter of {} is {}", name, each));
    }
  }
  if (most == 0) return without_parameters(*named);
  std::vector<double> all(parameters.begin(), parameters.end());
  for (std::size_t i = all.size(); i < most; ++i) all.push_back(named->defaults[i - named->required]);
  return function_of(named->expression(all), fmt::format("{}({:.6g})", name, fmt::join(all, ", ")));
}

Function named_function(std::string_view name, std::initializer_list<double> parameters) {
  return named_function(name, std::span<const double>(parameters.begin(), parameters.size()));
}

bool is_named_function(std::string_view name) { return find(name) != nullptr; }

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const NamedExpression& each : named_expressions()) names.emplace_back(each.name);
  return names;
}

}  // namespace sigmax::graph
