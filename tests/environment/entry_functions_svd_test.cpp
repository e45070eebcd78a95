#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "environment/entry_functions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/grad/batched.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/inverse.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/linalg/whole_svd.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/batched/batched.hpp"
#include "sigmax/svd/methods/power.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {

void add_svd(Functions& f, const Stored& s, bool every_method) {
  const Operator<double> a = dense<double>(s.tensor);
  const std::vector<Method> some{Auto{}};
  const std::vector<Method> every{
      Auto{},        PowerIteration{.steps = 9},        Deflation{}, Lanczos{}, BlockKrylov{}, Randomized{},
      DenseLapack{}, Lanczos{Lanczos::Form::bidiagonal}};
  for (const Method& method : every_method ? every : some) {
    auto options = repeatable<SvdOptions<double>>();
    options.method = method;
    options.max_products = 60;
    f.add("svd " + std::string(name(method)) + " " + s.what,
          [=](Context& context) { return Values(Result(svd(*a, options, context))); });
  }
  f.add("spectrum " + s.what, [=, view = stored_view(s.tensor)](Context& context) {
    ScannedMatrix scanned(view, context);
    return spectrum(scanned, context).values;
  });
  f.add("singular_values " + s.what, [=, view = stored_view(s.tensor)](Context& context) {
    ScannedMatrix scanned(view, context);
    return singular_values(scanned, context);
  });
  f.add("singular_values_each " + s.what, [=, view = stored_view(s.tensor)](Context& context) {
    ScannedMatrix scanned(view, context);
    return singular_values_each(scanned, context);
  });
  f.add("power_steps, triplets " + s.what, [=](Context& context) {
    std::vector<double> u(static_cast<std::size_t>(s.shape.rows)), v(static_cast<std::size_t>(s.shape.columns), 0.1);
    const double sigma = power_steps<double>(*a, {.order = PowerIteration::Order::u_first, .steps = 3}, u, v, context);
    Matrix<double> right(s.shape.columns, 1);
    std::ranges::copy(v, right.values().begin());
    const auto triplets = triplets_from_right<double>(*a, std::as_const(right).view(), context);
    return Values(Result(sigma, u, v, triplets.sigma, triplets.residual));
  });
}

void add_bounds(Functions& f, const Stored& s) {
  Context context(1);
  const Operator<double> a = dense<double>(s.tensor);
  auto options = repeatable<SvdOptions<double>>();
  options.max_products = 60;
  const SvdResult<double> hint = svd(*a, options, context);
  for (const Operator<double>& op : {a, a + 0.3 * a}) {
    for (const auto method : {CertifyMethod::automatic, CertifyMethod::probabilistic, CertifyMethod::cheapest}) {
      CertifyOptions how;
      how.method = method;
      f.add("certify " + s.what, [=](Context& c) { return Values(Result(certify(*op, hint, how, c))); });
      how.random = options.random;
      f.add("sigma_max " + s.what, [=](Context& c) { return Values(Result(sigma_max(*op, how, c))); });
      f.add("certify_values " + s.what, [=](Context& c) {
        return Values(Result(certify_values(*op, hint, Which::largest, how, c).sigma.front()));
      });
      f.add("certified_svd " + s.what, [=](Context& c) {
        const CertifiedSvd<double> found = certified_svd(*op, options, how, c);
        return Values(Result(found.triplets, found.sigma.front()));
      });
    }
  }
  f.add("enclose " + s.what, [=, view = stored_view(s.tensor)](Context& c) {
    ScannedMatrix scanned(view, c);
    CertifyOptions by_lanczos;
    by_lanczos.method = CertifyMethod::probabilistic;
    by_lanczos.random = options.random;
    const bounds::Measured proven = bounds::enclose(scanned, CertifyOptions{}, c);
    const bounds::Measured probable = bounds::enclose(scanned, by_lanczos, c);
    return Values(Result(proven, probable, scanned.frobenius(), scanned.norm_1(), scanned.norm_inf()));
  });
  for (const char* ord : {"fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf", "entrywise:3", "schatten:3", "kyfan:2"}) {
    // norm() draws the start of its own solver, so only the proven ends of the spectral norm are repeatable.
    f.add(std::string("norm ") + ord + " " + s.what, [=, keep = s.tensor](Context& c) {
      const norms::NormResult r = norms::norm(keep, norms::parse_norm(ord), c);
      return std::string(ord) == "2" ? Values{std::isfinite(r.enclosure->upper->value()) ? 1.0 : 0.0} : Values{r.value};
    });
  }
}

void add_batches(Functions& f) {
  const Tensor batch = Tensor::rounded(gallery::normal(6 * 20 * 9, 3), {6, 20, 9}, DType::f32);
  for (const bool vectors : {false, true}) {
    for (const std::optional<std::int64_t> k : {std::optional<std::int64_t>(1), {}}) {
      auto options = repeatable<BatchOptions>();
      options.vectors = vectors;
      options.k = k;
      f.add("batched_svd", [=](Context& context) { return batched_svd(batch, options, context).sigma; });
    }
  }
  f.add("whole_svd", [](Context&) {
    Values entries = gallery::normal(9 * 6, 5), sigma(6), u(9 * 6), vh(6 * 6);
    whole_svd(entries.data(), 9, 6, WholeVectors::thin, sigma.data(), u.data(), vh.data());
    sigma.insert(sigma.end(), u.begin(), u.end());
    sigma.insert(sigma.end(), vh.begin(), vh.end());
    return sigma;
  });
  f.add("inverse", [](Context& context) {
    const Values entries = gallery::normal(9 * 9, 6);
    Matrix<double> a(9, 9);
    std::copy(entries.begin(), entries.end(), a.values().begin());
    const Matrix<double> found = *inverse(std::move(a), context);
    return Values(found.values().begin(), found.values().end());
  });
  f.add("batched_power_iteration", [=](Context& context) {
    Matrix<float> u(20, 6), v(9, 6);
    std::ranges::fill(v.values(), 0.3F);
    std::vector<float> sigma(6);
    batched_power_iteration<float>(batch, {.steps = 2}, u.view(), v.view(), sigma, context);
    return Values(Result(sigma, u, v));
  });
  f.add("batched_svd_vjp", [=](Context& context) {
    auto options = repeatable<BatchOptions>();
    options.vectors = true;
    const BatchResult triplets = batched_svd(batch, options, context);
    BatchCotangent cotangent;
    cotangent.sigma.assign(6, 1e-40 / 3);
    std::vector<float> grad(6 * 20 * 9);
    static_cast<void>(batched_svd_vjp<float>(batch, triplets, cotangent, {}, grad, context));
    return Values(Result(grad));
  });
}

}  // namespace sigmax
