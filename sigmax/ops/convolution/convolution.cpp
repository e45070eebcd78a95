#include "sigmax/ops/convolution/convolution.hpp"

#include <fmt/format.h>

#include <concepts>
#include <memory>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/ops/convolution/products.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax {
namespace {

template <Real T>
class Convolution final : public LinearOperator<T> {
 public:
  Convolution(const Tensor& kernel, const Correlation& correlation)
      : kernel_(stored_view(kernel)), products_(kernel_.matrix, correlation) {}

  Shape shape() const override { return {products_.correlation().rows(), products_.correlation().columns()}; }

  Structure<T> structure() const override { return structure::Convolution{&kernel_.matrix, &products_.correlation()}; }

  std::int64_t parameter_count() const override { return kernel_.matrix.size(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      const FloatingEnvironment environment;  // entries are rounded
      return std::make_shared<Convolution<float>>(kernel_.tensor, products_.correlation());
    }
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    products_.apply(x, y, context);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    products_.apply_adjoint(y, x, context);
  }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    products_.apply_gram(x, y, z, context);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    products_.apply_outer_gram(y, z, context);
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    add_kernel_gradient<T>(products_.correlation(), g.u, g.v, g.weights, grad, context);
  }

  StoredView kernel_;
  ConvolutionProducts<T> products_;
};

}  // namespace

template <Real T>
Operator<T> convolution(Tensor kernel, const ConvolutionGeometry& geometry) {
  const FloatingEnvironment environment;
  const Dimensions wanted = geometry.layer().kernel_shape();
  if (kernel.shape() != wanted) {
    throw Error(fmt::format("[convolution] the geometry ({}) takes a kernel {}, got {}", describe(geometry.layer()),
                            to_string(wanted), to_string(kernel.shape())));
  }
  if (!is_real(kernel.dtype())) {
    throw Error(fmt::format("[convolution] {} does not store real numbers", name(kernel.dtype())));
  }
  const Correlation& correlation = geometry.correlation();
  Operator<T> forward =
      std::make_shared<Convolution<T>>(kernel.reshaped({correlation.out_channels, correlation.terms()}), correlation);
  return geometry.transposed() ? transposed(std::move(forward)) : forward;
}

template Operator<float> convolution<float>(Tensor, const ConvolutionGeometry&);
template Operator<double> convolution<double>(Tensor, const ConvolutionGeometry&);

}  // namespace sigmax
