#include "sigmax/audit/audit.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "audit/audit_samples.hpp"
#include "gallery/reference_svd.hpp"
#include "sigmax/audit/measure.hpp"
#include "sigmax/core/error.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax::audit {
namespace {

// Every figure from its definition, in extended precision.
void expect_figures(const Figures& f, const std::vector<double>& values, std::size_t rows, std::size_t columns,
                    const std::string& what) {
  const auto sigma = gallery::reference_singular_values(values, rows, columns);
  const auto m = static_cast<std::int64_t>(rows), n = static_cast<std::int64_t>(columns);
  const auto near = [&](double got, long double want, double relative, const char* figure) {
    const double allowed = relative * static_cast<double>(std::fabs(want));
    EXPECT_NEAR(got, static_cast<double>(want), allowed) << what << " " << figure;
  };
  const auto of_sums = static_cast<double>(tolerance::gamma(m * n));
  const double of_largest = tolerance::of_gram_proof(m, n);  // the estimate lies inside the enclosure
  const auto largest_sigma = static_cast<double>(sigma[0]);
  const auto of_least = tolerance::of_gram_root(m, n, largest_sigma, static_cast<double>(sigma.back()));
  EXPECT_LE(f.sigma_max.lower.value(), sigma[0]) << what;
  ASSERT_TRUE(f.sigma_max.upper.has_value()) << what;
  EXPECT_GE(f.sigma_max.upper->value(), sigma[0]) << what;
  near(f.sigma_max_estimate, sigma[0], of_largest, "sigma_max_estimate");
  long double squares = 0, total = 0, entropy = 0, largest = 0;
  for (const double value : values) {
    squares += static_cast<long double>(value) * value;
    largest = std::max<long double>(largest, std::fabs(value));
  }
  long double norm_1 = 0, norm_inf = 0;
  for (std::size_t j = 0; j < columns; ++j) {
    long double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) sum += std::fabs(values[i * columns + j]);
    norm_1 = std::max(norm_1, sum);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    long double sum = 0;
    for (std::size_t j = 0; j < columns; ++j) sum += std::fabs(values[i * columns + j]);
    norm_inf = std::max(norm_inf, sum);
  }
  for (const long double s : sigma) total += s;
  for (const long double s : sigma) {
    if (s > 0) entropy -= s / total * std::log(s / total);
  }
  near(f.frobenius, std::sqrt(squares), of_sums, "frobenius");
  near(f.max_abs, largest, 0, "max_abs");
  near(f.norm_1, norm_1, of_sums, "norm_1");
  near(f.norm_inf, norm_inf, of_sums, "norm_inf");
  near(f.stable_rank, squares / (sigma[0] * sigma[0]), 2 * (of_largest + of_sums), "stable_rank");
  ASSERT_TRUE(f.spectrum.has_value());
  EXPECT_NEAR(f.spectrum->sigma_min, static_cast<double>(sigma.back()), of_least) << what;
  near(f.spectrum->nuclear, total, tolerance::kSpectrumSum, "nuclear");
  near(f.spectrum->effective_rank, std::exp(entropy), std::expm1(tolerance::of_entropy(std::min(m, n))),
       "effective_rank");
  if (f.spectrum->condition) {
    near(*f.spectrum->condition, sigma[0] / sigma.back(), of_largest + of_least / static_cast<double>(sigma.back()),
         "condition");
  }
  long double kept = 0;
  std::int64_t rank_90 = 0;
  while (kept < 0.9L * squares)
    kept += sigma[static_cast<std::size_t>(rank_90)] * sigma[static_cast<std::size_t>(rank_90)], ++rank_90;
  EXPECT_EQ(f.spectrum->rank_90.rank, rank_90) << what;
  EXPECT_EQ(f.spectrum->rank_90.saves_parameters,
            rank_90 * static_cast<std::int64_t>(rows + columns) < static_cast<std::int64_t>(rows * columns));
}

