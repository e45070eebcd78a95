// Gates of `sigmax certify`: `--fail-if 'certified(0.1) < 0.5'`.
//
//   comparison := quantity operator number
//   quantity   := "certified(" radius ")" | "attacked(" radius ")" | "clean"
//   operator   := ">" | ">=" | "<" | "<=" | "==" | "!="
#pragma once

#include <optional>
#include <string>

#include "sigmax/lipschitz/certified_accuracy.hpp"

namespace sigmax::cli {

/// A parsed comparison of a share of the samples, between 0 and 1, with a number.
class AccuracyGate {
 public:
  /// Throws Error that says what was expected.
  explicit AccuracyGate(std::string source);

  const std::string& source() const noexcept { return source_; }
  std::optional<double> radius() const noexcept { return radius_; }

  /// The share: of the samples that are certified, of those that the attack left (an upper end), or of those that are
  /// correct. The radius must be one of the result's.
  double value(const lipschitz::CertifiedAccuracy& result) const;
  bool trips(const lipschitz::CertifiedAccuracy& result) const;

 private:
  enum class Quantity { certified, attacked, clean };
  std::string source_;
  Quantity quantity_ = Quantity::clean;
  std::optional<double> radius_;
  std::string relation_;
  double number_ = 0;
};

}  // namespace sigmax::cli
