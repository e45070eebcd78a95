#include "bindings/torch/composite.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bindings/torch/transforms.hpp"

namespace sigmax::torch::composite {
namespace {

/// x / max(|x|, eps) for each block of x, [blocks, n].
at::Tensor unit(const at::Tensor& x, const at::Tensor& eps) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, true).clamp_min(eps);
}

at::Tensor times(const at::Tensor& matrix, const at::Tensor& x) {
  return at::matmul(matrix, x.unsqueeze(-1)).squeeze(-1);
}

/// x where it is not zero; elsewhere the previous vector.
at::Tensor or_else(const at::Tensor& x, const at::Tensor& before) {
  return at::where(at::ne(x, 0).any(1, true), x, before);
}

/// x, or if it is zero or not finite, a vector of equal entries to start from.
at::Tensor usable(const at::Tensor& x) {
  const at::Tensor length = at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, true);
  const at::Tensor equal = at::full_like(x, 1.0 / std::sqrt(static_cast<double>(std::max<std::int64_t>(x.size(1), 1))));
  return at::where(at::logical_and(at::gt(length, 0), at::isfinite(length)), x, equal);
}

/// The leading Ritz vector of W^H W in the `steps`-dimensional Krylov space of v, orthogonalized twice.
at::Tensor ritz_vector(const Products& of, const at::Tensor& v, std::int64_t steps, const at::Tensor& eps) {
  at::Tensor basis = unit(v, eps).unsqueeze(-1);
  at::Tensor images = of.image(basis.select(-1, 0)).unsqueeze(-1);
  for (std::int64_t k = 1; k < std::min(steps, v.size(1)); ++k) {
    at::Tensor next = of.adjoint(images.select(-1, k - 1));
    for (int pass = 0; pass < 2; ++pass) next = unit(next - times(basis, times(basis.mH(), next)), eps);
    basis = at::cat({basis, next.unsqueeze(-1)}, -1);
    images = at::cat({images, of.image(next).unsqueeze(-1)}, -1);
  }
  const at::Tensor vectors = std::get<1>(at::linalg_eigh(at::matmul(images.mH(), images)));
  return times(basis, vectors.select(-1, -1));
}

}  // namespace

at::Tensor matrix(const at::Tensor& weight, std::int64_t dim, std::int64_t blocks) {
  const MatrixSize size = matrix_size(weight, dim);
  return weight.movedim(dim, 0).reshape({blocks, size.rows / blocks, size.columns});
}

at::Tensor tensor(const at::Tensor& matrix, const at::Tensor& weight, std::int64_t dim) {
  std::vector<std::int64_t> shape = weight.sizes().vec();
  std::rotate(shape.begin(), shape.begin() + dim, shape.begin() + dim + 1);
  return matrix.reshape(shape).movedim(0, dim);
}

// 2^e with |e| beyond `far` is where ops/range_checked.hpp scales, too. Between `least` and `most`, 2^e and 2^-e are
// normal numbers.
InRange in_range(const at::Tensor& weight) {
  if (weight.numel() == 0) return {weight, at::ones({}, weight.options().requires_grad(false))};
  at::Tensor unit;
  {
    const at::NoGradGuard constant;
    const c10::AutoFwGradMode constant_forward(false);
    const at::Tensor largest = weight.detach().abs().amax();
    const bool wide = largest.scalar_type() == at::kDouble;
    const double far = wide ? 100 : 20;
    const double least = wide ? std::numeric_limits<double>::min_exponent : std::numeric_limits<float>::min_exponent;
    const double most = wide ? std::numeric_limits<double>::max_exponent : std::numeric_limits<float>::max_exponent;
    const at::Tensor exponent = largest.log2().floor();
    const at::Tensor scaled = at::logical_and(at::gt(exponent.abs(), far), at::isfinite(exponent));
    unit = at::where(scaled, exponent.clamp(least, most - 1), at::zeros_like(exponent)).exp2();
  }
  return {weight / unit, unit};
}

Products products(const at::Tensor& weight, std::int64_t dim, std::int64_t blocks, bool wide) {
  at::Tensor w = matrix(weight, dim, blocks);
  if (wide && (w.scalar_type() == at::kHalf || w.scalar_type() == at::kBFloat16)) w = w.to(at::kFloat);
  return {[w](const at::Tensor& x) { return times(w, x); }, [w = w.mH()](const at::Tensor& y) { return times(w, y); },
          w.scalar_type()};
}

