#include "environment/entry_functions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/nuclear_norm.hpp"
#include "sigmax/bounds/pseudo_inverse.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/digits.hpp"
#include "sigmax/sensitivity/estimate.hpp"
#include "sigmax/sensitivity/nearest_singular.hpp"

namespace sigmax {
namespace {

void add(Values& values, const sensitivity::Condition& c) {
  const Values more = Result(c.number, c.norm, c.inverse, c.distance, c.value);
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

void add_conditions(Functions& f) {
  const std::vector<norms::Norm> norms{norms::ColumnSum{}, norms::Spectral{}, norms::RowSum{}, norms::Frobenius{}};
  const sensitivity::ConditionOptions options{repeatable<CertifyOptions>(), true};
  for (const auto& [type, scale] : {std::pair{DType::f64, 0x1p-1023}, {DType::f32, 0x1p-127}, {DType::f64, 1.0}}) {
    Values entries = gallery::normal(18 * 18, 7);
    for (double& value : entries) value *= scale;
    const Tensor square = Tensor::rounded(entries, {18, 18}, type);
    const Tensor tall = Tensor::rounded(entries, {36, 9}, type);
    f.add("condition", [=](Context& context) {
      Values values;
      for (const norms::Norm& which : norms) {
        add(values, sensitivity::condition(square, which, options, context));
        add(values, sensitivity::condition(tall, which, options, context));
        values.push_back(sensitivity::nearest_singular(square, which, options, context).size);
      }
      add(values, sensitivity::condition(*dense<double>(tall), options, context));
      add(values,
          sensitivity::condition(*(dense<double>(tall) + dense<double>(tall)), norms::RowSum{}, options, context));
      add(values, sensitivity::condition(square, 1, 2, options, context));
      values.push_back(sensitivity::nearest_singular(square, 1, 2, options, context).size);
      values.push_back(sensitivity::nearest_singular(*dense<double>(tall), norms::Spectral{}, options, context).size);
      return values;
    });
    f.add("estimate_condition", [=](Context& context) {
      sensitivity::EstimateOptions estimate;
      estimate.random = random_state(3);
      estimate.condition = options;
      const auto of = [&](const norms::Norm& which, const sensitivity::Estimator& how) {
        return sensitivity::estimate_condition(square, which, how, estimate, context).number.value();
      };
      return Values(Result(
          of(norms::ColumnSum{}, sensitivity::HagerHigham{}), of(norms::RowSum{}, sensitivity::BlockHagerHigham{}),
          of(norms::Spectral{}, sensitivity::RandomizedInverse{}),
          sensitivity::estimate_condition(*(dense<double>(square) + dense<double>(square)), norms::RowSum{},
                                          sensitivity::HagerHigham{}, estimate, context)
              .number.value()));
    });
    f.add("enclose_nuclear_norm", [=](Context& context) {
      ScannedMatrix scanned(stored_view(square), context);
      return Values(Result(*bounds::enclose_nuclear_norm(scanned, options.certify, context)));
    });
    f.add("enclose_pseudo_inverse and its arithmetic", [=](Context& context) {
      ScannedMatrix scanned(stored_view(square), context);
      const bounds::PseudoInverse p =
          bounds::enclose_pseudo_inverse(scanned, {.two = true, .entries = true}, options.certify, context);
      const Values y = vector_of<double>(18);
      const sensitivity::Digits digits = sensitivity::digits_kept(p.two, DType::f64);
      return Values(Result(p.sigma_min, p.one, p.inf, p.frobenius, p.inverse, p.residual,
                           bounds::inverse_lower_bound(scanned, y, 2, context), bounds::inverse_norm(p, p.one),
                           bounds::reciprocal(p.two), bounds::condition(p.two, p.one), bounds::scaled(p.two, -1060),
                           bounds::tighter(p.two, p.two), bounds::at_least(p.two), digits.least, digits.most));
    });
  }
}

}  // namespace sigmax
