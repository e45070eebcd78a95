// Every public function that computes, each with its results on matrices with subnormal entries and long sums.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/bounds/measured.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

struct EntryFunction {
  std::string name;
  /// The arguments are made before the calls. The results are compared bit for bit.
  std::function<std::vector<double>(Context&)> call;
};

std::vector<EntryFunction> entry_functions();

// The files of this folder add entry functions with these; each file covers some modules.

using Values = std::vector<double>;

// Collects the results of a function.
class Result {
 public:
  template <class... All>
  explicit Result(const All&... all) {
    const FloatingEnvironment environment;  // these conversions are not under test
    (add(all), ...);
  }
  operator Values() && { return std::move(values_); }

  void add(double value) { values_.push_back(value); }
  void add(const Values& all) {
    for (const double value : all) add(value);
  }
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

// Matrices of each storage type, with entries that are subnormal in it; one on each side of the size at which loops are
// cut.
struct Stored {
  std::string what;
  Tensor tensor;
  Shape shape;
};
inline std::vector<Stored> matrices() {
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

template <Real T>
std::vector<T> vector_of(std::int64_t n) {
  const Values values = gallery::normal(n, 5);
  return {values.begin(), values.end()};
}

void add_svd(Functions& f, const Stored& s, bool every_method);
void add_bounds(Functions& f, const Stored& s);
void add_batches(Functions& f);
void add_norms(Functions& f);
void add_recovery(Functions& f);
void add_layers(Functions& f);
void add_regularizers(Functions& f);
void add_gradients(Functions& f);
void add_conditions(Functions& f);
void add_lipschitz(Functions& f);
void add_sensitivity(Functions& f);
void add_convolution_norms(Functions& f);
void add_audit(Functions& f);
void add_scalar_functions(Functions& f);
void add_graphs(Functions& f);

}  // namespace sigmax
