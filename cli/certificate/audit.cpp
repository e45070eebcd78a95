#include "cli/certificate/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "cli/certificate/certificate.hpp"
#include "sigmax/audit/roles/role.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::cli {
namespace {

/// A vector v, and a number that |A v| / |v| is at least.
struct Witness {
  std::vector<double> vector;
  double lower = 0;
};

Witness witness_of(const Tensor& matrix, const std::optional<Seed>& seed, Context& context) {
  const Operator<double> a = dense<double>(matrix);
  SvdOptions<double> search;
  search.tolerance = 1e-14;
  search.max_products = 2000;
  search.check = Check::none;
  search.random = seed ? random_state(*seed) : drawn_random_state();
  const SvdResult<double> found = svd(*a, search, context);
  CertifyOptions lower_alone;
  lower_alone.method = CertifyMethod::none;
  const auto column = found.v.column(0);
  return {{column.begin(), column.end()}, certify(*a, found, lower_alone, context).lower.value()};
}

const io::Entry* entry_of(const io::Checkpoint& checkpoint, const audit::TensorResult& tensor) {
  for (const io::Entry& entry : checkpoint.entries) {
    if (entry.name == tensor.name && entry.file.string() == tensor.file && entry.provenance == tensor.provenance) {
      return &entry;
    }
  }
  return nullptr;
}

void add_claim(Certificate& certificate, const io::Entry& entry, const audit::Layout& layout,
               const Enclosure& sigma_max, const std::optional<Seed>& seed, Context& context) {
  const Tensor tensor = entry.load();
  Witness best;
  std::int64_t best_block = 0;
  const std::vector<Tensor> blocks = blocks_of(tensor, layout);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    context.check_cancel();
    Witness found = witness_of(blocks[b], seed, context);
    if (b > 0 && found.lower <= best.lower) continue;
    best = std::move(found);
    best_block = static_cast<std::int64_t>(b);
  }
  report::Record claim = certificate.matrices(entry, tensor, layout);
  claim.insert(claim.begin(), {"kind", "sigma_max"});
  claim.push_back({"lower", exactly(std::min(best.lower, sigma_max.lower.value()))});
  claim.push_back({"upper", exactly(sigma_max.upper->value())});
  claim.push_back({"block", best_block});
  claim.push_back({"witness", exactly(best.vector)});
  certificate.claim(std::move(claim));
}

}  // namespace

std::string audit_certificate(const io::Checkpoint& checkpoint, const audit::Options& options,
                              const audit::Result& result, Context& context) {
  Certificate certificate(SIGMAX_VERSION);
  const audit::Siblings siblings(checkpoint.entries, audit::configs_of(checkpoint));
  for (const audit::TensorResult& tensor : result.tensors) {
    const io::Entry* const entry = entry_of(checkpoint, tensor);
    if (entry == nullptr) continue;
    if (!tensor.figures || !tensor.figures->sigma_max.upper ||
        tensor.figures->sigma_max.upper->failure_probability() > 0) {
      certificate.leave_unchecked(fmt::format("sigma_max of {}, of which the audit proved no upper end", tensor.name));
      continue;
    }
    if (!is_read_by_the_checker(*entry)) {
      certificate.leave_unchecked(
          fmt::format("sigma_max of {}, in a format that the checker does not read", tensor.name));
      continue;
    }
    const auto classified =
        audit::classify(*entry, siblings, options.assume ? options.assume(entry->name) : std::nullopt);
    if (const auto* const plan = std::get_if<audit::MatrixPlan>(&classified)) {
      add_claim(certificate, *entry, plan->layout, tensor.figures->sigma_max, options.seed, context);
    }
  }
  return certificate.text();
}

}  // namespace sigmax::cli
