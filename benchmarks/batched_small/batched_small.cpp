// How long does sigma_max of each of a thousand small fp32 matrices take, to 1e-6, against LAPACK and Eigen?
//
// The peers are called in a loop, as their users do, with their work space allocated once; and once more with the
// matrices spread over the same number of threads as sigmax has, which is the best possible use of them. Errors are the
// largest over the matrices, each relative to its own sigma_max in double.
#include "sigmax/svd/batched/batched.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/peers.hpp"

namespace sigmax::benchmark {
namespace {

struct Batch {
  std::string name;
  std::vector<Tensor> matrices;
  Tensor strided;  // all of them in one tensor; of rank 0 if their shapes differ
};

const float* entries(const Tensor& a) { return reinterpret_cast<const float*>(a.data()); }

Batch equal_shapes(const std::string& name, const Tensor& batch) {
  Batch result{name, {}, batch};
  for (std::int64_t i = 0; i < batch.shape()[0]; ++i) result.matrices.push_back(batch.slice(i));
  return result;
}

Batch gaussian_batch(std::int64_t count, std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  const FloatMatrix a = gaussian(count * rows, columns, seed);
  return equal_shapes(fmt::format("{} of {}x{}", count, rows, columns),
                      Tensor::copy_of(std::span<const float>(a.values), {count, rows, columns}));
}

// Sides between 8 and 128.
Batch ragged_batch(std::size_t count, std::uint64_t seed) {
  std::vector<double> sides(2 * count);
  static_cast<void>(fill_uniform(random_state(seed, 1), sides));
  Batch result{fmt::format("{} of mixed shapes", count), {}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const auto side = [&](std::size_t j) { return 8 + static_cast<std::int64_t>(121 * sides[j]); };
    result.matrices.push_back(gaussian(side(2 * i), side(2 * i + 1), seed + i).tensor());
  }
  return result;
}

// LAPACK's divide and conquer, values only; its work space is kept from call to call.
template <class Real>
class Lapack {
 public:
  Real largest(const Tensor& a) {
    const int m = static_cast<int>(a.shape()[1]);  // the row-major matrix is the column-major transpose
    const int n = static_cast<int>(a.shape()[0]);
    const std::size_t least = static_cast<std::size_t>(std::min(m, n)), most = static_cast<std::size_t>(std::max(m, n));
    copy_.assign(entries(a), entries(a) + a.size());
    sigma_.resize(least);
    integers_.resize(8 * least);
    work_.resize(std::max(work_.size(), 8 * least + 4 * least * least + most + 64 * (least + most)));
    const int one = 1;
    const int size = static_cast<int>(work_.size());
    int info = 0;
    if constexpr (sizeof(Real) == sizeof(float)) {
      sgesdd_("N", &m, &n, copy_.data(), &m, sigma_.data(), nullptr, &one, nullptr, &one, work_.data(), &size,
              integers_.data(), &info);
    } else {
      dgesdd_("N", &m, &n, copy_.data(), &m, sigma_.data(), nullptr, &one, nullptr, &one, work_.data(), &size,
              integers_.data(), &info);
    }
    return sigma_[0];
  }

 private:
  std::vector<Real> copy_, sigma_, work_;
  std::vector<int> integers_;
};

class EigenBdc {
 public:
  float largest(const Tensor& a) {
    const Eigen::Map<const peers::RowMajor> matrix(entries(a), a.shape()[0], a.shape()[1]);
    solver_.compute(matrix, 0);
    return solver_.singularValues()[0];
  }

 private:
  Eigen::BDCSVD<Eigen::MatrixXf> solver_;
};

using Values = std::vector<double>;

template <class Solver>
Values in_a_loop(const Batch& batch) {
  Solver solver;
  Values sigma;
  for (const Tensor& a : batch.matrices) sigma.push_back(static_cast<double>(solver.largest(a)));
  return sigma;
}

template <class Solver>
Values on_threads(const Batch& batch, Context& context) {
  constexpr std::size_t kEach = 16;
  Values sigma(batch.matrices.size());
  context.parallel_for((sigma.size() + kEach - 1) / kEach, [&](std::size_t p) {
    Solver solver;
    for (std::size_t i = p * kEach; i < std::min((p + 1) * kEach, sigma.size()); ++i) {
      sigma[i] = static_cast<double>(solver.largest(batch.matrices[i]));
    }
  });
  return sigma;
}

double largest_error(const Values& values, const Values& reference) {
  double error = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    error = std::fmax(error, std::fabs(values[i] - reference[i]) / reference[i]);
  }
  return error;
}

class Question {
 public:
  Question(const Options& options, Context& context) : options_(options), context_(context) {}