TEST(Audit, EveryFigureAgreesWithItsDefinition) {
  for (const auto& [rows, columns] : {std::pair{12, 30}, {30, 12}, {16, 16}, {1, 9}, {9, 1}, {1, 1}, {40, 41}}) {
    for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
      const io::Entry e = random_entry("w", {rows, columns}, static_cast<unsigned>(rows * 100 + columns), dtype);
      const Tensor tensor = e.load();
      std::vector<double> values;
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) values.push_back(tensor.at(std::vector<std::int64_t>{i, j}));
      }
      const Result result = run(checkpoint({e}));
      ASSERT_EQ(result.tensors.size(), 1U);
      expect_figures(*result.tensors[0].figures, values, static_cast<std::size_t>(rows),
                     static_cast<std::size_t>(columns), fmt::format("{}x{} {}", rows, columns, sigmax::name(dtype)));
    }
  }
}

TEST(Audit, AStackIsMeasuredAsTheBlockDiagonalOfItsMembers) {
  const io::Entry e = random_entry("experts.w", {3, 5, 7}, 4);
  const Tensor tensor = e.load();
  std::vector<double> block_diagonal(15 * 21, 0.0);
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < 7; ++j) {
        block_diagonal[static_cast<std::size_t>((b * 5 + i) * 21 + b * 7 + j)] =
            tensor.at(std::vector<std::int64_t>{b, i, j});
      }
    }
  }
  const Result result = run(checkpoint({e}));
  const TensorResult& whole = result.tensors[0];
  EXPECT_EQ(whole.batch, 3);
  EXPECT_EQ(whole.parts.size(), 3U);
  const auto sigma = gallery::reference_singular_values(block_diagonal, 15, 21);
  EXPECT_LE(whole.figures->sigma_max.lower.value(), sigma[0]);
  EXPECT_GE(whole.figures->sigma_max.upper->value(), sigma[0]);
  EXPECT_NEAR(whole.figures->spectrum->sigma_min, static_cast<double>(sigma.back()),
              tolerance::of_gram_root(5, 7, static_cast<double>(sigma[0]), static_cast<double>(sigma.back())));
  long double total = 0;
  for (const long double s : sigma) total += s;
  EXPECT_NEAR(whole.figures->spectrum->nuclear, static_cast<double>(total),
              tolerance::kSpectrumSum * static_cast<double>(total));
}

// The largest singular value of each block of a kernel, from the definition of its layout.
double largest_of_blocks(const Tensor& kernel, std::int64_t blocks, std::int64_t rows, std::int64_t columns,
                         const std::function<Dimensions(std::int64_t, std::int64_t, std::int64_t)>& index) {
  long double largest = 0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) values.push_back(kernel.at(index(b, i, j)));
    }
    const auto sigma =
        gallery::reference_singular_values(values, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
    largest = std::max(largest, sigma[0]);
  }
  return static_cast<double>(largest);
}

io::Usage used_as(const std::string& op, std::int64_t groups) {
  io::Usage use;
  use.op = op;
  use.input = 1;
  use.groups = groups;
  return use;
}

