#include <algorithm>
#include <span>

#include "environment/entry_functions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/kernels/absolute.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/entrywise.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/kernels/outer.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax {
namespace {

template <Real T>
void add_convolutions(Functions& f, PaddingMode mode) {
  const std::string what = std::string(name(mode)) + (std::same_as<T, float> ? " float" : " double");
  const ConvolutionLayer layer{3, 4, 1, mode, false, {{3, 2, 1, 1, 1, 0}, {3, 1, 2, 2, 2, 0}}};
  std::vector<double> kernel;
  for (int e = 0; e < 4 * 3 * 9; ++e) kernel.push_back(e % 5 == 0 ? 3e-39 : 1.0 / (3 + e));
  const Tensor stored = Tensor::rounded(kernel, layer.kernel_shape(), std::same_as<T, float> ? DType::f32 : DType::f64);
  const ConvolutionGeometry geometry(layer, {6, 7});
  const std::vector<T> x = vector_of<T>(geometry.columns());
  f.add("convolution " + what, [=](Context& context) {
    const Operator<T> a = convolution<T>(stored, geometry);
    std::vector<T> y(static_cast<std::size_t>(a->shape().rows)), z(x.size()), outer(y.size()), grad(kernel.size());
    a->apply_gram(std::span<const T>(x), std::span<T>(y), std::span<T>(z), context);
    a->apply_outer_gram(std::span<const T>(y), std::span<T>(outer), context);
    const std::vector<double> weights{0.375};
    a->pull_back({std::span<const T>(y), std::span<const T>(x), weights}, grad, context);
    return Values(Result(y, z, outer, grad, materialize(*a, context)));
  });
}

template <Real T>
void add_axes(Functions& f) {
  const DType dtype = std::same_as<T, float> ? DType::f32 : DType::f64;
  std::vector<double> entries;
  for (int e = 0; e < 60; ++e) entries.push_back(e % 5 == 0 ? 3e-39 : 1.0 / (3 + e));
  const Tensor stored = Tensor::rounded(entries, {6, 10}, dtype);
  const Tensor gain = Tensor::rounded(std::span<const double>(entries).first(6), {6}, dtype);
  const std::vector<T> x = vector_of<T>(40);
  f.add(std::same_as<T, float> ? "kronecker, diagonal, selection float" : "kronecker, diagonal, selection",
        [=](Context& context) {
          const Operator<T> a = kronecker<T>({diagonal<T>(gain) * dense<T>(stored), selection<T>(4, {1, 1, 0, 3, -1})});
          std::vector<T> y(static_cast<std::size_t>(a->shape().rows)), z(x.size()), outer(y.size()), grad(66);
          a->apply_gram(std::span<const T>(x), std::span<T>(y), std::span<T>(z), context);
          a->apply_outer_gram(std::span<const T>(y), std::span<T>(outer), context);
          const std::vector<double> weights{0.375};
          a->pull_back({std::span<const T>(y), std::span<const T>(x), weights}, grad, context);
          const Enclosure norm = *certify_factors(*a, repeatable<CertifyOptions>(), context);
          return Values(Result(y, z, outer, grad, materialize(*a, context), norm));
        });
}

void add_core(Functions& f) {
  const Values values{0x1p-15, 3e-8, 1e-39, 3e-45, 5e-324, 1e-310, 1.0 / 3, 1e-41 / 3};
  f.add("Tensor::rounded and at", [=](Context&) {
    Values result;
    for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
      const Tensor tensor = Tensor::rounded(values, {8}, type);
      for (std::int64_t i = 0; i < 8; ++i) result.push_back(tensor.at(std::vector<std::int64_t>{i}));
    }
    return result;
  });
  f.add("fill_normal, fill_uniform", [](Context&) {
    Values normal(101), uniform(101);
    static_cast<void>(fill_uniform(fill_normal(random_state(3), normal), uniform));
    return Values(Result(normal, uniform));
  });
}