  void ask(const Batch& batch) {
    const Values reference = on_threads<Lapack<double>>(batch, context_);
    const auto sigmax_to = [&](double tolerance) {
      const BatchOptions wanted{.tolerance = tolerance};
      return batch.strided.rank() == 3 ? batched_svd(batch.strided, wanted, context_).sigma
                                       : batched_svd(batch.matrices, wanted, context_).sigma;
    };
    const std::vector<std::pair<std::string, std::function<Values()>>> ways = {
        {"sigmax, to 1e-6", [&] { return sigmax_to(1e-6); }},
        {"sigmax, to 1e-13", [&] { return sigmax_to(1e-13); }},
        {"LAPACK sgesdd, a loop", [&] { return in_a_loop<Lapack<float>>(batch); }},
        {"LAPACK sgesdd, on the threads", [&] { return on_threads<Lapack<float>>(batch, context_); }},
        {"Eigen BDCSVD, a loop", [&] { return in_a_loop<EigenBdc>(batch); }},
        {"Eigen BDCSVD, on the threads", [&] { return on_threads<EigenBdc>(batch, context_); }},
    };
    std::vector<Candidate> candidates;
    std::vector<double> errors(ways.size());
    for (std::size_t w = 0; w < ways.size(); ++w) {
      candidates.push_back({ways[w].first, [&, w] { errors[w] = largest_error(ways[w].second(), reference); }});
    }
    const std::vector<Timing> timings = take_turns(candidates, {.rounds = options_.quick ? 3 : 7});
    const auto count = static_cast<double>(batch.matrices.size());
    nlohmann::json figures = nlohmann::json::array();
    table_.add_line(batch.name);
    for (std::size_t w = 0; w < ways.size(); ++w) {
      table_.add({"  " + timings[w].name, time_text(timings[w].median()), time_text(timings[w].median() / count),
                  w == 0 ? "" : fmt::format("{:.1f}x", paired_ratio(timings[w], timings[0])),
                  fmt::format("{:.1e}", errors[w])});
      figures.push_back({{"name", timings[w].name}, {"seconds", timings[w].seconds}, {"error", errors[w]}});
    }
    cases_.push_back({{"case", batch.name}, {"candidates", figures}, {"wanted", 1e-6}});
  }

  void finish() {
    table_.print();
    write_json(options_, {{"question", "batched_small"},
                          {"seed", options_.seed},
                          {"machine", describe_machine(context_)},
                          {"cases", cases_}});
  }

 private:
  const Options& options_;
  Context& context_;
  Table table_{{"sigma_max of each", "median", "a matrix", "of sigmax", "error"}};
  nlohmann::json cases_ = nlohmann::json::array();
};

Batch read_batch(const std::string& path) {
  const Tensor tensor = io::open_checkpoint(path).entries.front().load();
  if (tensor.rank() != 3 || tensor.dtype() != DType::f32) {
    fmt::print(stderr, "{}: want a float32 array [batch, rows, columns]\n", path);
    std::exit(1);
  }
  const Tensor batch = tensor.compact();
  return equal_shapes(fmt::format("{} of {}x{}", batch.shape()[0], batch.shape()[1], batch.shape()[2]), batch);
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  openblas_set_num_threads(1);  // a matrix this small is not enough work for two
  sigmax::Context context(options.threads);
  Question question(options, context);
  if (!options.data.empty()) {
    question.ask(read_batch(options.data));
  } else {
    const std::int64_t part = options.quick ? 10 : 1;
    std::uint64_t seed = options.seed;
    question.ask(gaussian_batch(4000 / part, 8, 8, seed++));
    question.ask(gaussian_batch(2000 / part, 16, 16, seed++));
    question.ask(gaussian_batch(1000 / part, 32, 32, seed++));
    question.ask(gaussian_batch(1000 / part, 64, 64, seed++));
    question.ask(gaussian_batch(300 / part, 128, 128, seed++));
    question.ask(gaussian_batch(500 / part, 256, 64, seed++));
    question.ask(gaussian_batch(500 / part, 64, 256, seed++));
    question.ask(ragged_batch(static_cast<std::size_t>(500 / part), seed++));
  }
  question.finish();
}
