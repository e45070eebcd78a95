#include "sigmax/norms/equivalence/extremal_norms.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {

using Kind = NormForm::Kind;

// The p-norm of c^e over the first of the shares c, which descend.
double p_norm_of_shares(std::int64_t whole, std::int64_t k, double e, double p, std::int64_t first) {
  double sum = 0;
  double largest = 0;
  for (std::int64_t part = 0; part < std::min(k, first); ++part) {
    const double value = std::pow(static_cast<double>(share(whole, k, part)), e);
    largest = std::max(largest, value);
    sum += std::isinf(p) ? 0 : std::pow(value, p);
  }
  return std::isinf(p) ? largest : std::pow(sum, 1 / p);
}

// u v^T with vectors of ones or a first unit vector.
std::optional<double> of_rank_one(double u, double v, bool square, const NormForm& n) {
  switch (n.kind) {
    case Kind::ky_fan: return std::sqrt(u) * std::sqrt(v);
    case Kind::columns: return root_of(u, n.p) * root_of(v, n.q);
    case Kind::rows: return root_of(v, n.p) * root_of(u, n.q);
    case Kind::induced: return root_of(u, n.q) * root_of(v, conjugate(n.p));
    // (|u| |v| + |u^T v|) / 2
    case Kind::radius: return square ? std::optional((std::sqrt(u * v) + std::min(u, v)) / 2) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> of_identity(double k, const NormForm& n) {
  switch (n.kind) {
    case Kind::ky_fan: return root_of(std::min(k, static_cast<double>(n.k)), n.p);
    case Kind::columns:
    case Kind::rows: return root_of(k, n.q);
    case Kind::induced: return n.p > n.q ? std::pow(k, 1 / n.q - 1 / n.p) : 1;
    case Kind::radius: return 1;
  }
  return std::nullopt;
}

// One 1 in each row; column j has c_j of them, so that |A x|_q^q = sum c_j |x_j|^q.
std::optional<double> of_balanced_rows(double rows, std::int64_t k, const NormForm& n) {
  const auto m = static_cast<std::int64_t>(rows);
  switch (n.kind) {
    case Kind::ky_fan: return p_norm_of_shares(m, k, 0.5, n.p, n.k);
    case Kind::columns: return p_norm_of_shares(m, k, 1 / n.p, n.q, k);
    case Kind::rows: return root_of(rows, n.q);
    case Kind::induced:
      if (n.p <= n.q) return std::pow(static_cast<double>(share(m, k, 0)), 1 / n.q);
      return p_norm_of_shares(m, k, 1 / n.q, 1 / (1 / n.q - 1 / n.p), k);
    case Kind::radius: return std::nullopt;
  }
  return std::nullopt;
}

// Entries +-1 and k equal singular values.
std::optional<double> of_flat(double m, double columns, std::int64_t k, const NormForm& n) {
  switch (n.kind) {
    case Kind::ky_fan:
      return std::sqrt(m * columns / static_cast<double>(k)) * root_of(static_cast<double>(std::min(k, n.k)), n.p);
    case Kind::columns: return root_of(m, n.p) * root_of(columns, n.q);
    case Kind::rows: return root_of(columns, n.p) * root_of(m, n.q);
    default: return std::nullopt;
  }
}

std::optional<double> of_frame_of_columns(double columns, std::int64_t k, const NormForm& n) {
  const double sigma = std::sqrt(columns / static_cast<double>(k));
  if (n.kind == Kind::ky_fan) return sigma * root_of(static_cast<double>(std::min(k, n.k)), n.p);
  if (n.kind == Kind::columns && n.p == 2) return root_of(columns, n.q);
  if (n.kind == Kind::rows && n.p == 2) return sigma * root_of(static_cast<double>(k), n.q);
  return std::nullopt;
}

}  // namespace

std::optional<double> norm_of(const Extremal& a, const NormForm& form) {
  const auto m = static_cast<double>(a.rows);
  const auto n = static_cast<double>(a.columns);
  const bool square = a.rows == a.columns;
  switch (a.kind) {
    case ExtremalKind::entry: return of_rank_one(1, 1, square, form);
    case ExtremalKind::beside_diagonal: return form.kind == Kind::radius ? 0.5 : 1;
    case ExtremalKind::column: return of_rank_one(m, 1, square, form);
    case ExtremalKind::row: return of_rank_one(1, n, square, form);
    case ExtremalKind::ones: return of_rank_one(m, n, square, form);
    case ExtremalKind::identity: return of_identity(static_cast<double>(a.k), form);
    case ExtremalKind::balanced_rows: return of_balanced_rows(m, a.k, form);
    case ExtremalKind::balanced_columns: return of_balanced_rows(n, a.k, transposed(form));
    case ExtremalKind::hadamard: return of_flat(m, n, std::min(a.rows, a.columns), form);
    case ExtremalKind::hadamard_blocks: return of_flat(m, n, a.k, form);
    case ExtremalKind::frame_of_columns: return of_frame_of_columns(n, a.k, form);
    case ExtremalKind::frame_of_rows: return of_frame_of_columns(m, a.k, transposed(form));
  }
  return std::nullopt;
}

}  // namespace sigmax::norms
