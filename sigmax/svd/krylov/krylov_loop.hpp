// The loop that the Lanczos processes share: multiply, check, probe, restart, end. Internal to svd/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/probe.hpp"
#include "sigmax/svd/krylov/schedule.hpp"

namespace sigmax {

/// Convergence in one of the first steps must be seen twice in a row.
inline constexpr std::int64_t kFewSteps = 8;

struct LoopOptions {
  std::int64_t max_products = 0;
  bool random_start = true;
  double slack = 0;        ///< values of theta = sigma^2 with a smaller relative difference count as the same
  double rounding = 0;     ///< the same, relative to the largest
  std::int64_t apart = 1;  ///< least number of steps between checks
  bool probe = true;       ///< whether to look for multiple values that were missed
};

/// How it ended: k values are good enough (`converged`), nothing is left to multiply (`exhausted`), or neither: the
/// products ran out.
template <class Ritz>
struct LoopEnd {
  Ritz ritz;
  bool converged = false;
  bool exhausted = false;
};

/// Runs a process with vectors done() and pending() until excess(ritz) of the k largest values is at most 1. The
/// process holds up to capacity() vectors before a restart(keep). `ritz(wanted)` has members `theta`, the largest
/// values as sigma^2, at least `wanted` of them, and `theta_residual`, their residuals: if k + 1 are wanted, all or all
/// except the last; if done() are wanted, all.
///
///   while the k largest are not good enough, or a multiple value may have been missed:
///     if the basis is full: keep the best Ritz vectors and what is pending
///     multiply what is pending
template <class Process, class Excess>
auto run_krylov(Process& process, const Convergence& convergence, const LoopOptions& options, const Excess& excess,
                Context& context) {
  using Ritz = decltype(process.ritz(1));
  using kernels::kColumnsARead;
  const std::int64_t k = convergence.k;
  // As many pairs as are wanted, plus a third of the remaining space: more would leave too few steps between restarts.
  const std::int64_t keep = std::min(k + (process.capacity() - k) / 3, process.capacity() - 1);
  Probe probe(options.probe && k > 1 && options.random_start);
  Schedule schedule(options.apart);
  bool met_before = false;
  for (std::int64_t step = 1;; ++step) {
    context.check_cancel();
    if (process.done() == process.capacity()) {
      process.restart(keep);
      schedule.restart(step);
    }
    process.multiply(std::min({process.pending(), kColumnsARead, options.max_products - process.products(),
                               process.capacity() - process.done()}));
    const bool exhausted = process.pending() == 0;
    const bool spent = process.products() >= options.max_products;
    const bool complete = process.done() >= k;
    // Two products at least, so that an unlucky first residual cannot end the process.
    const bool due = complete && process.products() >= 2 && schedule.due(step) && !probe.running(process.products());
    if (!exhausted && !spent && !due) continue;

    Ritz ritz = process.ritz(k + 1);
    const double error = excess(ritz);
    const bool met = complete && error <= 1 && process.products() >= 2;
    // In the first steps all Ritz values move, and one of many checks may find a residual that is small by chance.
    if (met && !exhausted && !spent && step < kFewSteps && !std::exchange(met_before, true)) {
      schedule.look_at(step + 1);
      continue;
    }
    met_before = met;
    const bool enough = complete && (exhausted || met);
    if (!enough && !exhausted) schedule.looked(step, error);
    // A given start may lie entirely in the wrong eigenspaces.
    if (exhausted && !options.random_start && options.probe) probe.require();
    auto verdict = Probe::Verdict::passed;
    if (enough && !spent && process.spans_all()) {
      if (probe.wanted() && !exhausted) verdict = Probe::Verdict::go_on;  // the pending vectors may still be useful
    } else if (enough && !spent && probe.wanted() && process.pending() < kColumnsARead) {
      const Ritz all = process.ritz(process.done());
      verdict = probe.verdict(all.theta, all.theta_residual, process.products(), options.slack,
                              options.rounding * all.theta.front());
    }
    if (spent || (enough && verdict == Probe::Verdict::passed)) {
      return LoopEnd<Ritz>{std::move(ritz), enough, exhausted};
    }
    const bool early = complete && !enough && !process.spans_all() &&
                       probe.is_due(process.products(), process.pending() + 1, schedule.left());
    const bool another = early || verdict == Probe::Verdict::another;
    if (another || exhausted) process.inject();
    if (another) probe.begin(ritz.theta, ritz.theta_residual, k, process.products(), process.pending());
  }
}

}  // namespace sigmax
