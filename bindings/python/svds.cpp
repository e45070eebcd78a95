// Some singular triplets of a stored matrix, a sparse one, or one known through its products.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/python/arrays.hpp"
#include "bindings/python/module.hpp"
#include "bindings/python/running.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "sigmax/ops/sparse.hpp"
#include "sigmax/svd/svd.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

using Indices = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// An operator of double, and about what a product with it costs.
struct Solvable {
  Operator<double> a;
  double operations = 0;
};

// lower, upper, whether both are proven, failure probability
using Ends = std::tuple<double, std::optional<double>, bool, double>;
// outcome in words (empty if the tolerance is met), the ends of each value if they are wanted
using Outcome = std::tuple<std::string, std::vector<Ends>>;

Outcome svds(const Solvable& matrix, std::int64_t k, bool smallest, double tolerance, std::int64_t most_products,
             std::optional<std::uint64_t> seed, const Values& start, bool certify, const Output& sigma, const Output& u,
             const Output& v) {
  const Shape shape = matrix.a->shape();
  SvdOptions<double> options;
  options.k = k;
  options.which = smallest ? Which::smallest : Which::largest;
  options.tolerance = tolerance;
  options.max_products = most_products;
  if (seed) options.random = random_state(*seed);
  if (start.size() > 0) {
    options.start = Matrix<double>(shape.columns, 1);
    if (start.size() != options.start.values().size())
      throw Error("[svds] the start has another length than rows of A");
    std::copy_n(start.data(), start.size(), options.start.values().begin());
  }
  const auto values = entries_of(sigma, static_cast<std::size_t>(k));
  const auto left = entries_of(u, static_cast<std::size_t>(k * shape.rows));
  const auto right = entries_of(v, static_cast<std::size_t>(k * shape.columns));
  Outcome outcome;
  run(200 * matrix.operations * static_cast<double>(k), [&](Context& context) {
    const SvdResult<double> found = svd(*matrix.a, options, context);
    std::ranges::copy(found.sigma, values.begin());
    std::ranges::copy(found.u.values(), left.begin());
    std::ranges::copy(found.v.values(), right.begin());
    if (found.outcome == SvdOutcome::out_of_products) std::get<0>(outcome) = message(found.outcome);
    if (!certify) return;
    for (const Enclosure& known : certify_values(*matrix.a, found, options.which, CertifyOptions{}, context).sigma) {
      std::optional<double> upper;
      if (known.upper) upper = known.upper->value();
      std::get<1>(outcome).emplace_back(known.lower.value(), upper, known.is_proven(), known.failure_probability());
    }
  });
  return outcome;
}

Solvable stored(const Input& x, bool bfloat16) {
  Tensor tensor = tensor_of(x, bfloat16);
  const auto size = static_cast<double>(tensor.size());
  return {dense<double>(std::move(tensor)), size};
}

Solvable sparse_matrix(std::int64_t rows, std::int64_t columns, const Indices& row, const Indices& column,
                       const Values& values) {
  const SparseMatrix matrix({rows, columns}, {row.data(), row.size()}, {column.data(), column.size()},
                            {values.data(), values.size()});
  return {sparse<double>(matrix), static_cast<double>(values.size())};
}

// A Python function of a block of columns, given and returned as an array with a row for each column.
BlockFunction<double> called(nb::object function) {
  return [function = std::move(function)](MatrixView<const double> in, MatrixView<double> out, Context& /*context*/) {
    const nb::gil_scoped_acquire acquired;
    using Given = nb::ndarray<nb::numpy, const double, nb::ndim<2>>;
    const std::size_t shape[2] = {static_cast<std::size_t>(in.columns), static_cast<std::size_t>(in.rows)};
    const std::int64_t strides[2] = {in.stride, 1};
    const nb::object result = function(Given(in.data, 2, shape, nb::handle(), strides));
    const auto array = nb::cast<nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>>(result);
    if (static_cast<std::int64_t>(array.shape(0)) != out.columns ||
        static_cast<std::int64_t>(array.shape(1)) != out.rows) {
      throw Error("[svds] the operator's product has another shape than its own shape says");
    }
    for (std::int64_t j = 0; j < out.columns; ++j)
      std::copy_n(array.data() + j * out.rows, out.rows, out.column(j).begin());
  };
}

// The functions are released with the operator, by a thread that holds the interpreter lock.
Solvable by_products(std::int64_t rows, std::int64_t columns, nb::object forward, nb::object backward) {
  return {function_operator<double>({rows, columns}, called(std::move(forward)), called(std::move(backward))),
          static_cast<double>(rows + columns) + 1e4};
}

}  // namespace

void add_svds(nb::module_& module) {
  nb::class_<Solvable>(module, "Operator");
  module.def("stored", &stored, nb::arg("x").noconvert(), nb::arg("bfloat16"), nb::keep_alive<0, 1>());
  module.def("sparse", &sparse_matrix, nb::arg("rows"), nb::arg("columns"), nb::arg("row").noconvert(),
             nb::arg("column").noconvert(), nb::arg("values").noconvert());
  module.def("by_products", &by_products, nb::arg("rows"), nb::arg("columns"), nb::arg("forward"), nb::arg("backward"));
  module.def("svds", &svds, nb::arg("matrix"), nb::arg("k"), nb::arg("smallest"), nb::arg("tolerance"),
             nb::arg("most_products"), nb::arg("seed").none(), nb::arg("start").noconvert(), nb::arg("certify"),
             nb::arg("sigma").noconvert(), nb::arg("u").noconvert(), nb::arg("v").noconvert());
}

}  // namespace sigmax::python
