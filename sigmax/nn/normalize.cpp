#include "sigmax/nn/normalize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/entrywise.hpp"
#include "sigmax/kernels/vector.hpp"
#include "sigmax/nn/iteration.hpp"
#include "sigmax/nn/products.hpp"

namespace sigmax::nn {
namespace {

template <Real T>
void check(const Products<T>& w, std::span<T> u, std::span<T> v, const StepOptions& options) {
  const auto rows = static_cast<std::size_t>(w.rows()), columns = static_cast<std::size_t>(w.columns());
  if (u.size() != rows || v.size() != columns) {
    throw Error(fmt::format("[step] a {}x{} weight takes u of {} and v of {} entries, got {} and {}", rows, columns,
                            rows, columns, u.size(), v.size()));
  }
  if (options.steps < 0 || options.steps_drawn < 1) {
    throw Error(fmt::format("[step] steps must not be negative and steps_drawn positive, got {} and {}", options.steps,
                            options.steps_drawn));
  }
  if (!(options.epsilon > 0)) throw Error(fmt::format("[step] epsilon must be positive, got {}", options.epsilon));
  if (!(options.tolerance >= 0)) {
    throw Error(fmt::format("[step] the tolerance must not be negative, got {}", options.tolerance));
  }
}

// Four vectors: on the stack if they are short, so that a small layer takes no lock and no heap memory.
template <Real T>
class WorkspaceMemory {
 public:
  WorkspaceMemory(std::size_t rows, std::size_t columns, Context& context) {
    T* data = local_;
    if (2 * (rows + columns) > kLocal) data = buffer_.emplace(context.scratch<T>(2 * (rows + columns))).data();
    spans_ = {{data, rows}, {data + 2 * rows, columns}, {data + rows, rows}, {data + 2 * rows + columns, columns}};
  }
  WorkspaceMemory(const WorkspaceMemory&) = delete;
  WorkspaceMemory& operator=(const WorkspaceMemory&) = delete;
  const Workspace<T>& spans() const noexcept { return spans_; }

 private:
  static constexpr std::size_t kLocal = 8192;
  alignas(64) T local_[kLocal];
  std::optional<Context::Buffer<T>> buffer_;
  Workspace<T> spans_;
};

bool is_usable(StateFault fault) { return fault == StateFault::none || fault == StateFault::not_unit; }

// One computation: the state is copied, repaired, iterated on, and copied back if all went well.
template <Real T>
class Stepper {
 public:
  Stepper(const Products<T>& w, std::span<T> u, std::span<T> v, const StepOptions& options, const Workspace<T>& work,
          Context& context)
      : w_(w), u_(u), v_(v), options_(options), work_(work), context_(context) {}

  StepResult run() {
    std::copy(u_.begin(), u_.end(), work_.u.begin());
    std::copy(v_.begin(), v_.end(), work_.v.begin());
    if (options_.repair) repair_lead();
    options_.steps == 0 ? take_as_it_is() : iterate();
    // v may be the cause of W v = 0: one more attempt from a random vector, which W maps to 0 with probability 0.
    if (result_.sigma == 0 && options_.repair && !result_.repair.drawn && options_.steps > 0 && w_.columns() > 0) {
      draw_lead();
      iterate();
    }
    if (!std::isfinite(result_.sigma)) {
      result_.outcome = StepOutcome::not_finite;
    } else if (result_.sigma == 0) {
      result_.outcome = StepOutcome::zero_weight;
    } else {
      std::copy(work_.u.begin(), work_.u.end(), u_.begin());
      std::copy(work_.v.begin(), work_.v.end(), v_.begin());
      return result_;
    }
    result_.repair = {};
    return result_;
  }

 private:
  bool u_leads() const { return options_.iteration == Iteration::v_first && options_.steps > 0; }

  void iterate() {
    result_.sigma = 0;
    switch (options_.iteration) {
      case Iteration::u_first: return u_first_steps(w_, options_, work_, result_, context_);
      case Iteration::v_first: return v_first_steps(w_, options_, work_, result_, context_);
      case Iteration::lanczos: return lanczos_steps(w_, options_, work_, result_, context_);
    }
  }

  void repair_lead() {
    const bool left = u_leads();
    const std::span<T> lead = left ? work_.u : work_.v;
    StateFault& fault = left ? result_.repair.u : result_.repair.v;
    fault = examine<T>(lead);
    if (fault == StateFault::not_unit) divide(lead, kernels::norm2(std::span<const T>(lead)));
    if (!is_usable(fault) && !take_from_other(left, lead)) draw_lead();
  }

