// How fast does each method approach sigma_1, read by read? Only errors, no times: the figures behind the picture in
// docs/solvers.md.
//
//     bench_convergence [--data FILE[:TENSOR]] [--json OUT] [--quick] [--threads N] [--seed N]
//
// Without --data it uses matrices with generated spectra. Everything is computed in double from the stored values.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/common/table.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

struct Subject {
  std::string name;
  Tensor matrix;
};

// diag(sigma) between products of three random reflections: every method here sees only the spectrum, since it starts
// from a random vector.
Tensor with_spectrum(std::int64_t rows, std::int64_t columns, const std::vector<double>& sigma, RandomState& random) {
  std::vector<double> a(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < sigma.size(); ++i) a[i * static_cast<std::size_t>(columns) + i] = sigma[i];
  const auto unit = [&random](std::int64_t length) {
    std::vector<double> w(static_cast<std::size_t>(length));
    random = fill_normal(random, w);
    double square = 0;
    for (const double value : w) square += value * value;
    for (double& value : w) value /= std::sqrt(square);
    return w;
  };
  const auto n = static_cast<std::size_t>(columns);
  for (int reflection = 0; reflection < 3; ++reflection) {
    const std::vector<double> left = unit(rows);
    const std::vector<double> right = unit(columns);
    std::vector<double> across(n);
    for (std::size_t i = 0; i < left.size(); ++i) {
      for (std::size_t j = 0; j < n; ++j) across[j] += left[i] * a[i * n + j];
    }
    for (std::size_t i = 0; i < left.size(); ++i) {
      double along = 0;
      for (std::size_t j = 0; j < n; ++j) {
        a[i * n + j] -= 2 * left[i] * across[j];
        along += a[i * n + j] * right[j];
      }
      for (std::size_t j = 0; j < n; ++j) a[i * n + j] -= 2 * along * right[j];
    }
  }
  return Tensor::copy_of(std::span<const double>(a), {rows, columns});
}

std::vector<Subject> generated(const Options& options) {
  const std::int64_t rows = options.quick ? 512 : 2048;
  const std::int64_t columns = rows / 2;
  RandomState random = random_state(options.seed);
  std::vector<double> entries(static_cast<std::size_t>(rows * columns));
  random = fill_normal(random, entries);
  // Singular values of a Gaussian matrix lie evenly enough between these ends (Marchenko and Pastur).
  const double top = std::sqrt(static_cast<double>(rows)) + std::sqrt(static_cast<double>(columns));
  const double bottom = std::sqrt(static_cast<double>(rows)) - std::sqrt(static_cast<double>(columns));
  std::vector<double> outlier{top / 0.61};
  std::vector<double> power_law{1.0};
  for (std::int64_t i = 1; i < columns; ++i) {
    const double share = static_cast<double>(i - 1) / static_cast<double>(columns - 1);
    outlier.push_back(top - (top - bottom) * std::pow(share, 2.0 / 3.0));
    power_law.push_back(1 / std::sqrt(static_cast<double>(i + 1)));
  }
  return {{"Gaussian", Tensor::copy_of(std::span<const double>(entries), {rows, columns})},
          {"bulk and outlier, 0.61", with_spectrum(rows, columns, outlier, random)},
          {"power law, i^-1/2", with_spectrum(rows, columns, power_law, random)}};
}

// FILE, or FILE:TENSOR; further dimensions are merged.
Subject read_subject(const std::string& what) {
  const std::size_t colon = what.rfind(':');
  const std::string path = what.substr(0, colon);
  const std::string wanted = colon == std::string::npos ? "" : what.substr(colon + 1);
  const io::Checkpoint file = io::open_checkpoint(path);
  for (const io::Entry& entry : file.entries) {
    if ((!wanted.empty() && entry.name != wanted) || entry.shape.size() < 2 || !entry.load) continue;
    const Tensor all = entry.load().compact();
    const std::int64_t rows = all.shape().front();
    return {entry.name.empty() ? path : entry.name,
            Tensor(all.dtype(), {rows, all.size() / rows}, all.data(), all.owner())};
  }
  throw Error(fmt::format("{}: no matrix {}", path, wanted.empty() ? "in it" : "named " + wanted));
}

// A method with the products that `reads` reads of A allow it.
struct Contestant {
  std::string name;
  std::int64_t columns;  // that a read multiplies
  Method (*method)(std::int64_t reads);
};