TEST(Audit, TheRowsOfEveryLayoutAreOutputs) {
  io::Entry transposed = random_entry("up.weight", {6, 4, 3, 2}, 1);
  transposed.used_by = {used_as("ConvTranspose", 2)};
  io::Entry grouped = random_entry("g.weight", {6, 4, 3}, 2);
  grouped.used_by = {used_as("Conv", 3)};
  const io::Entry last = random_entry("Conv_0/kernel", {3, 2, 4, 6}, 3);
  const io::Entry depthwise = random_entry("d/depthwise_kernel", {3, 3, 4, 2}, 4);
  io::Entry right = random_entry("m", {7, 5}, 5);
  right.used_by = {used_as("MatMul", 1)};
  const Result result = run(checkpoint({transposed, grouped, last, depthwise, right}));
  const auto near = [&](std::size_t t, double expected) {
    const TensorResult& measured = result.tensors[t];
    const double allowed = tolerance::of_gram_proof(measured.rows, measured.columns) * expected;
    EXPECT_NEAR(measured.figures->sigma_max_estimate, expected, allowed) << measured.name;
    EXPECT_GE(measured.figures->sigma_max.upper->value(), expected * (1 - tolerance::kEpsilon));
  };
  using I = std::int64_t;
  near(0, largest_of_blocks(transposed.load(), 2, 4, 18, [](I b, I i, I j) {
         return Dimensions{3 * b + j / 6, i, j / 2 % 3, j % 2};
       }));
  near(1, largest_of_blocks(grouped.load(), 3, 2, 12, [](I b, I i, I j) {
         return Dimensions{2 * b + i, j / 3, j % 3};
       }));
  near(2, largest_of_blocks(last.load(), 1, 6, 24, [](I, I i, I j) { return Dimensions{j / 8, j / 4 % 2, j % 4, i}; }));
  near(3, largest_of_blocks(depthwise.load(), 4, 2, 9, [](I b, I i, I j) { return Dimensions{j / 3, j % 3, b, i}; }));
  EXPECT_EQ(result.tensors[0].layout, "[in, out / 2, kernel, kernel]");
  EXPECT_EQ(result.tensors[1].parts.size(), 3U);
  EXPECT_EQ(result.tensors[4].rows, 5) << "x W with W [in, out]";
  const Tensor m = right.load();
  double row = 0, column = 0;
  for (I i = 0; i < 7; ++i) {
    double sum = 0;
    for (I j = 0; j < 5; ++j) sum += std::fabs(m.at(Dimensions{i, j}));
    row = std::max(row, sum);
  }
  for (I j = 0; j < 5; ++j) {
    double sum = 0;
    for (I i = 0; i < 7; ++i) sum += std::fabs(m.at(Dimensions{i, j}));
    column = std::max(column, sum);
  }
  const auto rounding = static_cast<double>(2 * tolerance::gamma(7));  // of either of two sums
  EXPECT_NEAR(result.tensors[4].figures->norm_1, row, rounding * row) << "of the operator, y = W^T x";
  EXPECT_NEAR(result.tensors[4].figures->norm_inf, column, rounding * column);
}

TEST(Audit, ARoleThatTheUserGivesIsTakenAndMarked) {
  Options options;
  options.assume = [](const std::string& name) -> std::optional<AssumedRole> {
    if (name == "grouped") return parse_assumed_role("convolution:4");
    if (name == "none") return parse_assumed_role("skip");
    return std::nullopt;
  };
  const io::Checkpoint c = checkpoint(
      {random_entry("grouped", {8, 3, 3}, 1), random_entry("none", {8, 3}, 2), random_entry("other", {8, 3}, 3)});
  const Result result = run(c, options);
  ASSERT_EQ(result.tensors.size(), 2U);
  EXPECT_EQ(result.tensors[0].batch, 4);
  EXPECT_EQ(result.tensors[0].role_evidence, Evidence::user);
  EXPECT_EQ(result.tensors[1].role_evidence, Evidence::shape);
  ASSERT_EQ(result.skipped.size(), 1U);
  EXPECT_EQ(result.skipped[0].role_evidence, Evidence::user);
}

TEST(Audit, GatesAreMeasuredAsAWholeAndOneByOne) {
  const Result result =
      run(checkpoint({random_entry("r.weight_ih_l0", {32, 6}, 1), random_entry("r.weight_hh_l0", {32, 8}, 2)}));
  ASSERT_EQ(result.tensors[0].parts.size(), 4U);
  checks::Largest parts;
  for (const Part& part : result.tensors[0].parts) {
    EXPECT_EQ(part.rows, 8);
    parts.add(part.figures.sigma_max.lower.value());
  }
  const double largest = parts.value();
  // A stack's value lies between that of its largest part and the root of the sum of squares.
  EXPECT_LE(largest, result.tensors[0].figures->sigma_max.upper->value());
  EXPECT_GE(2 * largest, result.tensors[0].figures->sigma_max.lower.value());
}

TEST(Audit, NonFiniteEntriesAreCountedAndLocated) {
  std::vector<double> values = normals(60, 9);
  values[17] = std::nan("");
  values[40] = std::numeric_limits<double>::infinity();
  values[41] = -std::numeric_limits<double>::infinity();
  const Result result =
      run(checkpoint({entry("c", Tensor::rounded(values, {3, 4, 5}, DType::f32)), random_entry("ok", {3, 4}, 3)}));
  const TensorResult& bad = result.tensors[0];
  EXPECT_FALSE(bad.figures.has_value());
  ASSERT_TRUE(bad.non_finite.has_value());
  EXPECT_EQ(bad.non_finite->nan, 1);
  EXPECT_EQ(bad.non_finite->infinite, 2);
  EXPECT_EQ(bad.non_finite->first, (Dimensions{0, 3, 2}));
  // In the tensor's own index, whatever the order of the matrix.
  const Tensor tensor = Tensor::rounded(values, {3, 4, 5}, DType::f32);
  const Result last = run(checkpoint({entry("Conv_0/kernel", tensor)}));
  EXPECT_EQ(last.tensors[0].layout, "[kernel, in, out]");
  const Dimensions& first = last.tensors[0].non_finite->first;
  EXPECT_FALSE(std::isfinite(tensor.at(first)));
  EXPECT_EQ(result.summary.non_finite, 1);
  EXPECT_EQ(result.summary.proven, 1);
}

