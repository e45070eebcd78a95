#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "environment/entry_functions.hpp"
#include "nn/samples.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/grad/gauge_vjp.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/kernels/entrywise.hpp"
#include "sigmax/kernels/unfolded.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/nn/normalize_layers.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/nn/regularize.hpp"
#include "sigmax/nn/singular_state.hpp"
#include "sigmax/norms/catalog.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/equivalence.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/induced/hardness.hpp"
#include "sigmax/norms/majorization.hpp"
#include "sigmax/norms/maps/proximal.hpp"
#include "sigmax/norms/maps/water_level.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/mean_gain.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/norm_of_blocks.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/norms/vector.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax {

namespace {

const Values kSigma{3, 2.5, 1.0 / 3, 1e-310};

void add_arithmetic(Functions& f) {
  f.add("norms of singular values", [=](Context&) {
    return Values{norms::schatten(kSigma, 3),
                  norms::nuclear(kSigma),
                  norms::ky_fan(kSigma, 2),
                  norms::effective_rank(kSigma),
                  static_cast<double>(norms::numerical_rank(kSigma, 1e-320)),
                  static_cast<double>(norms::energy_rank(kSigma, 0.9))};
  });
  f.add("algebra of enclosures", [=](Context&) {
    std::vector<Enclosure> known;
    for (const double value : kSigma) known.push_back(bounds::exactly(value));
    bounds::ColumnSums sums(kSigma.size());
    sums.add(kSigma);
    sums.add(kSigma);
    Values values;
    for (const Enclosure& e : {bounds::p_norm(known, 1), bounds::p_norm(known, 2), bounds::p_norm(kSigma, 3.5),
                               sums.enclosures()[2], norms::spectral_enclosure(known, norms::Schatten{3})}) {
      values.push_back(e.lower.value());
      values.push_back(e.upper->value());
    }
    values.push_back(norms::spectral_value(kSigma, norms::KyFan{2}));
    values.push_back(norms::spectral_gradient({kSigma, 3, 0, 4, 1e-15}, norms::Schatten{3}).weights[2]);
    values.push_back(norms::gap_of(kSigma, norms::KyFan{2}).value());
    return values;
  });
}

void add_norms_by_name(Functions& f) {
  f.add("norms with enclosures", [=](Context& c) {
    const Tensor tensor = Tensor::rounded(gallery::normal(12, 5), {3, 4}, DType::f64);
    Values values;
    for (const char* ord : {"fro", "1", "-1", "max", "entrywise:1.5"}) {
      const norms::NormResult r = norms::norm(tensor, norms::parse_norm(ord), norms::NormOptions{}, c);
      values.insert(values.end(), {r.value, r.enclosure->lower.value(), r.enclosure->upper->value()});
      values.push_back(norms::norm(*dense<double>(tensor), norms::parse_norm(ord), norms::NormOptions{}, c).value);
    }
    return values;
  });
  f.add("norm_of_blocks", [=](Context& c) {
    const std::vector<Tensor> blocks = {Tensor::rounded(gallery::normal(12, 5), {3, 4}, DType::f64),
                                        Tensor::rounded(gallery::normal(12, 6), {3, 4}, DType::f64)};
    Values values;
    for (const char* ord : {"fro", "2", "schatten:3", "kyfan:4", "entrywise:1.5", "-2"}) {
      values.push_back(norms::norm_of_blocks(blocks, norms::parse_norm(ord), c).value);
    }
    return values;
  });
}

void add_lists(Functions& f) {
  f.add("vector norms", [=](Context&) {
    const Tensor x = Tensor::rounded(gallery::normal(9, 5), {9}, DType::f32);
    const Values y = gallery::normal(9, 6);
    const Values entries = norms::vector_entries("test", x);
    const norms::Hoelder h = norms::hoelder(entries, y, 3);
    Values values = norms::dual_maximizer(y, 1.5);
    for (const double value : {norms::vector_norm(x, 3).enclosure->upper->value(), norms::vector_norm(y, 7),
                               norms::dual_vector_norm(x, 3).value, norms::inner_product(entries, y), h.product, h.gap,
                               norms::angle(entries, y)}) {
      values.push_back(value);
    }
    return values;
  });
  f.add("proximal maps of lists", [=](Context&) {
    const Values x = gallery::normal(9, 6);
    Values values;
    for (const Values& y :
         {norms::proximal_p(x, 3, 0.3), norms::project_p(x, 1.5, 0.7), norms::proximal_ky_fan(x, 3, 0.4),
          norms::project_ky_fan(x, 3, 1.1), norms::proximal_ky_fan(x, norms::KyFan{3, 2.5}, 0.4),
          norms::project_ky_fan(x, norms::KyFan{3, 1.5}, 1.1)}) {
      values.insert(values.end(), y.begin(), y.end());
    }
    return values;
  });
}

void add_catalog(Functions& f) {
  f.add("catalog of norms", [=](Context& c) {
    const Tensor tensor = Tensor::rounded(gallery::normal(16, 5), {4, 4}, DType::f64);
    const auto options = repeatable<norms::NormOptions>();
    Values values = norms::proximal(tensor, norms::parse_norm("mixed:3,1"), 0.3, c);
    const auto halved = [](std::span<const double> s) {
      Values half(s.begin(), s.end());
      for (double& value : half) value /= 2;
      return half;
    };
    for (const Values& mapped :
         {norms::project(tensor, norms::Schatten{3}, 0.5, c),
          norms::project(tensor, norms::parse_norm("mixed:3,1.5"), 0.5, c), norms::mapped_values(tensor, halved, c)}) {
      values.insert(values.end(), mapped.begin(), mapped.end());
    }
    const norms::WholeSpectrum spectrum = norms::whole_spectrum(tensor, options, c);
    const norms::Gauge sum{"sum", [](std::span<const double> s) { return s[0] + s[1] / 3; }};
    for (const norms::NormResult& r : {norms::dual_norm(tensor, norms::KyFan{2, 2}, options, c),
                                       norms::dual_norm(tensor, norms::NumericalRadius{}, options, c),
                                       norms::dual_norm(tensor, norms::Mixed{3, 1}, options, c),
                                       norms::gauge_norm(tensor, sum, options, c), norms::mean_gain(tensor, options, c),
                                       norms::mean_gain(*(dense<double>(tensor) + dense<double>(tensor)), options, c),
                                       norms::numerical_radius(tensor, options, c)}) {
      values.insert(values.end(), {r.value, r.enclosure->lower.value(), r.enclosure->upper->value()});
    }
    Values gradient(16);
    const auto weights = [](std::span<const double> s) {
      Values w(s.size());
      w[0] = 1;
      w[1] = 1.0 / 3;
      return w;
    };
    values.push_back(
        grad::gauge_vjp<double>(tensor, sum, weights, repeatable<grad::NormVjpOptions>(), gradient, c).value);
    values.insert(values.end(), gradient.begin(), gradient.end());
    values.push_back(norms::stable_rank(spectrum.known).upper->value());
    values.push_back(norms::condition_number(spectrum.known).upper->value());
    values.push_back(norms::ky_fan_dual(spectrum.sigma, norms::KyFan{2, 3}));
    values.push_back(norms::numerical_radius_point(tensor, c).angle);
    values.push_back(static_cast<double>(norms::map_of(norms::Mixed{2, 1})));
    values.push_back(std::get<norms::Entrywise>(*norms::dual_of(norms::Entrywise{3})).p);
    for (const norms::NamedResult& each : norms::all_norms(std::vector<Tensor>{tensor}, options, c)) {
      values.push_back(each.result.enclosure->upper->value());
    }
    return values;
  });
}

void add_pairs_of_norms(Functions& f) {
  f.add("water_level", [=](Context&) { return Values{norms::water_level(kSigma, 2.0 / 3, 1.7).value_or(-1)}; });
  f.add("induced norms", [=](Context& c) {
    const Tensor tensor = Tensor::rounded(gallery::normal(12, 5), {3, 4}, DType::f64);
    Result result;
    for (const auto& [p, q] :
         {std::pair{HUGE_VAL, 1.0}, {1.0, 3.0}, {1.5, HUGE_VAL}, {3.0, 3.0}, {2.0, 2.0}, {4.0, 1.5}}) {
      norms::InducedOptions options = repeatable<norms::InducedOptions>();
      options.starts = 2;
      for (const norms::InducedNorm& r : {norms::induced_norm(tensor, p, q, options, c),
                                          norms::induced_norm(*dense<double>(tensor), p, q, options, c)}) {
        result.add(r.value);
        result.add(r.enclosure);
        result.add(r.x);
        result.add(r.z);
      }
    }
    result.add(norms::gaussian_norm(1.5));
    result.add(norms::approximation_limit(4, 1.5).value_or(-1));
    return Values(std::move(result));
  });
  f.add("equivalence and majorization", [=](Context& c) {
    const Tensor tensor = Tensor::rounded(gallery::normal(12, 5), {3, 4}, DType::f64);
    const norms::Equivalence e = norms::equivalence(norms::Schatten{1.5}, norms::Mixed{2, HUGE_VAL}, {3, 4});
    const norms::Constant frame = norms::equivalence(norms::Mixed{2, HUGE_VAL}, norms::Nuclear{}, {3, 4}).greatest;
    Values values{e.least.value, e.greatest.value, frame.value};
    const Tensor extremal = frame.extremal.value().matrix();
    for (std::int64_t i = 0; i < 12; ++i) values.push_back(extremal.at(std::vector{i / 4, i % 4}));
    std::vector<Enclosure> known;
    for (const double value : kSigma) known.push_back(bounds::exactly(value));
    values.push_back(static_cast<double>(norms::weakly_majorized(known, known).verdict));
    const auto fan = norms::fan_dominated(tensor, tensor, repeatable<norms::FanOptions>(), c);
    values.push_back(static_cast<double>(fan.k));
    return values;
  });
}

}  // namespace

