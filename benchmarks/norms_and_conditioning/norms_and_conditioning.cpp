// How long do the norms that NumPy has and the condition numbers take, with and without their proof? run.py has the
// peers.
//
//     bench_norms_and_conditioning --what reads|values|condition [--quick] ...
//     bench_norms_and_conditioning --what values|condition --data FILE.npy --json FILE
//
// `reads` are the norms of entries of matrices that do not fit into the cache, next to plain reading of the same bytes;
// the norms of values and the condition numbers are those of FILE.npy, or of a Gaussian matrix.
#include <cblas.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/sensitivity/condition.hpp"

namespace sigmax::benchmark {
namespace {

// Relative width of an enclosure; infinite without an upper end.
double width_of(const Enclosure& known) {
  if (!known.upper) return std::numeric_limits<double>::infinity();
  return (known.upper->value() - known.lower.value()) / known.upper->value();
}

// One call: its name, the call, and what it found the last time.
struct Found {
  double value = 0;
  double width = std::numeric_limits<double>::infinity();
  bool proven = false;
};
struct Call {
  std::string name;
  std::function<Found()> run;
};

Found found_by(const norms::NormResult& result) {
  if (!result.enclosure) return {result.value};
  return {result.value, width_of(*result.enclosure), result.kind() == norms::Known::proven};
}

Call norm_call(const Tensor& a, const std::string& ord, bool enclose, Context& context) {
  norms::NormOptions options;
  options.enclose = enclose;
  return {fmt::format("norm {}{}", ord, enclose ? ", proven" : ""),
          [&a, ord, options, &context] { return found_by(norms::norm(a, norms::parse_norm(ord), options, context)); }};
}

// `width` 0 asks for the tightest ends.
Call condition_call(const Tensor& a, const std::string& ord, double width, Context& context) {
  sensitivity::ConditionOptions options;
  options.certify.relative_width = width;
  const std::string to = width > 0 ? fmt::format("to {:.0e}", width) : "tightest";
  return {fmt::format("cond {}, proven, {}", ord, to), [&a, ord, options, &context] {
            const sensitivity::Condition c = sensitivity::condition(a, norms::parse_norm(ord), options, context);
            return Found{c.value, width_of(c.number), c.kind() == norms::Known::proven};
          }};
}

// One call each, for a process of run.py: its rounds are processes. The first call runs twice, for what happens once.
std::vector<Timing> once(const std::vector<Candidate>& candidates) {
  candidates.front().run();
  std::vector<Timing> times;
  for (const Candidate& candidate : candidates) times.push_back({candidate.name, {seconds_of(candidate.run)}});
  return times;
}

// Times the calls in turns, and the readers in `others` with them.
nlohmann::json take(const std::vector<Call>& calls, const std::vector<Candidate>& others, double bytes,
                    const TimingOptions& timing, Table& table) {
  std::vector<Candidate> candidates;
  std::vector<Found> found(calls.size());
  for (std::size_t c = 0; c < calls.size(); ++c) {
    candidates.push_back({calls[c].name, [&calls, &found, c] { found[c] = calls[c].run(); }});
  }
  candidates.insert(candidates.end(), others.begin(), others.end());
  const std::vector<Timing> times = timing.rounds > 0 ? take_turns(candidates, timing) : once(candidates);
  double limit = std::numeric_limits<double>::infinity();
  for (std::size_t c = calls.size(); c < times.size(); ++c) limit = std::min(limit, times[c].median());
  nlohmann::json figures = nlohmann::json::array();
  for (std::size_t c = 0; c < calls.size(); ++c) {
    const double seconds = times[c].median();
    const bool limited = !others.empty();
    table.add({"  " + calls[c].name, time_text(seconds), limited ? fmt::format("{:.0f} %", 100 * limit / seconds) : "",
               std::isinf(found[c].width) ? "" : fmt::format("{:.1e}", found[c].width),
               std::isinf(found[c].width) ? "" : (found[c].proven ? "proven" : "probable")});
    nlohmann::json line = {{"name", calls[c].name}, {"seconds", times[c].seconds}, {"value", found[c].value}};
    if (!std::isinf(found[c].width)) {
      line["relative_width"] = found[c].width;
      line["proven"] = found[c].proven;
    }
    if (limited) line["share_of_read_bandwidth"] = limit / seconds;
    figures.push_back(std::move(line));
  }
  nlohmann::json result = {{"candidates", figures}};
  if (!others.empty()) result["read_bytes_per_second"] = bytes / limit;
  return result;
}

std::vector<std::byte> gaussian_bytes(DType dtype, std::int64_t rows, std::int64_t columns, std::uint64_t seed,
                                      Context& context) {
  const std::size_t each = size_of(dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(rows * columns) * each);
  context.parallel_for(static_cast<std::size_t>(rows), [&](std::size_t i) {
    std::vector<double> row(static_cast<std::size_t>(columns));
    static_cast<void>(fill_normal(random_state(seed, i), row));
    std::byte* const to = bytes.data() + i * row.size() * each;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const auto single = static_cast<float>(row[j]);
      const std::uint16_t brain = double_to_bf16(row[j]);
      const void* const from = dtype == DType::f64   ? static_cast<const void*>(&row[j])
                               : dtype == DType::f32 ? static_cast<const void*>(&single)
                                                     : &brain;
      std::memcpy(to + j * each, from, each);
    }
  });
  return bytes;
}

nlohmann::json reads(const Options& options, Context& context) {
  struct Size {
    DType dtype;
    std::int64_t rows, columns;
  };
  const std::int64_t n = options.quick ? 1024 : 8192;
  nlohmann::json cases = nlohmann::json::array();
  Table table({"norms of entries", "time", "of read", "width", ""});
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 9;
  for (const Size& size : {Size{DType::f32, 2 * n, n}, Size{DType::bf16, 2 * n, n}, Size{DType::f64, n, n}}) {
    const std::vector<std::byte> bytes = gaussian_bytes(size.dtype, size.rows, size.columns, options.seed, context);
    const Tensor a(size.dtype, {size.rows, size.columns}, {size.columns, 1}, bytes.data(), nullptr);
    std::vector<Call> calls;
    for (const bool enclose : {false, true}) {
      for (const char* const ord : {"1", "inf", "fro", "-1", "-inf"}) {
        calls.push_back(norm_call(a, ord, enclose, context));
      }
    }
    const std::string name = fmt::format("{} {}x{}", sigmax::name(size.dtype), size.rows, size.columns);
    table.add_line(name);
    nlohmann::json figures =
        take(calls, reading_candidates(bytes, context), static_cast<double>(bytes.size()), timing, table);
    figures["case"] = name;
    cases.push_back(std::move(figures));
  }
  table.print();
  return cases;
}

nlohmann::json one_matrix(std::string_view what, const Options& options, Context& context) {
  std::vector<std::byte> drawn;
  Tensor a;
  std::string name = options.data;
  if (options.data.empty()) {
    const std::int64_t n = options.quick ? 256 : 2048;
    drawn = gaussian_bytes(DType::f64, n, n, options.seed, context);
    a = Tensor(DType::f64, {n, n}, {n, 1}, drawn.data(), nullptr);
    name = fmt::format("gaussian f64 {}x{}", n, n);
  } else {
    a = io::open_checkpoint(options.data).entries.front().load().compact();
  }
  std::vector<Call> calls;
  if (what == "values") {
    for (const char* const ord : {"nuc", "2", "-2"}) calls.push_back(norm_call(a, ord, false, context));
    for (const char* const ord : {"nuc", "2"}) calls.push_back(norm_call(a, ord, true, context));
  } else {
    for (const char* const ord : {"1", "2", "fro"}) calls.push_back(condition_call(a, ord, 1e-3, context));
    for (const char* const ord : {"1", "2"}) calls.push_back(condition_call(a, ord, 0, context));
  }
  Table table({std::string(what), "time", "", "width", ""});
  table.add_line(name);
  TimingOptions timing;
  timing.rounds = !options.data.empty() ? 0 : options.quick ? 1 : 3;
  timing.seconds_per_sample = 0;
  nlohmann::json figures = take(calls, {}, 0, timing, table);
  table.print();
  figures["case"] = name;
  return nlohmann::json::array({figures});
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  std::string what = "reads";
  std::vector<char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--what" && i + 1 < argc) {
      what = argv[++i];
    } else {
      rest.push_back(argv[i]);
    }
  }
  const Options options = parse_options(static_cast<int>(rest.size()), rest.data());
  sigmax::Context context = context_with_blas(options);
  const nlohmann::json cases = what == "reads" ? reads(options, context) : one_matrix(what, options, context);
  write_json(
      options,
      {{"question", "norms_and_conditioning"}, {"threads", options.threads}, {"seed", options.seed}, {"cases", cases}});
}
