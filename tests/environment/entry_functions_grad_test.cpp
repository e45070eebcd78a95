#include <algorithm>
#include <cmath>
#include <span>

#include "environment/entry_functions.hpp"
#include "gallery/spectra.hpp"
#include "grad/problems.hpp"
#include "sigmax/audit/audit.hpp"
#include "sigmax/audit/convolution.hpp"
#include "sigmax/audit/measure.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"
#include "sigmax/grad/check_norm.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/grad/svd_vjp_vjp.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/svd/batched/batched.hpp"
#include "sigmax/svd/methods/power.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {

void add_gradients(Functions& f) {
  Context context(1);
  const problems::Known known{30, 20, gallery::geometric(20, 1e3)};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(3), context);
  const auto cotangent = problems::random_cotangent<double>({30, 20}, 3);
  const Operator<double> direction = dense<double>(Tensor::rounded(gallery::normal(600, 8), {30, 20}, DType::f64));
  for (const GradientSolver& solver : problems::every_solver()) {
    const GradientOptions options = problems::by(solver);
    f.add("svd_vjp, jvp, vjp_vjp", [=](Context& c) {
      Result result;
      result.add(svd_vjp(*a, triplets, cotangent, options, c).cotangent);
      const auto forward = svd_jvp(*a, triplets, *direction, options, c);
      result.add(forward.sigma);
      result.add(forward.u);
      result.add(forward.v);
      result.add(svd_vjp_vjp(*a, triplets, cotangent, *direction, options, c).cotangent);
      return Values(std::move(result));
    });
  }
  f.add("check_norm", [=](Context& c) {
    const Tensor w = Tensor::rounded(gallery::normal(30, 4), {6, 5}, DType::f64);
    const auto result = grad::check_norm(w, norms::Frobenius{}, {}, c);
    return Values{result.norm.value, result.holds ? 1.0 : 0.0};
  });
}

void add_audit(Functions& f) {
  io::Checkpoint c;
  c.format = "test";
  for (const Stored& s : matrices()) {
    io::Entry e;
    e.name = s.what;
    e.dtype = s.tensor.dtype();
    e.shape = s.tensor.shape();
    e.load = [tensor = s.tensor] { return tensor; };
    c.entries.push_back(e);
  }
  for (const bool full : {false, true}) {
    audit::Options options;
    options.full_spectrum = full;
    options.seed = Seed{1, 0, true};
    options.certify.proven_up_to = full ? 4096 : 15;
    f.add("audit", [=](Context& context) {
      Result result;
      for (const audit::TensorResult& t : audit::audit(c, options, context).tensors) {
        result.add(t.figures->sigma_max);
        result.add(t.figures->frobenius);
        result.add(t.figures->stable_rank);
        if (t.figures->spectrum) result.add(Values{t.figures->spectrum->sigma_min, t.figures->spectrum->nuclear});
      }
      return Values(std::move(result));
    });
  }
  f.add("audit::operator_norm", [](Context& context) {
    const Tensor kernel = Tensor::rounded(gallery::normal(24, 5), {3, 2, 4}, DType::f64);
    io::StatedConvolution stated;
    stated.settings.stride = {2};
    const auto convolution = audit::convolution_of(kernel, audit::convolution_layout(3, 1), false, stated);
    audit::Options options;
    options.full_spectrum = false;
    const audit::Figures reshaped = *audit::measure(kernel.reshaped({3, 8}), options, context).figures;
    Result result;
    result.add(audit::operator_norm(*convolution, reshaped, {}, context).norm);
    return Values(std::move(result));
  });
}

}  // namespace sigmax