void add_norms(Functions& f) {
  add_arithmetic(f);
  add_norms_by_name(f);
  add_lists(f);
  add_catalog(f);
  add_pairs_of_norms(f);
}

namespace {

template <Real T>
void add_nn(Functions& f, DType dtype, double scale) {
  const std::string what = std::string(name(dtype)) + (std::same_as<T, float> ? " float" : " double");
  Values values = gallery::normal(24 * 36, 9);
  for (double& value : values) value *= scale;
  const nn::Sample weight(dtype, {24, 4, 9}, 0, values);
  f.add("nn::normalize, vjp " + what, [=](Context& context) {
    nn::Sample out = weight, grad = weight;
    std::vector<T> u(24), v(36);
    nn::draw_unit<T>(3, 0, std::span<T>(u));
    nn::draw_unit<T>(3, 1, std::span<T>(v));
    nn::Layer<T> layer{.weight = weight.weight(), .u = u, .v = v, .normalized = out.output()};
    layer.options.steps = 3;
    nn::normalize<T>(std::span(&layer, 1), context);
    const auto gradient =
        nn::normalize_vjp<T>(weight.weight(), u, v, layer.f, out.weight(), true, grad.output(), context);
    return Values(Result(layer.result.sigma, layer.f.value, u, v, out.values(), grad.values(), gradient.inner));
  });
  const std::vector<T> v = vector_of<T>(36), u = vector_of<T>(24);
  f.add("unfolded, combination, inner_product " + what, [=](Context& context) {
    std::vector<T> t(24), x(36), g(36), s(24);
    kernels::unfolded_multiply<T>(weight.weight(), v, t, context);
    kernels::unfolded_multiply_transposed<T>(weight.weight(), u, x, context);
    kernels::unfolded_gram<T>(weight.weight(), v, s, g, context);
    nn::Sample out = weight;
    kernels::combination<T>({.alpha = 1.0 / 3, .x = weight.weight(), .gamma = 1e-40, .u = u, .v = v}, out.output(),
                            context);
    return Values(Result(t, x, g, s, out.values(), kernels::inner_product(weight.weight(), out.weight(), context)));
  });
}

}  // namespace