TEST(Audit, TheConditionNumberOfTheStoredMatrixIsGivenAndMarked) {
  std::vector<double> values(64 * 64, 0.0);
  for (std::size_t i = 0; i < 64; ++i) values[i * 64 + i] = i == 63 ? 1e-9 : 1.0;
  const Result result = run(checkpoint({entry("f32", Tensor::rounded(values, {64, 64}, DType::f32)),
                                        entry("f64", Tensor::rounded(values, {64, 64}, DType::f64))}));
  for (const TensorResult& tensor : result.tensors) {
    ASSERT_TRUE(tensor.figures->spectrum->condition.has_value());
    EXPECT_NEAR(*tensor.figures->spectrum->condition, 1e9, 1e2);
  }
  const SpectrumFigures& narrow = *result.tensors[0].figures->spectrum;
  EXPECT_TRUE(narrow.from_rounding);  // 1e-9 <= 2^-24 / sqrt(3) / 8 16
  EXPECT_TRUE(narrow.beyond_precision);
  EXPECT_NEAR(narrow.sigma_min, static_cast<double>(1e-9F), tolerance::of_matrix(64, 64, 1));
  EXPECT_FALSE(result.tensors[1].figures->spectrum->from_rounding);
  EXPECT_FALSE(result.tensors[1].figures->spectrum->beyond_precision);
}

TEST(Audit, EveryTensorIsAuditedOrSkippedWithAReason) {
  Options options;
  options.min_dim = 4;
  options.select = [](const std::string& name) { return name != "left_out"; };
  options.not_selected_reason = "excluded";
  const Result result =
      run(checkpoint({random_entry("w", {8, 8}, 1), random_entry("bias", {8}, 2), random_entry("thin", {8, 3}, 3),
                      random_entry("left_out", {8, 8}, 4), entry("i", Tensor(DType::i64, {2, 2}, nullptr, nullptr))}),
          options);
  EXPECT_EQ(result.tensors.size(), 1U);
  ASSERT_EQ(result.skipped.size(), 4U);
  for (const Skipped& skipped : result.skipped) EXPECT_FALSE(skipped.reason.empty()) << skipped.name;
  EXPECT_EQ(result.summary.audited, 1);
  EXPECT_EQ(result.summary.skipped, 4);
}

TEST(Audit, QuickLeavesOutTheSpectrumAndSaysHowEachEndIsKnown) {
  Options options;
  options.full_spectrum = false;
  options.certify.proven_up_to = 10;
  const io::Checkpoint c = checkpoint({random_entry("small", {10, 20}, 1), random_entry("large", {20, 30}, 2)});
  const Result result = run(c, options);
  EXPECT_FALSE(result.tensors[0].figures->spectrum.has_value());
  EXPECT_EQ(result.tensors[0].figures->sigma_max.upper->certainty(), Certainty::proven);
  EXPECT_EQ(result.tensors[1].figures->sigma_max.upper->certainty(), Certainty::probabilistic);
  EXPECT_EQ(result.tensors[1].figures->sigma_max.upper->failure_probability(), 1e-9);
  options.certify.method = CertifyMethod::none;
  EXPECT_FALSE(run(c, options).tensors[1].figures->sigma_max.upper.has_value());
}

