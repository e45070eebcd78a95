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
  std::optional<Enclosure> numerical_radius{};
  /// For changes |E|_2 <= change = kChange |A|_2.
  std::optional<sensitivity::PseudospectralRadius> pseudospectral{};
  double change = 0;
  std::optional<sensitivity::Kreiss> kreiss{};
  std::optional<sensitivity::PowerBound> decay{};
  sensitivity::PowerBound growth;
};

/// The orders up to which they are computed, so that each takes a few seconds at most: an eigenvalue problem takes 25
/// n^3 flops, the numerical radius takes a hundred symmetric ones of twice the order, a pseudospectrum about ten of
/// twice the order, and the Kreiss constant several pseudospectra.
inline constexpr std::int64_t kLargestForPowers = 512;
inline constexpr std::int64_t kLargestForNumericalRadius = 256;
inline constexpr std::int64_t kLargestForPseudospectrum = 128;
inline constexpr std::int64_t kLargestForKreiss = 128;

/// The relative size of the changes whose effect on the spectral radius is shown.
inline constexpr double kChange = 0.01;

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
