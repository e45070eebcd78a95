// How fast is A^T A X, compared with two products by OpenBLAS and with the limit of the memory?
//
// For each shape: every storage type, sums in float and double, 1 to 8 columns. The peer multiplies by A and by A^T in
// fp32 (sgemv; sgemm for several columns), on the same number of threads. All of them, and plain reading of the same
// number of bytes, take turns in one run. "2 passes" is sigmax's own multiply() and multiply_transposed(), and shows
// the gain of fusing them. Every product is compared with the peer's before it is timed.
#include <cblas.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/matvec.hpp"

namespace {

using namespace sigmax;
using namespace sigmax::benchmark;
using kernels::StoredMatrix;

constexpr std::int64_t kColumns[] = {1, 2, 4, 8};
constexpr std::int64_t kMostColumns = 8;

// One Gaussian matrix in three storage types.
struct Weights {
  Weights(std::int64_t m, std::int64_t n, std::uint64_t seed, Context& context)
      : rows(m), columns(n), single(size()), brain(size()), half(size()) {
    context.parallel_for(static_cast<std::size_t>(rows), [&](std::size_t i) {
      std::vector<double> row(static_cast<std::size_t>(columns));
      static_cast<void>(fill_normal(random_state(seed, i), row));
      for (std::size_t j = 0; j < row.size(); ++j) {
        const std::size_t at = i * row.size() + j;
        single[at] = static_cast<float>(row[j]);
        brain[at] = double_to_bf16(row[j]);
        half[at] = double_to_f16(row[j]);
      }
    });
  }

  std::size_t size() const { return static_cast<std::size_t>(rows * columns); }

  StoredMatrix stored(DType dtype) const {
    const void* data = dtype == DType::f32    ? static_cast<const void*>(single.data())
                       : dtype == DType::bf16 ? brain.data()
                                              : half.data();
    return {dtype, static_cast<const std::byte*>(data), rows, columns, columns};
  }

  std::int64_t rows, columns;
  std::vector<float> single;
  std::vector<std::uint16_t> brain, half;
};

template <Real T>
struct Blocks {
  explicit Blocks(const Weights& a) : x(a.columns, kMostColumns), y(a.rows, kMostColumns), z(a.columns, kMostColumns) {}
  Matrix<T> x, y, z;
};

void two_products_by_blas(const Weights& a, Blocks<float>& b, std::int64_t columns) {
  const int m = static_cast<int>(a.rows), n = static_cast<int>(a.columns), c = static_cast<int>(columns);
  const float* w = a.single.data();
  float *x = b.x.values().data(), *y = b.y.values().data(), *z = b.z.values().data();
  if (c == 1) {
    cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, 1, w, n, x, 1, 0, y, 1);
    cblas_sgemv(CblasRowMajor, CblasTrans, m, n, 1, w, n, y, 1, 0, z, 1);
  } else {
    cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, m, c, n, 1, w, n, x, n, 0, y, m);
    cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, c, m, 1, w, n, y, m, 0, z, n);
  }
}

struct Line {
  DType dtype = DType::f32;
  bool single = true;
  bool fused = true;
  std::int64_t columns = 1;
  std::size_t candidate = 0;

  std::string text() const {
    return fmt::format("{:<4} {:<6} {}", name(dtype), single ? "float" : "double", fused ? "" : "2 passes");
  }
};

class Shape {
 public:
  Shape(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Context& context)
      : a_(rows, columns, seed, context), peer_(a_), single_(a_), full_(a_), context_(context) {
    static_cast<void>(fill_normal(random_state(seed, std::uint64_t{1} << 40), full_.x.values()));
    for (std::size_t i = 0; i < full_.x.values().size(); ++i) {
      single_.x.values()[i] = peer_.x.values()[i] = static_cast<float>(full_.x.values()[i]);
      full_.x.values()[i] = peer_.x.values()[i];
    }
  }

