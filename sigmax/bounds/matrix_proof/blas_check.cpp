#include "sigmax/bounds/matrix_proof/blas_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

// Deterministic numbers without a pattern, from the upper bits of an LCG of Knuth's.
class Digits {
 public:
  explicit Digits(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next(unsigned bits) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> (64 - bits);
  }
  // Odd numbers of 41 bits and either sign: float, or two halves of 20 bits, cannot hold them.
  std::int64_t wide() {
    const auto bits = static_cast<std::int64_t>(next(40));
    const std::int64_t value = (std::int64_t{1} << 40) + (bits | 1);
    return (bits & 1) != 0 ? value : -value;
  }
  // -3 ... 3 except 0.
  std::int64_t narrow() {
    constexpr std::int64_t kValues[] = {-3, -2, -1, 1, 1, 2, 3, 3};
    return kValues[next(3)];
  }
  // A scale: rows or columns that are mixed with others of a different size lose their digits.
  double scale() { return next(1) != 0 ? 0x1p30 : 1; }

 private:
  std::uint64_t state_;
};

using Integers = std::vector<std::int64_t>;

std::size_t at(int i) { return static_cast<std::size_t>(i); }
std::size_t at(int i, int stride, int j) { return at(i) * at(stride) + at(j); }

std::vector<double> scales(int count, Digits& digits) {
  std::vector<double> result(at(count));
  for (double& scale : result) scale = digits.scale();
  return result;
}

// M of m x k wide entries and N of n x k narrow ones, with scales for the rows of both and for the summation index:
//   x_ik = m_ik a_i / f_k^2,  y_jk = n_jk b_j f_k^2,  sum_k x_ik y_jk = a_i b_j sum_k m_ik n_jk,
// with integers below 3 2^41 k <= 2^53: k <= 1365.
struct Factors {
  Factors(int rows, int columns, int terms, std::uint64_t seed) : m(rows), n(columns), k(terms) {
    Digits digits(seed);
    a = scales(m, digits);
    b = scales(n, digits);
    std::vector<double> up, down;  // f^2 and its inverse
    for (const double f : scales(k, digits)) {
      up.push_back(f * f);
      down.push_back(1 / (f * f));
    }
    const auto fill = [&](Integers& integers, std::vector<double>& scaled, const std::vector<double>& of_rows,
                          const std::vector<double>& of_terms, auto draw) {
      integers.resize(of_rows.size() * of_terms.size());
      scaled.resize(integers.size());
      std::size_t next = 0;
      for (const double row : of_rows) {
        for (const double term : of_terms) {
          integers[next] = draw();
          scaled[next] = static_cast<double>(integers[next]) * (row * term);
          ++next;
        }
      }
    };
    fill(wide, x, a, down, [&] { return digits.wide(); });
    fill(narrow, y, b, up, [&] { return digits.narrow(); });
  }

  double product(int i, int j) const {
    std::int64_t sum = 0;
    for (int l = 0; l < k; ++l) sum += wide[at(i, k, l)] * narrow[at(j, k, l)];
    return static_cast<double>(sum) * (a[at(i)] * b[at(j)]);
  }

  int m, n, k;
  Integers wide, narrow;
  std::vector<double> a, b, x, y;
};

// Some of 0 ... count - 1, including both ends: the reference uses integer arithmetic, which is slow.
std::vector<int> sample(int count, int most = 4) {
  std::vector<int> some{0, count - 1};
  for (int i = 5; i < count; i += std::max(7, count / most)) some.push_back(i);
  return some;
}

using Values = std::vector<double>;  // row-major, except where noted

Values transposed(const Values& x, int rows, int columns) {
  Values result(x.size());
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) result[at(j, rows, i)] = x[at(i, columns, j)];
  }
  return result;
}

// C = X Y^T, with wide rows on either side, and each operand stored as it is or transposed.
bool gemm_is_exact(const BlasRoutines& blas, int m, int n, int k, bool swapped) {
  const Factors factors(m, n, k, static_cast<std::uint64_t>(m + 1000 * k + (swapped ? 1 : 0)));
  const Values& left = swapped ? factors.y : factors.x;
  const Values& right = swapped ? factors.x : factors.y;
  const int rows = swapped ? n : m;
  const int columns = swapped ? m : n;
  const std::vector<int> rows_looked_at = sample(rows, 64);
  const std::vector<int> columns_looked_at = sample(columns);
  Values exact;
  for (const int j : columns_looked_at) {
    for (const int i : rows_looked_at) exact.push_back(swapped ? factors.product(j, i) : factors.product(i, j));
  }
  const Values left_transposed = transposed(left, rows, k);
  const Values right_transposed = transposed(right, columns, k);
  const auto agrees = [&](const Values& x, CBLAS_TRANSPOSE of_x, const Values& y, CBLAS_TRANSPOSE of_y) {
    Values c(at(rows, columns, 0));
    blas.gemm(CblasRowMajor, of_x, of_y, rows, columns, k, 1.0, x.data(), of_x == CblasNoTrans ? k : rows, y.data(),
              of_y == CblasNoTrans ? columns : k, 1.0, c.data(), columns);
    std::size_t next = 0;
    for (const int j : columns_looked_at) {
      for (const int i : rows_looked_at) {
        if (c[at(i, columns, j)] != exact[next++]) return false;
      }
    }
    return true;
  };
  return agrees(left, CblasNoTrans, right, CblasTrans) && agrees(left, CblasNoTrans, right_transposed, CblasNoTrans) &&
         agrees(left_transposed, CblasTrans, right_transposed, CblasNoTrans);
}

