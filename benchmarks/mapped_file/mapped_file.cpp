// sigma_max of a bf16 matrix of 16384 x 16384 straight from a mapped .safetensors file: how near is it to reads x bytes
// over bandwidth, and how much memory does it take beyond the file?
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "benchmarks/common/comparison.hpp"
#include "benchmarks/common/machine.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

// A Gaussian matrix rounded to bf16, written row by row: the file is never in memory as a whole.
void write_file(const std::filesystem::path& path, std::int64_t order, std::uint64_t seed) {
  std::ofstream out(path, std::ios::binary);
  std::string header =
      fmt::format(R"({{"w":{{"dtype":"BF16","shape":[{0},{0}],"data_offsets":[0,{1}]}}}})", order, 2 * order * order);
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = header.size();
  out.write(reinterpret_cast<const char*>(&size), sizeof size);
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  RandomState random = random_state(seed);
  std::vector<double> normal(static_cast<std::size_t>(order));
  for (std::int64_t i = 0; i < order; ++i) {
    random = fill_normal(random, normal);
    const Tensor row = Tensor::rounded(normal, {order}, DType::bf16);
    out.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(2 * order));
  }
  if (!out) {
    fmt::print(stderr, "cannot write {}\n", path.string());
    std::exit(1);
  }
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax;
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  const std::int64_t order = options.quick ? 4096 : 16384;
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("sigmax-mapped-{}.safetensors", getpid());
  write_file(path, order, options.seed);
  Context context(options.threads);
  Table table({"bf16 from a mapped file", "seconds", "of the limit", "reads", "beyond the file"});
  nlohmann::json cases = nlohmann::json::array();
  {
    const io::Checkpoint file = io::open_checkpoint(path);
    const Tensor weight = file.entries.front().load();
    const Operator<double> a = dense<double>(weight);
    const double bytes = 2.0 * static_cast<double>(order) * static_cast<double>(order);
    const std::span<const std::byte> memory(weight.data(), static_cast<std::size_t>(bytes));
    for (const double tolerance : {1e-3, 1e-6}) {
      std::int64_t reads = 1;
      std::uint64_t seed = options.seed;
      std::vector<Candidate> candidates = {{"sigmax", [&] {
                                              SvdOptions<double> svd_options;
                                              svd_options.tolerance = tolerance;
                                              svd_options.check = Check::none;  // reads beyond its own
                                              svd_options.random = random_state(seed++);
                                              reads = svd(*a, svd_options, context).statistics.reads;
                                            }}};
      for (Candidate& candidate : reading_candidates(memory, context)) candidates.push_back(std::move(candidate));
      const std::vector<Timing> timings = take_turns(candidates, {.rounds = options.quick ? 3 : 5});
      double one_read = timings[1].median();
      for (const Timing& timing : timings) {
        if (&timing != &timings[0]) one_read = std::min(one_read, timing.median());
      }
      const double limit = static_cast<double>(reads) * one_read;
      const double beyond = peak_bytes() - bytes;
      table.add({fmt::format("{0}x{0}, to {1:.0e}", order, tolerance), time_text(timings[0].median()),
                 fmt::format("{:.2f}x", timings[0].median() / limit), std::to_string(reads),
                 fmt::format("{:.0f} MiB", beyond / 0x1p20)},
                {{"case", fmt::format("{0}x{0}, to {1:.0e}", order, tolerance)},
                 {"seconds", timings[0].seconds},
                 {"limit_seconds", limit},
                 {"reads", reads},
                 {"bytes", bytes},
                 {"peak_bytes_beyond_the_file", beyond}});
    }
  }
  std::filesystem::remove(path);
  table.print();
  nlohmann::json result{{"question", "mapped_file"}, {"seed", options.seed}, {"cases", table.figures()}};
  result["machine"] = describe_machine(context);
  write_json(options, result);
}
