// The result of `sigmax cond` as people and programs read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sigmax/core/context.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/value.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/non_normality.hpp"

namespace sigmax::cli {

/// What is known of the powers of a square matrix: sensitivity/non_normality.hpp.
struct PowerFigures {
  double spectral_radius = 0;
  sensitivity::Departure departure;
  Enclosure eigenvector_condition;
  std::optional<sensitivity::Kreiss> kreiss{};
  std::optional<sensitivity::PowerBound> decay{};
  sensitivity::PowerBound growth;
};

/// The orders up to which they are computed: eigenvalue problems take 25 n^3 flops, and the Kreiss constant dozens of
/// them of twice the order.
inline constexpr std::int64_t kLargestForPowers = 512;
inline constexpr std::int64_t kLargestForKreiss = 128;

/// Nothing for a matrix that is not square or too large.
std::optional<PowerFigures> power_figures(const Tensor& matrix, Context& context);

struct CondReport {
  std::string file;  ///< the path as given
  std::string source;
  std::string tensor;
  Dimensions shape;
  Dimensions matrix;
  DType dtype;
  std::string ord;
  sensitivity::Condition result;
  std::optional<PowerFigures> powers{};
};

/// docs/json.md has the members, docs/schema/cond-1.schema.json their types.
report::Record cond_record(const CondReport& report);

report::Document cond_document(const CondReport& report, bool unicode);

}  // namespace sigmax::cli
