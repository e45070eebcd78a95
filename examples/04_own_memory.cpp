// The program's own memory, never copied: a certified norm, a norm's gradient, and a step of spectral normalization.
#include <cstdio>
#include <vector>

#include "sigmax/sigmax.hpp"

int main() {
  // A layer's weight, 3 outputs and 4 inputs, row-major, anywhere in memory: here in a std::vector<float>.
  std::vector<float> weight = {2, -1, 0, 1, 3, 1, -2, 0, 1, 0, 1, 4};
  const std::int64_t rows = 3;
  const std::int64_t columns = 4;
  sigmax::Context context;  // threads, scratch memory, cancellation: one serves any number of calls in sequence

  // The most that the layer can stretch its input, as a proven interval.
  const sigmax::Enclosure before = sigmax::sigma_max(weight, rows, columns);
  std::printf("sigma_max in [%.12f, %.12f], proven: %s\n", before.lower.value(), before.upper->value(),
              before.is_proven() ? "yes" : "no");

  // Any norm by name, and its gradient, which is added to the program's memory too.
  const sigmax::Tensor matrix = sigmax::Tensor::view_of(weight, {rows, columns});
  const sigmax::norms::Norm nuclear = sigmax::norms::parse_norm("nuc");
  std::vector<float> gradient(weight.size());
  sigmax::grad::norm_vjp<float>(matrix, nuclear, {}, gradient, context);
  std::printf("nuclear norm %.6f, its gradient begins with %.6f\n", sigmax::norms::norm(matrix, nuclear, context).value,
              gradient[0]);

  // One training step: the state (u, v) follows the leading singular vectors, then the weight is divided by sigma.
  std::vector<float> u(static_cast<std::size_t>(rows));
  std::vector<float> v(static_cast<std::size_t>(columns));
  sigmax::nn::draw_unit<float>(1, 0, u);
  sigmax::nn::draw_unit<float>(1, 1, v);
  sigmax::nn::StepOptions options;
  options.iteration = sigmax::nn::Iteration::lanczos;
  options.steps = 3;
  const std::vector<std::int64_t> shape = {rows, columns};
  const auto read = sigmax::nn::unfold(sigmax::DType::f32, static_cast<const void*>(weight.data()), shape);
  const auto written = sigmax::nn::unfold(sigmax::DType::f32, static_cast<void*>(weight.data()), shape);
  const sigmax::nn::StepResult step = sigmax::nn::step<float>(read, options, u, v, context);
  const sigmax::nn::Factor factor = sigmax::nn::factor(sigmax::nn::Rule{}, step.sigma);
  sigmax::nn::scale_weight(read, factor.value, written, context);

  const sigmax::Enclosure after = sigmax::sigma_max(weight, rows, columns);
  std::printf("sigma %.6f after %lld steps; the weight's norm is now at most %.6f\n", step.sigma,
              static_cast<long long>(step.steps), after.upper->value());
  return before.is_proven() && after.is_proven() && after.upper->value() < 1.001 ? 0 : 1;
}