TEST(Audit, ASeedThatWasNotDrawnGivesNoProbabilisticEnd) {
  Options options;
  options.full_spectrum = false;
  options.certify.proven_up_to = 0;
  const io::Checkpoint c = checkpoint({random_entry("w", {20, 30}, 2)});
  Context context(1);
  const Result drawn = audit(c, options, context);
  EXPECT_TRUE(drawn.seed.drawn);
  EXPECT_NE(drawn.seed, audit(c, options, context).seed);
  EXPECT_EQ(drawn.tensors[0].figures->sigma_max.upper->certainty(), Certainty::probabilistic);
  options.seed = Seed{drawn.seed.number, drawn.seed.stream};
  const Result repeated = audit(c, options, context);
  EXPECT_EQ(repeated.seed, *options.seed);
  const Enclosure& known = repeated.tensors[0].figures->sigma_max;
  EXPECT_EQ(known.upper->certainty(), Certainty::proven);
  EXPECT_EQ(known.lower.value(), drawn.tensors[0].figures->sigma_max.lower.value()) << "the run is repeated";
  options.certify.failure_probability = 0;
  EXPECT_THROW(static_cast<void>(audit(c, options, context)), Error);
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

// Random starts that fail with probability 0.2, together with a full spectrum, which refutes them.
TEST(Audit, AStartThatFailsMakesNoFigureWrong) {
  constexpr std::int64_t n = 60;
  std::vector<double> values(n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = i == 7 ? 1.0 : 0.9;
  const Tensor matrix = Tensor::copy_of(values, {n, n});
  Context context(1);
  Options options;
  options.certify.proven_up_to = 0;
  options.certify.proven_if_cheap = false;
  options.certify.failure_probability = 0.2;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    options.seed = Seed{seed, 0, true};
    const Measurement m = measure(matrix, options, context);
    ASSERT_TRUE(m.figures.has_value());
    ASSERT_NEAR(m.figures->sigma_max_estimate, 1, tolerance::relative(n, n)) << "seed " << seed;
    ASSERT_TRUE(m.figures->sigma_max.upper.has_value());
    ASSERT_GE(m.figures->sigma_max.upper->value(), 1 - tolerance::relative(n, n)) << "seed " << seed;
  }
}

TEST(Audit, GivesTheSameBitsOnAnyNumberOfThreads) {
  // One weight on each side of the size at which kernels themselves go parallel.
  const io::Checkpoint c = checkpoint({random_entry("large", {1400, 1500}, 1), random_entry("a", {100, 90}, 2),
                                       random_entry("b", {50, 300}, 3), random_entry("experts", {4, 20, 30}, 4)});
  const Result one = run(c, {}, 1);
  const Result three = run(c, {}, 3);
  ASSERT_EQ(one.tensors.size(), three.tensors.size());
  for (std::size_t i = 0; i < one.tensors.size(); ++i) {
    const Figures& f = *one.tensors[i].figures;
    const Figures& g = *three.tensors[i].figures;
    EXPECT_TRUE(same_bits(f.sigma_max.lower.value(), g.sigma_max.lower.value()));
    EXPECT_TRUE(same_bits(f.sigma_max.upper->value(), g.sigma_max.upper->value()));
    EXPECT_TRUE(same_bits(f.frobenius, g.frobenius));
    EXPECT_TRUE(same_bits(f.norm_1, g.norm_1));
    EXPECT_TRUE(same_bits(f.spectrum->sigma_min, g.spectrum->sigma_min));
    EXPECT_TRUE(same_bits(f.spectrum->nuclear, g.spectrum->nuclear));
    EXPECT_TRUE(same_bits(f.spectrum->effective_rank, g.spectrum->effective_rank));
  }
}

TEST(Audit, AStopThatWasAskedForEndsIt) {
  Context context(1);
  context.request_cancel();
  EXPECT_THROW(audit(checkpoint({random_entry("w", {8, 8}, 1)}), {}, context), Canceled);
}

TEST(Audit, ProgressEndsAtTheTotal) {
  Context context(2);
  double last = 0, total = -1;
  std::int64_t reports = 0;
  context.on_progress([&](const Progress& progress) {
    ++reports;
    last = std::max(last, progress.done);
    total = progress.total;
  });
  audit(checkpoint({random_entry("w", {8, 8}, 1), random_entry("v", {30, 8}, 2)}), {}, context);
  EXPECT_NEAR(last, total, static_cast<double>(tolerance::gamma(reports)) * total) << "a sum of shares of the total";
}

}  // namespace
}  // namespace sigmax::audit