// C = S S^T for S with alternating wide and narrow rows: where a wide and a narrow row meet, C is exact.
bool syrk_is_exact(const BlasRoutines& blas, int half, int k) {
  const Factors factors(half, half, k, static_cast<std::uint64_t>(7 * half + k));
  const int n = 2 * half;
  Values s;
  for (int i = 0; i < half; ++i) {
    for (const Values* rows : {&factors.x, &factors.y}) {
      s.insert(s.end(), rows->begin() + i * k, rows->begin() + (i + 1) * k);
    }
  }
  const auto agrees = [&](const Values& x, CBLAS_TRANSPOSE of_x) {
    Values c(at(n, n, 0));
    blas.syrk(CblasRowMajor, CblasLower, of_x, n, k, 1.0, x.data(), of_x == CblasNoTrans ? k : n, 1.0, c.data(), n);
    for (const int j : sample(half)) {
      for (int i = 0; i < half; ++i) {
        const int row = std::max(2 * i, 2 * j + 1);
        const int column = std::min(2 * i, 2 * j + 1);
        if (c[at(row, n, column)] != factors.product(i, j)) return false;
      }
    }
    return true;
  };
  return agrees(s, CblasNoTrans) && agrees(transposed(s, n, k), CblasTrans);
}

// X L^T = B for L with ones on the diagonal, its columns and the rows of X scaled by powers of two. With X wide and L
// narrow, or the other way around, each x_j = b_j - sum_k x_k l_jk is exact. The inverse of L has entries beyond 2^53.
bool trsm_is_exact(const BlasRoutines& blas, int m, int n, bool wide_factor) {
  Digits digits(static_cast<std::uint64_t>(m + n + (wide_factor ? 3 : 0)));
  Integers x(at(m, n, 0)), l(at(n, n, 0));
  for (std::int64_t& value : x) value = wide_factor ? digits.narrow() : digits.wide();
  for (int j = 0; j < n; ++j) {
    for (int k = 0; k < j; ++k) l[at(j, n, k)] = wide_factor ? digits.wide() : digits.narrow();
    l[at(j, n, j)] = 1;
  }
  const std::vector<double> of_rows = scales(m, digits);
  const std::vector<double> of_columns = scales(n, digits);
  Values b(at(m, n, 0)), factor(at(n, n, 0));  // column-major, as cholesky() has them
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < m; ++i) {
      std::int64_t sum = 0;
      for (int k = 0; k <= j; ++k) sum += x[at(i, n, k)] * l[at(j, n, k)];
      b[at(j, m, i)] = static_cast<double>(sum) * of_rows[at(i)];
    }
    for (int k = 0; k <= j; ++k) factor[at(k, n, j)] = static_cast<double>(l[at(j, n, k)]) / of_columns[at(k)];
  }
  blas.trsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, m, n, 1.0, factor.data(), n, b.data(), m);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < m; ++i) {
      if (b[at(j, m, i)] != static_cast<double>(x[at(i, n, j)]) * (of_rows[at(i)] * of_columns[at(j)])) return false;
    }
  }
  return true;
}

// The three ways in which a factorization with row exchanges solves L X = B, L as above: with L itself and ones on its
// diagonal, with the upper triangle L^T transposed, and with rows and columns in reverse, from the last one up.
enum class Solve { lower, upper_transposed, lower_transposed };