void iterate(const Products& of, const at::Tensor& unit_of_weight, const at::Tensor& u, const at::Tensor& v,
             std::int64_t blocks, const Settings& settings) {
  // Not 0, whatever the unit: 0 / 0 must not become part of the state.
  const bool wide = unit_of_weight.scalar_type() == at::kDouble;
  const double least = wide ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  const at::Tensor eps = (settings.each.eps / unit_of_weight).clamp_min(least);
  at::Tensor left = u.reshape({blocks, -1}).to(of.type);
  at::Tensor right = v.reshape({blocks, -1}).to(of.type);
  const bool lanczos = settings.each.iteration == Iteration::lanczos;
  const bool v_first = settings.each.iteration == Iteration::v_first;
  if (v_first) {
    left = usable(left);
  } else {
    right = usable(right);
  }
  if (lanczos && settings.each.steps > 1) right = ritz_vector(of, right, settings.each.steps, eps);
  at::Tensor before;
  at::Tensor done;  // within vmap each example stops separately: a mask replaces the end of the loop
  for (std::int64_t k = 0; k < (lanczos ? 1 : settings.each.steps); ++k) {
    const at::Tensor left_before = left;
    const at::Tensor right_before = right;
    at::Tensor image;  // of one singular vector, with length sigma
    if (v_first) {
      right = or_else(unit(of.adjoint(left), eps), right);
      image = of.image(right);
      left = or_else(unit(image, eps), left);
    } else {
      left = or_else(unit(of.image(right), eps), left);
      image = of.adjoint(left);
      right = or_else(unit(image, eps), right);
    }
    if (done.defined()) {
      left = at::where(done, left_before, left);
      right = at::where(done, right_before, right);
    }
    if (settings.each.tolerance > 0) {
      const at::Tensor now = at::linalg_vector_norm(image, 2, at::IntArrayRef{1});
      if (before.defined()) {
        const at::Tensor close = at::le((now - before).abs(), now * settings.each.tolerance).all();
        if (in_transform()) {
          done = done.defined() ? at::logical_or(done, close) : close;
        } else if (close.item<bool>()) {
          break;
        }
      }
      before = now;
    }
  }
  store(left.reshape(u.sizes()), u);
  store(right.reshape(v.sizes()), v);
}

at::Tensor sigma(const Products& of, const at::Tensor& u, const at::Tensor& v, std::int64_t blocks) {
  at::Tensor left = usable(u.reshape({blocks, -1})).to(of.type);
  at::Tensor right = usable(v.reshape({blocks, -1})).to(of.type);
  left = left / at::linalg_vector_norm(left, 2, at::IntArrayRef{1}, true);
  right = right / at::linalg_vector_norm(right, 2, at::IntArrayRef{1}, true);
  at::Tensor value = (left.conj() * of.image(right)).sum(1);
  if (!value.is_complex()) value = at::where(at::lt(value, 0), -value, value);
  return blocks == 1 ? value.squeeze(0) : value;
}

at::Tensor factor(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings) {
  return factor(sigma, scale, at::ones_like(sigma), settings);
}

at::Tensor factor(const at::Tensor& sigma, const at::Tensor& scale, const at::Tensor& unit, const Settings& settings) {
  const at::Tensor zero = at::eq(sigma, 0);
  at::Tensor f = settings.each.target / at::where(zero, at::ones_like(sigma), sigma);
  at::Tensor keep = zero;
  if (settings.each.at_most) keep = at::logical_or(zero, at::le(sigma.abs() * unit, settings.each.target));
  const bool same = unit.scalar_type() == f.scalar_type();  // an operator must not return its input, as to() would
  f = at::where(keep, same ? unit : unit.to(f.scalar_type()), f);
  return scale.defined() ? f * scale.reshape({}) : f;
}

at::Tensor factor_slope(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings) {
  at::Tensor keep = at::eq(sigma, 0);
  const at::Tensor safe = at::where(keep, at::ones_like(sigma), sigma);
  if (settings.each.at_most) keep = at::logical_or(keep, at::le(sigma, settings.each.target));
  const at::Tensor slope = at::where(keep, at::zeros_like(sigma), -settings.each.target / (safe * safe));
  return scale.defined() ? slope * scale.reshape({}) : slope;
}

at::Tensor scaled(const at::Tensor& weight, const at::Tensor& factor, std::int64_t dim, std::int64_t blocks) {
  if (blocks == 1) return (weight * factor).to(weight.scalar_type());
  const at::Tensor w = matrix(weight, dim, blocks);
  return tensor(w * factor.reshape({blocks, 1, 1}), weight, dim).to(weight.scalar_type());
}

}  // namespace sigmax::torch::composite
