// Arithmetic in double that says whether it rounded. Internal to graph/.
#pragma once

#include <cmath>

namespace sigmax::graph::onnx {

struct Exactly {
  double value = 0;
  bool exact = true;
};

/// Products smaller than this lose digits that their remainder does not show.
inline constexpr double kLeastProduct = 0x1p-900;

inline Exactly exact_sum(double a, double b) {
  const double sum = a + b;
  const double of_b = sum - a;  // Knuth's two-sum: the error is exact
  const double error = (a - (sum - of_b)) + (b - of_b);
  return {sum, error == 0};
}

inline Exactly exact_product(double a, double b) {
  const double product = a * b;
  if (a == 0 || b == 0) return {product, true};
  return {product, std::abs(product) > kLeastProduct && std::fma(a, b, -product) == 0};
}

inline Exactly exact_quotient(double a, double b) {
  const double quotient = a / b;
  if (a == 0) return {quotient, b != 0};
  return {quotient, std::abs(a) > kLeastProduct && std::fma(quotient, b, -a) == 0};
}

inline Exactly exact_root(double a) {
  const double root = std::sqrt(a);
  return {root, a == 0 || (a > kLeastProduct && std::fma(root, root, -a) == 0)};
}

}  // namespace sigmax::graph::onnx
