// Linear maps and operations entry by entry.
#include <algorithm>
#include <cstdint>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph::evaluation {
namespace {

std::size_t size_of_node(const Node& node) { return static_cast<std::size_t>(node.size()); }

class AffineMap final : public LocalMap {
 public:
  explicit AffineMap(const Affine& affine) : affine_(affine) {}

  Vector value(Operands x, Context& context) const override {
    Vector y = linear(*x[0], context);
    if (affine_.offset.empty()) return y;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += affine_.offset[i];
    return y;
  }
  Vector push(Operands, const Vector&, Tangents dx, Context& context) const override { return linear(*dx[0], context); }
  void pull(Operands, const Vector&, const Vector& dy, Cotangents dx, Context& context) const override {
    Vector share(dx[0]->size());
    if (dy.empty() || share.empty()) return;
    affine_.map->apply_adjoint(MatrixView<const double>(dy), MatrixView<double>(share), context);
    for (std::size_t i = 0; i < share.size(); ++i) (*dx[0])[i] += share[i];
  }

 private:
  Vector linear(const Vector& x, Context& context) const {
    Vector y(static_cast<std::size_t>(affine_.map->shape().rows), 0.0);
    if (!y.empty() && !x.empty()) affine_.map->apply(MatrixView<const double>(x), MatrixView<double>(y), context);
    return y;
  }
  const Affine& affine_;
};

class ElementwiseMap final : public LocalMap {
 public:
  explicit ElementwiseMap(const Elementwise& elementwise) : elementwise_(elementwise) {}

  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = function(i).value((*x[0])[i]);
    return y;
  }
  Vector push(Operands x, const Vector&, Tangents dx, Context&) const override {
    Vector dy(x[0]->size());
    for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = times_slope(i, (*x[0])[i], (*dx[0])[i]);
    return dy;
  }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) (*dx[0])[i] += times_slope(i, (*x[0])[i], dy[i]);
  }

 private:
  const ScalarFunction& function(std::size_t i) const {
    return *elementwise_.functions[elementwise_.which.empty() ? 0 : elementwise_.which[i]];
  }
  // A tangent of zero stays zero where the slope is infinite.
  double times_slope(std::size_t i, double x, double d) const { return d == 0 ? 0 : d * function(i).derivative(x); }
  const Elementwise& elementwise_;
};

class SumMap final : public LocalMap {
 public:
  explicit SumMap(const Node& node) : size_(size_of_node(node)) {}

  Vector value(Operands x, Context&) const override { return total(x); }
  Vector push(Operands, const Vector&, Tangents dx, Context&) const override { return total(dx); }
  void pull(Operands, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    for (Vector* const each : dx) {
      if (each == nullptr) continue;
      for (std::size_t i = 0; i < size_; ++i) (*each)[i] += dy[i];
    }
  }

 private:
  Vector total(std::span<const Vector* const> terms) const {
    Vector y(size_, 0.0);
    for (const Vector* const term : terms) {
      if (term == nullptr) continue;
      for (std::size_t i = 0; i < size_; ++i) y[i] += (*term)[i];
    }
    return y;
  }
  std::size_t size_;
};

class StackMap final : public LocalMap {
 public:
  explicit StackMap(const Node& node) : size_(size_of_node(node)) {}

  Vector value(Operands x, Context&) const override { return joined(x, x); }
  Vector push(Operands x, const Vector&, Tangents dx, Context&) const override { return joined(x, dx); }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    std::size_t first = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (dx[k] != nullptr) {
        for (std::size_t i = 0; i < x[k]->size(); ++i) (*dx[k])[i] += dy[first + i];
      }
      first += x[k]->size();
    }
  }

 private:
  Vector joined(Operands sizes, std::span<const Vector* const> parts) const {
    Vector y;
    y.reserve(size_);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      if (parts[k] == nullptr) {
        y.resize(y.size() + sizes[k]->size(), 0.0);
      } else {
        y.insert(y.end(), parts[k]->begin(), parts[k]->end());
      }
    }
    return y;
  }
  std::size_t size_;
};

class ProductMap final : public LocalMap {
 public:
  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (*x[0])[i] * (*x[1])[i];
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    for (std::size_t k = 0; k < 2; ++k) {
      if (dx[k] == nullptr) continue;
      for (std::size_t i = 0; i < dy.size(); ++i) dy[i] += (*dx[k])[i] * (*x[1 - k])[i];
    }
    return dy;
  }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    for (std::size_t k = 0; k < 2; ++k) {
      if (dx[k] == nullptr) continue;
      for (std::size_t i = 0; i < dy.size(); ++i) (*dx[k])[i] += dy[i] * (*x[1 - k])[i];
    }
  }
};