template <Real T>
void add_products(Functions& f, const Stored& s) {
  const std::string what = s.what + (std::same_as<T, float> ? " float" : " double");
  const kernels::StoredMatrix a = stored_view(s.tensor).matrix;
  const std::vector<T> x = vector_of<T>(s.shape.columns);
  const std::vector<T> y = vector_of<T>(s.shape.rows);
  f.add("kernels::multiply ... " + what, [=, keep = s.tensor](Context& context) {
    std::vector<T> ax(y.size()), aty(x.size()), gram(x.size()), outer(y.size());
    using In = std::span<const T>;
    using Out = std::span<T>;
    kernels::multiply<T>(a, In(x), Out(ax), context);
    kernels::multiply_transposed<T>(a, In(y), Out(aty), context);
    kernels::gram<T>(a, In(x), MatrixView<T>(), Out(gram), context);
    kernels::outer_gram<T>(a, In(y), Out(outer), context);
    return Values(Result(ax, aty, gram, outer));
  });
  const Operator<T> op = dense<T>(s.tensor);
  f.add("operators " + what, [=](Context& context) {
    const Operator<T> tree = stack_rows<T>({op + T(0.3) * op, op * transposed(op) * op});
    std::vector<T> image(2 * y.size()), back(x.size()), gram(x.size()), outer(2 * y.size());
    tree->apply(std::span<const T>(x), std::span<T>(image), context);
    tree->apply_adjoint(std::span<const T>(image), std::span<T>(back), context);
    tree->apply_gram(std::span<const T>(x), std::span<T>(gram), context);
    tree->apply_outer_gram(std::span<const T>(image), std::span<T>(outer), context);
    return Values(Result(image, back, gram, outer, materialize(*op, context)));
  });
  f.add("pull_back, update_outer " + what, [=](Context& context) {
    std::vector<T> grad(static_cast<std::size_t>(op->parameter_count()));
    Matrix<T> u(s.shape.rows, 1), v(s.shape.columns, 1);
    std::ranges::copy(y, u.values().begin());
    std::ranges::copy(x, v.values().begin());
    const Values weight{1e-40 / 3};
    op->pull_back(Cotangent<T>{std::as_const(u).view(), std::as_const(v).view(), weight}, std::span<T>(grad), context);
    return Values(Result(grad));
  });
}

void add_kernels(Functions& f, const Stored& s) {
  const kernels::StoredMatrix a = stored_view(s.tensor).matrix;
  f.add("scan, convert, absolute " + s.what, [=, keep = s.tensor](Context& context) {
    const kernels::Scan facts = kernels::scan(a, context);
    Values copy(static_cast<std::size_t>(a.size()));
    kernels::convert(a, 1.0 / 3, copy.data(), a.columns);
    Values x(static_cast<std::size_t>(a.columns), 0.3), y(static_cast<std::size_t>(a.rows)), z(x.size()), w(x.size());
    kernels::absolute_multiply(a, x, y, context);
    kernels::absolute_multiply_transposed(a, y, z, context);
    kernels::absolute_gram(a, x, w, context);
    return Values(Result(facts.max_abs, facts.sum_squares, facts.scale, facts.largest_row_sum, facts.largest_column_sum,
                         copy, y, z, w));
  });
}

}  // namespace

std::vector<EntryFunction> entry_functions() {
  Functions f;
  add_core(f);
  for (const PaddingMode mode :
       {PaddingMode::Zeros, PaddingMode::Circular, PaddingMode::Reflect, PaddingMode::Replicate}) {
    add_convolutions<double>(f, mode);
    add_convolutions<float>(f, mode);
  }
  add_axes<double>(f);
  add_axes<float>(f);
  for (const Stored& s : matrices()) {
    add_products<double>(f, s);
    if (s.tensor.dtype() != DType::f64) add_products<float>(f, s);
    add_kernels(f, s);
    add_svd(f, s, s.shape.rows <= 100);
    add_bounds(f, s);
  }
  add_batches(f);
  add_norms(f);
  add_recovery(f);
  add_layers(f);
  add_regularizers(f);
  add_gradients(f);
  add_conditions(f);
  add_lipschitz(f);
  add_sensitivity(f);
  add_convolution_norms(f);
  add_audit(f);
  add_scalar_functions(f);
  add_graphs(f);
  return std::move(f.all);
}

}  // namespace sigmax
