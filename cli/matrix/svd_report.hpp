// The results of `sigmax svd`, and their output as a table, CSV, JSON (schema `sigmax.svd/1`) or bare values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal/terminal.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::cli {

/// Singular triplets of one matrix, by descending sigma.
struct SvdReport {
  struct Triplet {
    std::int64_t index = 0;  ///< i of sigma_i, from 1
    double sigma = 0;
    double relative = 0;  ///< sigma_i / sigma_1; 0 for the zero matrix
    /// Share of |A|_F^2: that of sigma_1 to sigma_i or, for the smallest triplets, that of sigma_i to the last.
    double energy = 0;
    double residual = 0;                 ///< |A^T u_i - sigma_i v_i| / sigma_1
    std::optional<Enclosure> enclosure;  ///< encloses sigma_i; nothing if not requested
  };

  std::string file;    ///< as given: may be a folder or an index
  std::string source;  ///< the file that holds the tensor
  std::string tensor;
  Dimensions shape;   ///< the tensor's
  Dimensions matrix;  ///< rows, columns
  DType dtype = DType::f64;
  bool smallest = false;
  bool values_only = false;
  std::vector<Triplet> triplets;
  double frobenius = 0;
  double rounding = 0;  ///< u |A|_F, u the unit roundoff of `dtype`: the most that storage may have moved each sigma_i
  std::optional<Enclosure> sigma_1;  ///< nothing if not requested

  std::string output;  ///< the file that u, s and vt were written to; empty if there is none
  std::string method;
  bool converged = true;
  bool confirmed = true;  ///< the enclosures rule out a missed value
  std::string outcome;    ///< `converged`, `completed`, `unconfirmed` or `out_of_products`
  std::string in_words;   ///< the outcome and a remedy
  bool of_vectors = false;
  double tolerance = 0;
  Seed seed;
  std::int64_t products = 0;
  std::int64_t reads = 0;
  double seconds = 0;
  int threads = 1;
};

/// The largest |A^T u_i - sigma_i v_i| / sigma_1 over all triplets.
double largest_residual(const SvdReport& report) noexcept;

/// Lines for people. They fit in `style.width` if it is at least 60.
std::string svd_as_table(const SvdReport& report, const Style& style);

/// One singular value per line, with enough digits to read back as the same double.
std::string svd_as_values(const SvdReport& report);

/// One line per triplet: index, sigma, relative, energy, residual, lower, upper, known.
std::string svd_as_csv(const SvdReport& report);

std::string svd_as_json(const SvdReport& report);

}  // namespace sigmax::cli
