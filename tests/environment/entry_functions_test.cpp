#include <algorithm>
#include <cmath>
#include <span>

#include "environment/entry_functions.hpp"
#include "gallery/spectra.hpp"
#include "grad/problems.hpp"
#include "nn/samples.hpp"
#include "repeatable.hpp"
#include "sigmax/audit/audit.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/batched.hpp"
#include "sigmax/grad/check_norm.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/grad/svd_vjp_vjp.hpp"
#include "sigmax/kernels/absolute.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/entrywise.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/kernels/outer.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/unfolded.hpp"
#include "sigmax/nn/normalize_layers.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/nn/regularize.hpp"
#include "sigmax/nn/singular_state.hpp"
#include "sigmax/nn/water_level.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/svd/batched.hpp"
#include "sigmax/svd/power.hpp"
#include "sigmax/svd/spectrum.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

using Values = std::vector<double>;

// Collects what a function gives.
class Result {
 public:
  template <class... All>
  explicit Result(const All&... all) {
    const FloatingEnvironment environment;  // these conversions are not what is tested
    (add(all), ...);
  }
  operator Values() && { return std::move(values_); }

  void add(double value) { values_.push_back(value); }
  void add(const Values& all) { values_.insert(values_.end(), all.begin(), all.end()); }
  void add(const std::vector<float>& all) { values_.insert(values_.end(), all.begin(), all.end()); }
  template <Real T>
  void add(const Matrix<T>& x) {
    values_.insert(values_.end(), x.values().begin(), x.values().end());
  }
  template <Real T>
  void add(const OuterSum<T>& sum) {
    add(sum.weights);
    add(sum.u);
    add(sum.v);
  }
  void add(const Enclosure& e) {
    add(e.lower.value());
    add(e.upper ? e.upper->value() : -1);
  }
  void add(const bounds::Measured& m) {
    add(m.sigma_max);
    add(m.estimate);
  }
  template <Real T>
  void add(const SvdResult<T>& r) {
    add(r.sigma);
    add(r.u);
    add(r.v);
    add(r.residual);
  }

 private:
  Values values_;
};

// Of each storage type, with entries that are subnormal in it; one on each side of the size at which loops are cut.
struct Stored {
  std::string what;
  Tensor tensor;
  Shape shape;
};
std::vector<Stored> matrices() {
  std::vector<Stored> result;
  const auto make = [&](DType type, std::int64_t rows, std::int64_t columns, double scale) {
    Values values = gallery::normal(rows * columns, 11);
    for (double& value : values) value *= scale;
    result.push_back({std::string(name(type)) + (rows > 100 ? " large" : " small"),
                      Tensor::rounded(values, {rows, columns}, type),
                      {rows, columns}});
  };
  for (const auto& [type, least] :
       {std::pair{DType::f16, 0x1p-14}, {DType::bf16, 0x1p-126}, {DType::f32, 0x1p-126}, {DType::f64, 0x1p-1022}}) {
    make(type, 20, 12, least / 4);
    make(type, 20, 12, 1);
  }
  make(DType::f16, 700, 400, 0x1p-15);
  make(DType::f32, 400, 700, 1);
  make(DType::f64, 700, 400, 0x1p-1023);
  return result;
}

class Functions {
 public:
  void add(std::string name, std::function<Values(Context&)> call) {
    all.push_back({std::move(name), std::move(call)});
  }
  std::vector<EntryFunction> all;
};

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
std::vector<T> vector_of(std::int64_t n) {
  const Values values = gallery::normal(n, 5);
  return {values.begin(), values.end()};
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
  const kernels::StoredMatrix matrix = stored_view(s.tensor).matrix;
  f.add("spectrum " + s.what, [=, keep = s.tensor](Context& context) {
    const kernels::Scan facts = kernels::scan(matrix, context);
    const bounds::InRange range = bounds::in_range(matrix, facts, context);
    const GramMatrix g = gram_matrix(range.matrix, bounds::gram_scale(range.facts), context);
    return spectrum(range.matrix, g, context).values;
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
      f.add("certify_values " + s.what, [=](Context& c) {
        return Values(Result(certify_values(*op, hint, Which::largest, how, c).sigma.front()));
      });
      f.add("certified_svd " + s.what, [=](Context& c) {
        const CertifiedSvd<double> found = certified_svd(*op, options, how, c);
        return Values(Result(found.triplets, found.sigma.front()));
      });
    }
  }
  const kernels::StoredMatrix matrix = stored_view(s.tensor).matrix;
  f.add("prove, estimate " + s.what, [=, keep = s.tensor](Context& c) {
    const kernels::Scan facts = kernels::scan(matrix, c);
    const bounds::InRange range = bounds::in_range(matrix, facts, c);
    GramMatrix g = gram_matrix(range.matrix, bounds::gram_scale(range.facts), c);
    return Values(Result(bounds::prove(range.matrix, range.facts, g, c),
                         bounds::estimate(range.matrix, range.facts, 1e-6, options, c)));
  });
  for (const char* ord : {"fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf", "entrywise:3", "schatten:3", "kyfan:2"}) {
    // The norm draws the start of its own solver: of the spectral norm the proven ends repeat.
    f.add(std::string("norm ") + ord + " " + s.what, [=, keep = s.tensor](Context& c) {
      const norms::NormResult r = norms::norm(keep, norms::parse_norm(ord), c);
      return std::string(ord) == "2" ? Values{std::isfinite(r.enclosure->upper->value()) ? 1.0 : 0.0} : Values{r.value};
    });
  }
}