  // lead = N(the other vector's image).
  bool take_from_other(bool left, std::span<T> lead) {
    if (!is_usable(examine<T>(left ? work_.v : work_.u))) return false;
    left ? w_.multiply(work_.v, lead, context_) : w_.transposed(work_.u, lead, context_);
    ++result_.reads;
    const double norm = kernels::norm2(std::span<const T>(lead));
    if (!(norm > 0) || !std::isfinite(norm)) return false;
    divide(lead, norm);
    return true;
  }

  void draw_lead() {
    const bool left = u_leads();
    StateFault& fault = left ? result_.repair.u : result_.repair.v;
    if (fault == StateFault::none) fault = StateFault::zero;
    draw_unit<T>(options_.seed, left ? 0 : 1, left ? work_.u : work_.v);
    result_.repair.drawn = true;
    // v was drawn although steps = 0: make steps that begin from v.
    if (!left && options_.iteration == Iteration::v_first) options_.iteration = Iteration::u_first;
    options_.steps = std::max(options_.steps, options_.steps_drawn);
  }

  // sigma = u^T W v, with u repaired too.
  void take_as_it_is() {
    w_.multiply(work_.v, work_.t, context_);
    ++result_.reads;
    if (options_.repair) {
      result_.repair.u = examine<T>(work_.u);
      if (result_.repair.u != StateFault::none) {
        const bool usable = is_usable(result_.repair.u);
        if (!usable) std::copy(work_.t.begin(), work_.t.end(), work_.u.begin());
        const double norm = kernels::norm2(std::span<const T>(work_.u));
        if (norm > 0 && std::isfinite(norm)) divide(work_.u, norm);
      }
    }
    result_.sigma = kernels::dot(std::span<const T>(work_.u), std::span<const T>(work_.t));
    if (options_.repair && result_.sigma < 0) {
      for (T& value : work_.u) value = -value;
      result_.sigma = -result_.sigma;
      result_.repair.u = StateFault::flipped;
    }
  }

  const Products<T>& w_;
  std::span<T> u_, v_;
  StepOptions options_;
  const Workspace<T>& work_;
  Context& context_;
  StepResult result_;
};

template <Real T>
StepResult run(const Products<T>& w, std::span<T> u, std::span<T> v, const StepOptions& options, Context& context) {
  check(w, u, v, options);
  const WorkspaceMemory<T> memory(u.size(), v.size(), context);
  return Stepper<T>(w, u, v, options, memory.spans(), context).run();
}

}  // namespace

template <Real T>
StepResult step(const Weight& weight, const StepOptions& options, std::span<T> u, std::span<T> v, Context& context) {
  const FloatingEnvironment environment;
  if (!is_real(weight.dtype)) throw Error(fmt::format("[step] {} does not store real numbers", name(weight.dtype)));
  if (std::same_as<T, float> && weight.dtype == DType::f64) {
    throw Error("[step] an f64 weight takes a state in double, got one in float");
  }
  return run<T>(WeightProducts<T>(weight), u, v, options, context);
}

template <Real T>
StepResult step(const LinearOperator<T>& weight, const StepOptions& options, std::span<T> u, std::span<T> v,
                Context& context) {
  const FloatingEnvironment environment;
  return run<T>(OperatorProducts<T>(weight), u, v, options, context);
}

Factor factor(const Rule& rule, double sigma) {
  const FloatingEnvironment environment;
  if (!(rule.target > 0) || !std::isfinite(rule.target)) {
    throw Error(fmt::format("[factor] the target must be positive and finite, got {}", rule.target));
  }
  if (sigma == 0 || (rule.kind == Rule::Kind::at_most && sigma <= rule.target)) return {rule.scale, 0};
  const double value = rule.scale * rule.target / sigma;
  return {value, -value / sigma};
}

void scale_weight(const Weight& weight, double factor, const WeightOutput& out, Context& context) {
  const FloatingEnvironment environment;
  const double magnitude = std::fabs(factor);
  const bool in_float = magnitude <= std::numeric_limits<float>::max() &&
                        (magnitude >= std::numeric_limits<float>::min() || magnitude == 0);
  if (weight.dtype == DType::f64 || !in_float) {
    kernels::combination<double>({.alpha = factor, .x = weight}, out, context);
  } else {
    kernels::combination<float>({.alpha = factor, .x = weight}, out, context);
  }
}

template StepResult step<float>(const Weight&, const StepOptions&, std::span<float>, std::span<float>, Context&);
template StepResult step<double>(const Weight&, const StepOptions&, std::span<double>, std::span<double>, Context&);
template StepResult step<float>(const LinearOperator<float>&, const StepOptions&, std::span<float>, std::span<float>,
                                Context&);
template StepResult step<double>(const LinearOperator<double>&, const StepOptions&, std::span<double>,
                                 std::span<double>, Context&);

}  // namespace sigmax::nn