const std::vector<Contestant>& contestants() {
  static const std::vector<Contestant> all = {
      {"power", 1, [](std::int64_t reads) -> Method { return PowerIteration{.steps = reads}; }},
      {"lanczos", 1, [](std::int64_t) -> Method { return Lanczos{.form = Lanczos::Form::gram}; }},
      {"block-krylov 4", 4, [](std::int64_t) -> Method { return BlockKrylov{.block = 4}; }},
      {"block-krylov 8", 8, [](std::int64_t) -> Method { return BlockKrylov{.block = 8}; }},
      {"randomized 8", 8,
       [](std::int64_t reads) -> Method { return Randomized{.oversampling = 7, .power_steps = reads - 1}; }},
  };
  return all;
}

struct Point {
  std::int64_t reads;
  std::int64_t products;
  double sigma;
};

// Each point is a separate run from the same random numbers, stopped after that number of reads.
std::vector<Point> curve(const LinearOperator<double>& a, const Contestant& contestant, const Options& options,
                         double close, Context& context) {
  std::vector<Point> points;
  const std::int64_t most = options.quick ? 60 : 400;
  for (std::int64_t reads = 1; reads <= most; reads += std::max<std::int64_t>(1, reads / 20)) {
    SvdOptions<double> svd_options;
    svd_options.tolerance = 1e-16;
    svd_options.max_products = reads * contestant.columns;
    svd_options.method = contestant.method(reads);
    svd_options.check = Check::none;
    svd_options.random = random_state(options.seed, 1);
    const SvdResult<double> result = svd(a, svd_options, context);
    points.push_back({result.statistics.reads, result.statistics.products, result.sigma.front()});
    if (result.sigma.front() >= close || result.outcome == SvdOutcome::converged) break;
  }
  return points;
}

// The first read with an error of at most `wanted`, for the table.
std::string reads_to(const std::vector<Point>& points, double truth, double wanted) {
  for (const Point& point : points) {
    if (point.sigma >= truth * (1 - wanted)) return fmt::format("{}", point.reads);
  }
  return fmt::format("> {}", points.back().reads);
}

nlohmann::json run(const Subject& subject, const Options& options, Table& table, Context& context) {
  const Operator<double> a = dense<double>(subject.matrix);
  SvdOptions<double> exact;
  exact.tolerance = 1e-15;
  exact.accuracy = Accuracy::vectors;
  exact.method = BlockKrylov{.block = 8};
  exact.check = Check::none;
  exact.random = random_state(options.seed, 2);
  double truth = svd(*a, exact, context).sigma.front();

  std::vector<std::vector<Point>> curves;
  for (const Contestant& contestant : contestants()) {
    curves.push_back(curve(*a, contestant, options, truth * (1 - 1e-15), context));
    for (const Point& point : curves.back()) truth = std::max(truth, point.sigma);
  }
  nlohmann::json methods = nlohmann::json::array();
  table.add_line(fmt::format("{}, {}x{}", subject.name, a->shape().rows, a->shape().columns));
  for (std::size_t i = 0; i < curves.size(); ++i) {
    nlohmann::json points = nlohmann::json::array();
    for (const Point& point : curves[i]) {
      points.push_back({{"reads", point.reads}, {"products", point.products}, {"error", 1 - point.sigma / truth}});
    }
    methods.push_back({{"method", contestants()[i].name}, {"points", std::move(points)}});
    table.add({"  " + contestants()[i].name, reads_to(curves[i], truth, 1e-3), reads_to(curves[i], truth, 1e-6),
               reads_to(curves[i], truth, 1e-10), reads_to(curves[i], truth, 1e-12)});
  }
  return {{"name", subject.name},
          {"rows", a->shape().rows},
          {"columns", a->shape().columns},
          {"dtype", std::string(name(subject.matrix.dtype()))},
          {"sigma_1", truth},
          {"methods", std::move(methods)}};
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax;
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  try {
    Context context(options.threads);
    Table table({"reads of A to a relative error of sigma_1 of", "1e-3", "1e-6", "1e-10", "1e-12"});
    nlohmann::json cases = nlohmann::json::array();
    const std::vector<Subject> subjects =
        options.data.empty() ? generated(options) : std::vector<Subject>{read_subject(options.data)};
    for (const Subject& subject : subjects) cases.push_back(run(subject, options, table, context));
    table.print();
    write_json(options, {{"question", "convergence"}, {"seed", options.seed}, {"cases", std::move(cases)}});
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
