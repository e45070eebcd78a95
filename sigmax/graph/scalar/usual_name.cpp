#include "sigmax/graph/scalar/usual_name.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/graph/scalar/named.hpp"

namespace sigmax::graph {

std::string usual_name(const Expression& f) {
  constexpr const char* kUsual[] = {"Identity",  "Relu", "Gelu", "GeluTanh", "Silu",     "QuickGelu", "Mish",
                                    "HardSwish", "Elu",  "Tanh", "Sigmoid",  "Softplus", "Softsign",  "Abs"};
  for (const char* name : kUsual) {
    const Function usual = named_function(name);
    bool same = true;
    for (int i = -48; i <= 48 && same; ++i) {
      const double x = i / 8.0;
      const double value = usual->value(x);
      same = std::fabs(f.value(x) - value) <= 1e-6 * std::max(1.0, std::fabs(value));
    }
    if (same) return name;
  }
  return {};
}

}  // namespace sigmax::graph
