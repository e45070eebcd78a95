#include "environment/entry_functions.hpp"
#include "sigmax/graph/scalar/named.hpp"

namespace sigmax {

void add_scalar_functions(Functions& f) {
  for (const char* name : {"LeakyRelu", "Elu", "Selu", "QuickGelu", "HardSigmoid"}) {
    f.add(std::string("named_function ") + name, [name](Context&) {
      // With a parameter, so that the function is made in this mode.
      const graph::Function function = graph::named_function(name, {0.3});
      Values result;
      for (const graph::Interval& domain :
           {graph::Interval{}, graph::Interval{-1, 1e-310}, graph::Interval{0.1, 0.7}}) {
        const graph::Interval slopes = function->slopes(domain).value_or(graph::Interval{});
        const graph::Interval range = function->range(domain);
        result.insert(result.end(), {slopes.least, slopes.greatest, range.least, range.greatest});
      }
      for (const double x : {-2.5, -1e-310, 1.0 / 3}) {
        result.insert(result.end(), {function->value(x), function->derivative(x)});
      }
      return result;
    });
  }
}

}  // namespace sigmax
