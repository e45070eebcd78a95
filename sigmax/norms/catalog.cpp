#include "sigmax/norms/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/norm_of_blocks.hpp"
#include "sigmax/norms/spectral.hpp"

namespace sigmax::norms {
namespace {

// From one decomposition for all of them.
NormResult from_spectrum(const WholeSpectrum& spectrum, const Norm& which) {
  const auto all = static_cast<std::int64_t>(spectrum.sigma.size());
  const Demand wanted = demand(which, all);
  const std::size_t first = wanted.part == Demand::Part::smallest ? static_cast<std::size_t>(all - wanted.count) : 0;
  const auto count = static_cast<std::size_t>(wanted.count);
  NormResult result;
  result.value = spectral_value(std::span(spectrum.sigma).subspan(first, count), which);
  result.gap = gap_of(spectrum.sigma, which);
  result.outcome = spectrum.outcome;
  result.meaning = meaning_of(which);
  const Enclosure known = spectral_enclosure(std::span(spectrum.known).subspan(first, count), which);
  result.enclose(known);
  result.method = row_of(Nuclear{}).proof;
  return result;
}

}  // namespace

std::vector<Norm> usual_norms(std::int64_t rows, std::int64_t columns) {
  std::vector<Norm> all{Frobenius{},
                        Spectral{},
                        Nuclear{},
                        SmallestSingular{},
                        Schatten{4},
                        KyFan{2},
                        KyFan{2, 2},
                        ColumnSum{},
                        RowSum{},
                        ColumnSum{true},
                        RowSum{true},
                        MaxAbs{},
                        Entrywise{1},
                        Entrywise{4},
                        Mixed{2, 1, By::columns},
                        Mixed{2, 1, By::rows},
                        Induced{1, 2},
                        Induced{2, kInfinity},
                        Induced{2, 1},
                        Induced{kInfinity, 2},
                        Induced{kInfinity, 1}};
  if (rows == columns) all.emplace_back(NumericalRadius{});
  const std::int64_t values = std::min(rows, columns);
  std::erase_if(all, [&](const Norm& which) {
    const auto* ky_fan = std::get_if<KyFan>(&which);
    return ky_fan != nullptr && ky_fan->k > values;
  });
  return all;
}

std::vector<NamedResult> all_norms(std::span<const Tensor> blocks, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (blocks.empty()) throw Error("[all_norms] there is no block");
  if (blocks.front().rank() != 2) {
    throw Error("[all_norms] a matrix has two dimensions, got the shape " + to_string(blocks.front().shape()));
  }
  std::optional<WholeSpectrum> spectrum;
  const std::int64_t values = std::min(blocks.front().shape()[0], blocks.front().shape()[1]);
  if (blocks.size() == 1 && options.enclose && values <= options.whole_up_to)
    spectrum = whole_spectrum(blocks.front(), options, context);
  std::vector<NamedResult> results;
  for (const Norm& which : usual_norms(blocks.front().shape()[0], blocks.front().shape()[1])) {
    context.check_cancel();
    const bool shared = spectrum && is_of_singular_values(which);
    results.push_back(
        {which, shared ? from_spectrum(*spectrum, which) : norm_of_blocks(blocks, which, options, context)});
  }
  return results;
}

}  // namespace sigmax::norms