  void run(const TimingOptions& options, Table& table) {
    for (const std::int64_t columns : kColumns) {
      peers_.push_back(candidates_.size());
      candidates_.push_back({"blas", [this, columns] { two_products_by_blas(a_, peer_, columns); }});
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
        add<float>(single_, dtype, columns, true);
        add<float>(single_, dtype, columns, false);
        add<double>(full_, dtype, columns, true);
      }
    }
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const std::span<const std::byte> memory(a_.stored(dtype).data, a_.size() * size_of(dtype));
      readers_.push_back(candidates_.size());
      for (Candidate& candidate : reading_candidates(memory, context_)) candidates_.push_back(std::move(candidate));
    }
    print(take_turns(candidates_, options), table);
  }

 private:
  template <Real T>
  void add(Blocks<T>& b, DType dtype, std::int64_t columns, bool fused) {
    const StoredMatrix a = a_.stored(dtype);
    const auto product = [this, a, &b, columns, fused] {
      const auto x = b.x.view().column_range(0, columns);
      const auto y = b.y.view().column_range(0, columns), z = b.z.view().column_range(0, columns);
      if (fused) return kernels::gram<T>(a, x, {}, z, context_);
      kernels::multiply<T>(a, x, y, context_);
      kernels::multiply_transposed<T>(a, y, z, context_);
    };
    two_products_by_blas(a_, peer_, columns);
    product();
    check(b, dtype, columns);
    lines_.push_back({dtype, std::same_as<T, float>, fused, columns, candidates_.size()});
    candidates_.push_back({"sigmax", product});
  }

  // The storage type's rounding, or float's over sums of Gaussian terms, with a wide margin: a wrong product is off by
  // 1.
  template <Real T>
  void check(const Blocks<T>& b, DType dtype, std::int64_t columns) const {
    double difference = 0, norm = 0;
    for (std::int64_t i = 0; i < columns * a_.columns; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double wanted = peer_.z.values()[at];
      difference += std::pow(static_cast<double>(b.z.values()[at]) - wanted, 2);
      norm += wanted * wanted;
    }
    if (!(std::sqrt(difference / norm) < (dtype == DType::f32 ? 0x1p-14 : 0x1p-6))) {
      throw std::runtime_error(fmt::format("{} {}x{}: the product is wrong", name(dtype), a_.rows, a_.columns));
    }
  }

  void print(const std::vector<Timing>& timings, Table& table) const {
    const auto read_seconds = [&](DType dtype) {
      const std::size_t first = readers_[dtype == DType::f32 ? 0 : 1];
      return std::min({timings[first].median(), timings[first + 1].median(), timings[first + 2].median()});
    };
    table.add_line(fmt::format("{}x{}: reading f32 {:.1f} GB/s, 16 bits {:.1f} GB/s", a_.rows, a_.columns,
                               4e-9 * static_cast<double>(a_.size()) / read_seconds(DType::f32),
                               2e-9 * static_cast<double>(a_.size()) / read_seconds(DType::bf16)));
    for (const Line& line : lines_) {
      const Timing& timing = timings[line.candidate];
      std::size_t peer = 0, one = line.candidate;
      for (std::size_t k = 0; k < std::size(kColumns); ++k) {
        if (kColumns[k] == line.columns) peer = peers_[k];
      }
      for (const Line& other : lines_) {
        if (other.text() == line.text() && other.columns == 1) one = other.candidate;
      }
      const double bytes = static_cast<double>(a_.size() * size_of(line.dtype));
      const double ratio = paired_ratio(timings[peer], timing);
      const double to_one = paired_ratio(timing, timings[one]);
      const double share = read_seconds(line.dtype) / timing.median();
      table.add({"  " + line.text(), std::to_string(line.columns), time_text(timing.median()),
                 time_text(timings[peer].median()), fmt::format("{:.2f}", ratio), fmt::format("{:.2f}", to_one),
                 fmt::format("{:.1f}", 1e-9 * bytes / timing.median()), fmt::format("{:.0f} %", 100 * share)},
                {{"rows", a_.rows},
                 {"columns", a_.columns},
                 {"storage", name(line.dtype)},
                 {"sums", line.single ? "float" : "double"},
                 {"fused", line.fused},
                 {"vectors", line.columns},
                 {"seconds", timing.median()},
                 {"seconds_least", timing.minimum()},
                 {"blas_seconds", timings[peer].median()},
                 {"blas_seconds_least", timings[peer].minimum()},
                 {"times_blas", ratio},
                 {"times_one_column", to_one},
                 {"bytes_per_second", bytes / timing.median()},
                 {"read_bytes_per_second", bytes / read_seconds(line.dtype)}});
    }
  }

  Weights a_;
  Blocks<float> peer_, single_;
  Blocks<double> full_;
  Context& context_;
  std::vector<Candidate> candidates_;
  std::vector<Line> lines_;
  std::vector<std::size_t> peers_, readers_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  Context context = context_with_blas(options);
  const nlohmann::json machine = describe_machine(context);
  fmt::print("A^T A X on {}, {} threads, {}; seed {}\n", cpu_name(), context.threads(), kernels::simd_target(),
             options.seed);
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 7;
  timing.seconds_per_sample = 0.005;
  std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {{512, 512}, {1024, 4096}, {4096, 1024}, {2048, 2048}};
  shapes.emplace_back(options.quick ? 4096 : 16384, options.quick ? 4096 : 8192);
  nlohmann::json figures = nlohmann::json::array();
  for (const auto& [rows, columns] : shapes) {
    Table table({"  storage, sums in", "columns", "time", "BLAS", "x BLAS", "/ 1 col", "GB/s", "of read"});
    std::make_unique<Shape>(rows, columns, options.seed, context)->run(timing, table);
    table.print();
    for (const auto& figure : table.figures()) figures.push_back(figure);
  }
  write_json(options, {{"machine", machine}, {"seed", options.seed}, {"results", figures}});
}
