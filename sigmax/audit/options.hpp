// The options of an audit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sigmax/audit/convolution.hpp"
#include "sigmax/audit/roles/assumed_role.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::audit {

/// How closely the norm of a convolution as an operator is enclosed, and for how long.
struct OperatorNormOptions {
  double relative_width = 1e-3;
  /// The width at an image size where a product with the operator takes more than `cheap_product` multiplications:
  /// closer takes another theorem, and much longer.
  double width_at_a_size = 5e-2;
  double cheap_product = 1e7;
  std::int64_t dense_up_to = 2048;  ///< ConvolutionNormOptions::dense_up_to
  double most_flops = 1e11;         ///< for one weight, about; the ends that have been reached then are reported
};

struct Options {
  bool full_spectrum = true;  ///< false leaves out everything in SpectrumFigures
  /// How the upper end of sigma_max is certified. `seed` replaces `random`.
  CertifyOptions certify;
  /// Seeds the random vectors. Empty: drawn once for the audit. A given seed repeats an audit digit by digit. Somebody
  /// who knows the seed could construct a matrix that defeats a probabilistic bound, so such an audit has only proven
  /// upper ends, some of them wide.
  std::optional<Seed> seed{};
  std::int64_t min_dim = 1;  ///< weights with a shorter side below this are skipped, with that reason
  /// Names to audit; others are listed as skipped with `not_selected_reason`. Empty: all.
  std::function<bool(const std::string& name)> select;
  std::string not_selected_reason = "not selected";
  /// The role that the user assigns to a tensor, overriding the evidence; nothing for tensors without such a role.
  /// Empty: none.
  std::function<std::optional<AssumedRole>(const std::string& name)> assume;
  /// Nothing: convolutions are measured as reshaped kernels alone.
  std::optional<OperatorNormOptions> operator_norms = OperatorNormOptions();
  /// What the user says about the convolution of a tensor, overriding the file. Empty: nothing.
  std::function<io::StatedConvolution(const std::string& name)> convolution;
};

}  // namespace sigmax::audit
