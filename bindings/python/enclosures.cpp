// Norms with what is known about them.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <string>
#include <tuple>

#include "bindings/python/arrays.hpp"
#include "bindings/python/module.hpp"
#include "bindings/python/running.hpp"
#include "sigmax/norms/norm.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

// lower, upper, kind, failure probability, meaning, method
using Known = std::tuple<double, std::optional<double>, std::string, double, std::string, std::string>;

Known enclose(const Input& x, bool bfloat16, const std::string& ord, double relative_width) {
  const Tensor matrix = tensor_of(x, bfloat16);
  const norms::Norm which = norms::parse_norm(ord);
  norms::NormOptions options;
  options.certify = {.relative_width = relative_width};
  norms::NormResult found;
  run(1e3 * static_cast<double>(matrix.size()),
      [&](Context& context) { found = norms::norm(matrix, which, options, context); });
  if (!found.enclosure)
    return {0.0, std::nullopt, std::string(message(found.kind())), 0.0, found.meaning, found.method};
  const Enclosure& known = *found.enclosure;
  std::optional<double> upper;
  if (known.upper) upper = known.upper->value();
  return {known.lower.value(),         upper,         std::string(message(found.kind())),
          known.failure_probability(), found.meaning, found.method};
}

}  // namespace

void add_enclosures(nb::module_& module) {
  module.def("enclose", &enclose, nb::arg("x").noconvert(), nb::arg("bfloat16"), nb::arg("ord"),
             nb::arg("relative_width"));
}

}  // namespace sigmax::python
