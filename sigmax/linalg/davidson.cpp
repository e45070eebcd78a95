#include "sigmax/linalg/davidson.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr int kMostSteps = 40;

void scale_by(std::span<double> x, double factor) {
  for (double& value : x) value *= factor;
}

// The tall matrix B, s A^T or s A, restricted to the columns in `indices`, and the preconditioner.
class Problem {
 public:
  Problem(const kernels::StoredMatrix& a, bool of_rows, double scale, std::span<const std::int64_t> indices,
          MatrixView<const double> factor, Context& context)
      : a_(a),
        of_rows_(of_rows),
        scale_(scale),
        indices_(indices),
        factor_(factor),
        context_(context),
        full_(static_cast<std::size_t>(of_rows ? a.rows : a.columns)) {}

  std::size_t order() const { return indices_.size(); }
  std::size_t length() const { return static_cast<std::size_t>(of_rows_ ? a_.columns : a_.rows); }

  // y = B x
  void multiply(std::span<const double> x, std::span<double> y) {
    std::fill(full_.begin(), full_.end(), 0.0);
    for (std::size_t i = 0; i < order(); ++i) full_[static_cast<std::size_t>(indices_[i])] = x[i];
    if (of_rows_) {
      kernels::multiply_transposed<double>(a_, full_, y, context_);
    } else {
      kernels::multiply<double>(a_, full_, y, context_);
    }
    scale_by(y, scale_);
  }

  // x = B^T y
  void multiply_transposed(std::span<const double> y, std::span<double> x) {
    if (of_rows_) {
      kernels::multiply<double>(a_, y, full_, context_);
    } else {
      kernels::multiply_transposed<double>(a_, y, full_, context_);
    }
    for (std::size_t i = 0; i < order(); ++i) x[i] = scale_ * full_[static_cast<std::size_t>(indices_[i])];
  }

  // x <- (L L^T)^-1 x
  void precondition(std::span<double> x) {
    const int n = static_cast<int>(order());
    const int stride = static_cast<int>(factor_.stride);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, factor_.data, stride, x.data(), 1);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, n, factor_.data, stride, x.data(), 1);
  }

 private:
  const kernels::StoredMatrix& a_;
  bool of_rows_;
  double scale_;
  std::span<const std::int64_t> indices_;
  MatrixView<const double> factor_;
  Context& context_;
  std::vector<double> full_;
};

// Orthonormal columns of one length, with the coefficients of each new one against the others.
class Columns {
 public:
  explicit Columns(std::size_t length) : length_(length) {}

  int count() const { return static_cast<int>(data_.size() / length_); }

  // Appends x / |x| after two passes of Gram-Schmidt; returns the coefficients of x, its norm last.
  std::vector<double> append(std::vector<double> x) {
    const int n = static_cast<int>(length_);
    const int k = count();
    std::vector<double> total(static_cast<std::size_t>(k) + 1, 0.0);
    std::vector<double> pass(static_cast<std::size_t>(k) + 1, 0.0);
    for (int repeat = 0; repeat < 2 && k > 0; ++repeat) {
      cblas_dgemv(CblasColMajor, CblasTrans, n, k, 1.0, data_.data(), n, x.data(), 1, 0.0, pass.data(), 1);
      cblas_dgemv(CblasColMajor, CblasNoTrans, n, k, -1.0, data_.data(), n, pass.data(), 1, 1.0, x.data(), 1);
      for (int i = 0; i < k; ++i) total[static_cast<std::size_t>(i)] += pass[static_cast<std::size_t>(i)];
    }
    total.back() = blas::norm(x);
    if (total.back() > 0) scale_by(x, 1 / total.back());
    data_.insert(data_.end(), x.begin(), x.end());
    return total;
  }

  std::vector<double> combine(std::span<const double> weights) const {
    std::vector<double> x(length_);
    cblas_dgemv(CblasColMajor, CblasNoTrans, static_cast<int>(length_), static_cast<int>(weights.size()), 1.0,
                data_.data(), static_cast<int>(length_), weights.data(), 1, 0.0, x.data(), 1);
    return x;
  }

  std::span<const double> column(int j) const {
    return std::span(data_).subspan(static_cast<std::size_t>(j) * length_, length_);
  }

 private:
  std::size_t length_;
  std::vector<double> data_;
};

struct SmallTriplet {
  double sigma = 0;
  std::vector<double> right;  // in the basis of the domain
  std::vector<double> image;  // R right, in the basis of the images
};