void add_layers(Functions& f) {
  add_nn<float>(f, DType::f32, 1);
  add_nn<float>(f, DType::f16, 0x1p-13);
  add_nn<double>(f, DType::f64, 1);
}

void add_regularizers(Functions& f) {
  const Tensor w = Tensor::rounded(gallery::normal(20 * 15, 4), {20, 15}, DType::f32);
  auto options = repeatable<nn::ProximalOptions>();
  auto solver = repeatable<grad::NormVjpOptions>();
  const std::vector<nn::ProximalPenalty> maps{nn::penalty::SquaredFrobenius{}, nn::penalty::Frobenius{},
                                              nn::penalty::Nuclear{}, nn::penalty::Spectral{}, nn::penalty::KyFan{2}};
  for (const nn::ProximalPenalty& penalty : maps) {
    f.add("proximal", [=](Context& context) {
      std::vector<float> out(300);
      static_cast<void>(nn::proximal<float>(w, penalty, 0.7, options, out, context));
      return Values(Result(out));
    });
  }
  f.add("project", [=](Context& context) {
    std::vector<float> one(300), other(300);
    static_cast<void>(nn::project<float>(w, nn::ball::Spectral{1}, options, one, context));
    static_cast<void>(nn::project<float>(w, nn::ball::Nuclear{1}, options, other, context));
    return Values(Result(one, other));
  });
  const std::vector<nn::Penalty> penalties{nn::penalty::SquaredFrobenius{}, nn::penalty::Spectral{},
                                           nn::penalty::Orthogonality{}, nn::penalty::SpectralOrthogonality{}};
  for (const nn::Penalty& penalty : penalties) {
    f.add("regularize", [=](Context& context) {
      std::vector<float> grad(300);
      const auto value = nn::regularize<float>(w, penalty, solver, std::span<float>(grad), context);
      return Values(Result(value.value, grad));
    });
  }
  for (const char* ord : {"fro", "nuc", "2", "-2", "1", "inf", "max", "entrywise:3", "schatten:3", "kyfan:2"}) {
    f.add(std::string("norm_vjp ") + ord, [=](Context& context) {
      std::vector<float> grad(300);
      const auto value = grad::norm_vjp<float>(w, norms::parse_norm(ord), solver, std::span<float>(grad), context);
      return Values(Result(value.kind == grad::GradientKind::unique ? 1.0 : 0.0, grad));
    });
  }
}

}  // namespace sigmax