// d(a / b) = (da - y db) / b
class QuotientMap final : public LocalMap {
 public:
  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (*x[0])[i] / (*x[1])[i];
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    for (std::size_t i = 0; i < dy.size(); ++i) {
      const double above = dx[0] == nullptr ? 0 : (*dx[0])[i];
      const double below = dx[1] == nullptr ? 0 : (*dx[1])[i];
      dy[i] = (above - y[i] * below) / (*x[1])[i];
    }
    return dy;
  }
  void pull(Operands x, const Vector& y, const Vector& dy, Cotangents dx, Context&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) {
      const double share = dy[i] / (*x[1])[i];
      if (dx[0] != nullptr) (*dx[0])[i] += share;
      if (dx[1] != nullptr) (*dx[1])[i] -= y[i] * share;
    }
  }
};

// c(rows x columns) += a(rows x inner) b(inner x columns), each with the strides of its rows and columns.
struct Strided {
  const double* data;
  std::int64_t row;
  std::int64_t column;
};
void add_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, Strided a, Strided b, double* c) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < inner; ++k) {
      const double factor = a.data[i * a.row + k * a.column];
      if (factor == 0) continue;
      for (std::int64_t j = 0; j < columns; ++j) c[i * columns + j] += factor * b.data[k * b.row + j * b.column];
    }
  }
}

class MatrixProductMap final : public LocalMap {
 public:
  explicit MatrixProductMap(const MatrixProduct& sizes) : n_(sizes) {}

  Vector value(Operands x, Context&) const override {
    Vector y(static_cast<std::size_t>(n_.batch * n_.rows * n_.columns), 0.0);
    add(*x[0], *x[1], y);
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    if (dx[0] != nullptr) add(*dx[0], *x[1], dy);
    if (dx[1] != nullptr) add(*x[0], *dx[1], dy);
    return dy;
  }
  // dA += dY B^T, dB += A^T dY
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    for (std::int64_t t = 0; t < n_.batch; ++t) {
      const Strided out{dy.data() + t * n_.rows * n_.columns, n_.columns, 1};
      const double* const a = x[0]->data() + t * n_.rows * n_.inner;
      const double* const b = x[1]->data() + t * n_.inner * n_.columns;
      if (dx[0] != nullptr) {
        add_product(n_.rows, n_.columns, n_.inner, out, {b, 1, n_.columns}, dx[0]->data() + t * n_.rows * n_.inner);
      }
      if (dx[1] != nullptr) {
        add_product(n_.inner, n_.rows, n_.columns, {a, 1, n_.inner}, out, dx[1]->data() + t * n_.inner * n_.columns);
      }
    }
  }

 private:
  void add(const Vector& a, const Vector& b, Vector& y) const {
    for (std::int64_t t = 0; t < n_.batch; ++t) {
      add_product(n_.rows, n_.inner, n_.columns, {a.data() + t * n_.rows * n_.inner, n_.inner, 1},
                  {b.data() + t * n_.inner * n_.columns, n_.columns, 1}, y.data() + t * n_.rows * n_.columns);
    }
  }
  const MatrixProduct& n_;
};

class ExtremeMap final : public LocalMap {
 public:
  explicit ExtremeMap(const Extreme& extreme) : least_(extreme.least) {}

  Vector value(Operands x, Context&) const override {
    Vector y(x[0]->size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (*x[chosen(x, i)])[i];
    return y;
  }
  Vector push(Operands x, const Vector& y, Tangents dx, Context&) const override {
    Vector dy(y.size(), 0.0);
    for (std::size_t i = 0; i < dy.size(); ++i) {
      const Vector* const from = dx[chosen(x, i)];
      if (from != nullptr) dy[i] = (*from)[i];
    }
    return dy;
  }
  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) {
      Vector* const to = dx[chosen(x, i)];
      if (to != nullptr) (*to)[i] += dy[i];
    }
  }

 private:
  // The first of the extreme entries.
  std::size_t chosen(Operands x, std::size_t i) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < x.size(); ++k) {
      const bool better = least_ ? (*x[k])[i] < (*x[best])[i] : (*x[k])[i] > (*x[best])[i];
      if (better) best = k;
    }
    return best;
  }
  bool least_;
};

}  // namespace

Map map_of(const Affine& affine, const Node&) { return std::make_unique<AffineMap>(affine); }
Map map_of(const Elementwise& elementwise, const Node&) { return std::make_unique<ElementwiseMap>(elementwise); }
Map map_of(const Sum&, const Node& node) { return std::make_unique<SumMap>(node); }
Map map_of(const Stack&, const Node& node) { return std::make_unique<StackMap>(node); }
Map map_of(const Product&, const Node&) { return std::make_unique<ProductMap>(); }
Map map_of(const Quotient&, const Node&) { return std::make_unique<QuotientMap>(); }
Map map_of(const MatrixProduct& product, const Node&) { return std::make_unique<MatrixProductMap>(product); }
Map map_of(const Extreme& extreme, const Node&) { return std::make_unique<ExtremeMap>(extreme); }

}  // namespace sigmax::graph::evaluation