void add_batches(Functions& f) {
  const Tensor batch = Tensor::rounded(gallery::normal(6 * 20 * 9, 3), {6, 20, 9}, DType::f32);
  for (const bool vectors : {false, true}) {
    for (const std::int64_t k : {1, 0}) {
      auto options = repeatable<BatchOptions>();
      options.vectors = vectors;
      options.k = k;
      f.add("batched_svd", [=](Context& context) { return batched_svd(batch, options, context).sigma; });
    }
  }
  f.add("batched_power_iteration", [=](Context& context) {
    Matrix<float> u(20, 6), v(9, 6);
    std::ranges::fill(v.values(), 0.3F);
    std::vector<float> sigma(6);
    batched_power_iteration<float>(batch, u.view(), v.view(), sigma, {.steps = 2}, context);
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

void add_norms(Functions& f) {
  const Values sigma{3, 2.5, 1.0 / 3, 1e-310};
  f.add("norms of singular values", [=](Context&) {
    return Values{norms::schatten(sigma, 3),
                  norms::nuclear(sigma),
                  norms::ky_fan(sigma, 2),
                  norms::effective_rank(sigma),
                  static_cast<double>(norms::numerical_rank(sigma, 1e-320)),
                  static_cast<double>(norms::energy_rank(sigma, 0.9))};
  });
  f.add("water_level", [=](Context&) { return Values{nn::water_level(sigma, 2.0 / 3, 1.7).value_or(-1)}; });
}

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
        nn::normalize_vjp<T>(weight.weight(), u, v, layer.f, out.weight(), grad.output(), true, context);
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

void add_regularizers(Functions& f) {
  const Tensor w = Tensor::rounded(gallery::normal(20 * 15, 4), {20, 15}, DType::f32);
  auto options = repeatable<nn::ProximalOptions>();
  auto solver = repeatable<grad::NormVjpOptions>();
  const std::vector<nn::ProximalPenalty> maps{nn::penalty::SquaredFrobenius{}, nn::penalty::Frobenius{},
                                              nn::penalty::Nuclear{}, nn::penalty::Spectral{}, nn::penalty::KyFan{2}};
  for (const nn::ProximalPenalty& penalty : maps) {
    f.add("proximal", [=](Context& context) {
      std::vector<float> out(300);
      static_cast<void>(nn::proximal<float>(w, penalty, 0.7, out, options, context));
      return Values(Result(out));
    });
  }
  f.add("project", [=](Context& context) {
    std::vector<float> one(300), other(300);
    static_cast<void>(nn::project<float>(w, nn::ball::Spectral{1}, one, options, context));
    static_cast<void>(nn::project<float>(w, nn::ball::Nuclear{1}, other, options, context));
    return Values(Result(one, other));
  });
  const std::vector<nn::Penalty> penalties{nn::penalty::SquaredFrobenius{}, nn::penalty::Spectral{},
                                           nn::penalty::Orthogonality{}, nn::penalty::SpectralOrthogonality{}};
  for (const nn::Penalty& penalty : penalties) {
    f.add("regularize", [=](Context& context) {
      std::vector<float> grad(300);
      const auto value = nn::regularize<float>(w, penalty, std::span<float>(grad), solver, context);
      return Values(Result(value.value, grad));
    });
  }
  for (const char* ord : {"fro", "nuc", "2", "-2", "1", "inf", "max", "entrywise:3", "schatten:3", "kyfan:2"}) {
    f.add(std::string("norm_vjp ") + ord, [=](Context& context) {
      std::vector<float> grad(300);
      const auto value = grad::norm_vjp<float>(w, norms::parse_norm(ord), std::span<float>(grad), solver, context);
      return Values(Result(value.kind == grad::GradientKind::unique ? 1.0 : 0.0, grad));
    });
  }
}

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
    options.certify.seed = Seed{1, 0, true};
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
}

}  // namespace

std::vector<EntryFunction> entry_functions() {
  Functions f;
  add_core(f);
  for (const Stored& s : matrices()) {
    add_products<double>(f, s);
    if (s.tensor.dtype() != DType::f64) add_products<float>(f, s);
    add_kernels(f, s);
    add_svd(f, s, s.shape.rows <= 100);
    add_bounds(f, s);
  }
  add_batches(f);
  add_norms(f);
  add_nn<float>(f, DType::f32, 1);
  add_nn<float>(f, DType::f16, 0x1p-13);
  add_nn<double>(f, DType::f64, 1);
  add_regularizers(f);
  add_gradients(f);
  add_audit(f);
  return std::move(f.all);
}

}  // namespace sigmax