// The smallest singular triplet of the upper triangular R, given by columns.
SmallTriplet smallest_of(const std::vector<std::vector<double>>& r) {
  const int n = static_cast<int>(r.size());
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> a(size * size, 0.0);
  for (std::size_t j = 0; j < size; ++j)
    std::copy(r[j].begin(), r[j].end(), a.begin() + static_cast<std::ptrdiff_t>(j * size));
  std::vector<double> s(size), u(size * size), vt(size * size), work(size * (5 * size + 20) + 200);
  std::vector<int> integer_work(8 * size);
  const int work_size = static_cast<int>(work.size());
  int info = 0;
  dgesdd_("A", &n, &n, a.data(), &n, s.data(), u.data(), &n, vt.data(), &n, work.data(), &work_size,
          integer_work.data(), &info);
  SmallTriplet triplet;
  triplet.sigma = info == 0 ? s.back() : -1;
  for (std::size_t j = 0; j < size; ++j) triplet.right.push_back(vt[j * size + size - 1]);
  for (std::size_t i = 0; i < size; ++i) triplet.image.push_back(u[(size - 1) * size + i] * s.back());
  return triplet;
}

}  // namespace

// V orthonormal, B V = Z R with Z orthonormal and R upper triangular. Repeat:
//   (sigma, s) = smallest singular value of R and its right vector;  x = V s;  B x = Z R s
//   residual = B^T B x - sigma^2 x;  append (L L^T)^-1 residual to V
// until sigma no longer changes.
std::optional<double> smallest_singular_value(const kernels::StoredMatrix& a, bool of_rows, double scale,
                                              std::span<const std::int64_t> indices, MatrixView<const double> factor,
                                              Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  Problem problem(a, of_rows, scale, indices, factor, context);
  Columns domain(problem.order());
  Columns images(problem.length());
  std::vector<std::vector<double>> r;

  std::vector<double> x(problem.order());
  static_cast<void>(fill_normal(RandomState{}, x));  // any start works
  for (int repeat = 0; repeat < 2; ++repeat) {
    problem.precondition(x);
    const double norm = blas::norm(x);
    if (!(norm > 0) || !std::isfinite(norm)) return std::nullopt;
    scale_by(x, 1 / norm);
  }
  double before = -1;
  int settled = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    context.check_cancel();
    if (domain.append(std::move(x)).back() == 0) break;
    std::vector<double> image(problem.length());
    problem.multiply(domain.column(domain.count() - 1), image);
    r.push_back(images.append(std::move(image)));
    const SmallTriplet triplet = smallest_of(r);
    if (!(triplet.sigma > 0)) return std::nullopt;
    // The value can only decrease. The search ends after two steps that no longer change it, or when V spans the whole
    // space.
    settled = before > 0 && before - triplet.sigma <= 4e-13 * triplet.sigma ? settled + 1 : 0;
    before = triplet.sigma;
    if (settled >= 2 || domain.count() == static_cast<int>(problem.order())) return triplet.sigma / scale;
    std::vector<double> residual(problem.order());
    problem.multiply_transposed(images.combine(triplet.image), residual);
    x = domain.combine(triplet.right);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = residual[i] - triplet.sigma * triplet.sigma * x[i];
    problem.precondition(x);
    const double norm = blas::norm(x);
    if (!std::isfinite(norm)) return std::nullopt;
    if (norm == 0) return triplet.sigma / scale;
    scale_by(x, 1 / norm);
  }
  return std::nullopt;
}

std::optional<double> smallest_from_vector(const kernels::StoredMatrix& a, bool of_rows, double scale,
                                           std::span<const std::int64_t> indices, std::span<const double> x,
                                           double next, double largest, double tolerance, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  Problem problem(a, of_rows, scale, indices, {}, context);
  const double length = blas::norm(x);
  std::vector<double> image(problem.length());
  std::vector<double> residual(problem.order());
  problem.multiply(x, image);
  problem.multiply_transposed(image, residual);
  const double sigma = blas::norm(image) / length;
  const double theta = sigma * sigma;
  for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= theta * x[i];
  const double r = blas::norm(residual) / length;
  const double gap = next - theta;
  const double allowed = tolerance * sigma + std::numeric_limits<double>::epsilon() * std::sqrt(largest);
  if (!(gap > 2 * r) || !(r * r <= 2 * sigma * allowed * gap)) return std::nullopt;
  return sigma / scale;
}

}  // namespace sigmax
