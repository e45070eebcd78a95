// The limits of the machine, measured in the same run as the results that they judge.
#pragma once

#include <cblas.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/kernels/convert.hpp"

namespace sigmax::benchmark {

/// A context with the threads of --threads; OpenBLAS gets as many.
inline Context context_with_blas(const Options& options) {
  Context context(options.threads);
  openblas_set_num_threads(context.threads());
  return context;
}

inline std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

namespace detail {

// Vectors of four words: the compiler splits them if registers are narrower. In memory they are not aligned; a copy by
// memcpy would go through the stack.
using Words [[gnu::vector_size(32)]] = std::uint64_t;
using WordsInMemory [[gnu::vector_size(32), gnu::aligned(1), gnu::may_alias]] = std::uint64_t;

// Reads `count` blocks of 64 bytes in Streams parts side by side. The sum is returned so that the reads are needed.
template <int Streams>
[[gnu::always_inline]] inline std::uint64_t read_streams(const std::byte* data, std::size_t count) {
  constexpr std::size_t kSums = Streams == 4 ? 2 : 4;  // of each stream
  const std::size_t each = count / Streams * 2;
  Words sums[kSums * Streams] = {};
  for (std::size_t i = 0; i + kSums <= each; i += kSums) {
    for (std::size_t s = 0; s < Streams; ++s) {
      const auto* first = reinterpret_cast<const WordsInMemory*>(data + sizeof(Words) * (each * s + i));
      for (std::size_t k = 0; k < kSums; ++k) sums[kSums * s + k] += first[k];
    }
  }
  Words sum = {};
  for (const Words& part : sums) sum += part;
  return sum[0] + sum[1] + sum[2] + sum[3];
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIGMAX_BENCHMARK_CLONES [[gnu::target_clones("default", "avx2", "avx512f")]]
#else
#define SIGMAX_BENCHMARK_CLONES
#endif
SIGMAX_BENCHMARK_CLONES inline std::uint64_t read_one_stream(const std::byte* data, std::size_t count) {
  return read_streams<1>(data, count);
}
SIGMAX_BENCHMARK_CLONES inline std::uint64_t read_two_streams(const std::byte* data, std::size_t count) {
  return read_streams<2>(data, count);
}
SIGMAX_BENCHMARK_CLONES inline std::uint64_t read_four_streams(const std::byte* data, std::size_t count) {
  return read_streams<4>(data, count);
}
#undef SIGMAX_BENCHMARK_CLONES

}  // namespace detail

/// Candidates that read `memory` once with the context's threads, each thread its own part, in 1, 2 and 4 streams per
/// thread. The fastest is the limit for a kernel that reads the same number of bytes; put them into take_turns()
/// together with that kernel.
inline std::vector<Candidate> reading_candidates(std::span<const std::byte> memory, Context& context) {
  const auto make = [&](const char* name, auto read) {
    return Candidate{name, [memory, &context, read] {
                       const auto threads = static_cast<std::size_t>(context.threads());
                       const std::size_t blocks = memory.size() / 64 / threads;
                       std::vector<std::uint64_t> sums(threads);
                       context.parallel_for(
                           threads, [&](std::size_t t) { sums[t] = read(memory.data() + t * blocks * 64, blocks); });
                       for (const std::uint64_t sum : sums) asm volatile("" : : "r"(sum));  // counts as read
                     }};
  };
  return {make("read, 1 stream", detail::read_one_stream), make("read, 2 streams", detail::read_two_streams),
          make("read, 4 streams", detail::read_four_streams)};
}

/// Bytes per second that the context's threads read from memory of `bytes` bytes, read repeatedly.
inline double read_bandwidth(std::size_t bytes, Context& context, const TimingOptions& options = {}) {
  std::vector<std::byte> memory(bytes, std::byte{1});
  double best = 0;
  for (const Timing& timing : take_turns(reading_candidates(memory, context), options)) {
    best = std::max(best, static_cast<double>(bytes) / timing.median());
  }
  return best;
}

/// Floating-point operations per second of OpenBLAS's own multiplication of n x n matrices, with its own threads.
template <class T>
double gemm_rate(int n = 1536, const TimingOptions& options = {}) {
  const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  const std::vector<T> a(size, T(0.5)), b(size, T(0.25));
  std::vector<T> c(size);
  const auto run = [&] {
    if constexpr (sizeof(T) == sizeof(float)) {
      cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
    } else {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
    }
  };
  const double cubed = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  return 2 * cubed / take_turns({{"gemm", run}}, options).front().median();
}

/// The machine and what this program uses of it, in words: benchmarks/common/machine.py reads it from --machine.
inline nlohmann::json name_machine() {
  return {{"cpu", cpu_name()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"simd", kernels::simd_target()},
          {"blas", openblas_get_config()},
          {"blas_kernels", openblas_get_corename()}};
}

/// The machine in words and figures, for the head of a table and for the JSON.
inline nlohmann::json describe_machine(Context& context) {
  nlohmann::json machine = name_machine();
  machine.update({{"threads", context.threads()},
                  {"sgemm_gflops", gemm_rate<float>() * 1e-9},
                  {"dgemm_gflops", gemm_rate<double>() * 1e-9},
                  {"read_gb_per_second_256_mib", read_bandwidth(std::size_t{256} << 20, context) * 1e-9},
                  {"read_gb_per_second_1_mib", read_bandwidth(std::size_t{1} << 20, context) * 1e-9}});
  return machine;
}

}  // namespace sigmax::benchmark