bool left_trsm_is_exact(const BlasRoutines& blas, int m, int n, bool wide_factor, Solve solve) {
  Digits digits(static_cast<std::uint64_t>(m + n + (wide_factor ? 5 : 0)));
  Integers x(at(m, n, 0)), l(at(n, n, 0));
  for (std::int64_t& value : x) value = wide_factor ? digits.narrow() : digits.wide();
  for (int j = 0; j < n; ++j) {
    for (int k = 0; k < j; ++k) l[at(j, n, k)] = wide_factor ? digits.wide() : digits.narrow();
    l[at(j, n, j)] = 1;
  }
  const bool unit = solve != Solve::upper_transposed;
  const std::vector<double> of_columns = scales(m, digits);
  const std::vector<double> of_rows = scales(n, digits);
  const auto place = [&](int j) { return solve == Solve::lower_transposed ? n - 1 - j : j; };
  Values b(at(m, n, 0)), factor(at(n, n, 0));  // column-major
  for (int j = 0; j < n; ++j) {
    const double of_row = unit ? of_rows[at(j)] : 1;
    for (int i = 0; i < m; ++i) {
      std::int64_t sum = 0;
      for (int k = 0; k <= j; ++k) sum += x[at(i, n, k)] * l[at(j, n, k)];
      b[at(i, n, place(j))] = static_cast<double>(sum) * (of_row * of_columns[at(i)]);
    }
    for (int k = 0; k <= j; ++k) {
      // Row and column of the triangle that is stored; the one of `lower` alone is not transposed.
      const int row = solve == Solve::lower ? j : place(k);
      const int column = solve == Solve::lower ? k : place(j);
      factor[at(column, n, row)] = static_cast<double>(l[at(j, n, k)]) * of_row / of_rows[at(k)];
    }
  }
  blas.trsm(CblasColMajor, CblasLeft, solve == Solve::upper_transposed ? CblasUpper : CblasLower,
            solve == Solve::lower ? CblasNoTrans : CblasTrans, unit ? CblasUnit : CblasNonUnit, n, m, 1.0,
            factor.data(), n, b.data(), n);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      if (b[at(i, n, place(j))] != static_cast<double>(x[at(i, n, j)]) * (of_rows[at(j)] * of_columns[at(i)]))
        return false;
    }
  }
  return true;
}

// B = L L^T for an L with a power of two on the diagonal of each row, two odd entries of 25 bits and two small ones
// before it: every sum is of integers below 2^53, every root and quotient exact.
bool potrf_is_exact(const BlasRoutines& blas, int n) {
  Digits digits(static_cast<std::uint64_t>(n));
  Values l(at(n, n, 0)), b(at(n, n, 0));        // column-major: (i, j) is at (j, n, i)
  std::vector<std::vector<int>> places(at(n));  // of the entries of each row
  for (int i = 0; i < n; ++i) {
    for (int entry = 0; entry < 4 && i > 0; ++entry) {
      const int j = static_cast<int>(digits.next(30) % static_cast<std::uint64_t>(i));
      if (l[at(j, n, i)] != 0) continue;
      const auto odd = static_cast<std::int64_t>((std::uint64_t{1} << 24) + (digits.next(23) << 1) + 1);
      l[at(j, n, i)] = static_cast<double>(entry < 2 ? odd : digits.narrow());
      places[at(i)].push_back(j);
    }
    l[at(i, n, i)] = std::ldexp(1.0, static_cast<int>(digits.next(3)));
    places[at(i)].push_back(i);
  }
  const std::vector<double> scale = scales(n, digits);
  for (int j = 0; j < n; ++j) {
    for (int i = j; i < n; ++i) {
      double sum = 0;
      for (const int k : places[at(j)]) sum += l[at(k, n, i)] * l[at(k, n, j)];
      b[at(j, n, i)] = sum * (scale[at(i)] * scale[at(j)]);
    }
  }
  int info = 0;
  blas.potrf("L", &n, b.data(), &n, &info);
  if (info != 0) return false;
  for (int j = 0; j < n; ++j) {
    for (int i = j; i < n; ++i) {
      if (b[at(j, n, i)] != l[at(j, n, i)] * scale[at(i)]) return false;
    }
  }
  return true;
}

}  // namespace

BlasRoutines linked_blas() { return {&cblas_dgemm, &cblas_dsyrk, &cblas_dtrsm, &dpotrf_}; }

bool forms_inner_products(const BlasRoutines& blas) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  for (const bool swapped : {false, true}) {
    if (!gemm_is_exact(blas, 7, 9, 11, swapped) || !gemm_is_exact(blas, 80, 30, 64, swapped)) return false;
    if (!trsm_is_exact(blas, 9, 12, swapped) || !trsm_is_exact(blas, 24, 192, swapped)) return false;
    for (const Solve solve : {Solve::lower, Solve::upper_transposed, Solve::lower_transposed}) {
      if (!left_trsm_is_exact(blas, 9, 12, swapped, solve) || !left_trsm_is_exact(blas, 24, 192, swapped, solve)) {
        return false;
      }
    }
  }
  // Sizes beyond the blocks that libraries cut operands into; the choice of the wide operand was tested above.
  if (!gemm_is_exact(blas, 520, 8, 400, false)) return false;
  return syrk_is_exact(blas, 6, 11) && syrk_is_exact(blas, 20, 64) && syrk_is_exact(blas, 66, 400) &&
         potrf_is_exact(blas, 12) && potrf_is_exact(blas, 192) && potrf_is_exact(blas, 260);
}

bool blas_supports_proofs() {
  static const bool answer = forms_inner_products(linked_blas());
  return answer;
}

}  // namespace sigmax::bounds
