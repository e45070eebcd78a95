// The matrix that an operator must represent, in long double, with the allowed error of its products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::conformance {

/// A matrix that is composed like operators. Each entry has a magnitude, the same expression with absolute values
/// throughout. The matrix has the number of operations in the longest chain that leads to an entry of a product: the
/// error of a product computed part by part is at most gamma(operations) magnitude |x|.
class ReferenceMatrix {
 public:
  ReferenceMatrix() = default;
  ReferenceMatrix(Shape shape, std::int64_t operations)
      : shape_(shape),
        operations_(operations),
        values_(static_cast<std::size_t>(shape.rows * shape.columns)),
        magnitudes_(values_.size()) {}

  /// Stored entries, row-major.
  static ReferenceMatrix of(Shape shape, std::span<const double> entries) {
    ReferenceMatrix m(shape, std::max<std::int64_t>({shape.rows, shape.columns, 1}));
    for (std::size_t k = 0; k < entries.size(); ++k) {
      m.values_[k] = entries[k];
      m.magnitudes_[k] = std::fabs(entries[k]);
    }
    return m;
  }

  Shape shape() const { return shape_; }
  std::int64_t operations() const { return operations_; }
  long double& value(std::int64_t i, std::int64_t j) { return values_[at(i, j)]; }
  long double value(std::int64_t i, std::int64_t j) const { return values_[at(i, j)]; }
  long double& magnitude(std::int64_t i, std::int64_t j) { return magnitudes_[at(i, j)]; }
  long double magnitude(std::int64_t i, std::int64_t j) const { return magnitudes_[at(i, j)]; }

  /// M x
  std::vector<long double> times(const std::vector<long double>& x) const { return times(values_, x); }
  /// |M| x
  std::vector<long double> magnitudes_times(const std::vector<long double>& x) const { return times(magnitudes_, x); }

  double frobenius() const {
    long double sum = 0;
    for (const long double m : magnitudes_) sum += m * m;
    return static_cast<double>(std::sqrt(sum));
  }

 private:
  std::vector<long double> times(const std::vector<long double>& m, const std::vector<long double>& x) const {
    std::vector<long double> y(static_cast<std::size_t>(shape_.rows));
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) y[i] += m[i * x.size() + j] * x[j];
    }
    return y;
  }

  std::size_t at(std::int64_t i, std::int64_t j) const { return static_cast<std::size_t>(i * shape_.columns + j); }

  Shape shape_;
  std::int64_t operations_ = 0;
  std::vector<long double> values_;
  std::vector<long double> magnitudes_;
};

/// Calls body(i, j) for every entry.
template <class Body>
void each_entry(const ReferenceMatrix& m, const Body& body) {
  for (std::int64_t i = 0; i < m.shape().rows; ++i) {
    for (std::int64_t j = 0; j < m.shape().columns; ++j) body(i, j);
  }
}

inline ReferenceMatrix operator+(const ReferenceMatrix& a, const ReferenceMatrix& b) {
  ReferenceMatrix c(a.shape(), std::max(a.operations(), b.operations()) + 1);
  each_entry(c, [&](std::int64_t i, std::int64_t j) {
    c.value(i, j) = a.value(i, j) + b.value(i, j);
    c.magnitude(i, j) = a.magnitude(i, j) + b.magnitude(i, j);
  });
  return c;
}

/// Counts as two operations, because the factor may be rounded to T as well.
inline ReferenceMatrix operator*(double factor, const ReferenceMatrix& a) {
  ReferenceMatrix c(a.shape(), a.operations() + 2);
  each_entry(c, [&](std::int64_t i, std::int64_t j) {
    c.value(i, j) = factor * a.value(i, j);
    c.magnitude(i, j) = std::fabs(factor) * a.magnitude(i, j);
  });
  return c;
}

inline ReferenceMatrix operator*(const ReferenceMatrix& a, const ReferenceMatrix& b) {
  ReferenceMatrix c({a.shape().rows, b.shape().columns}, a.operations() + b.operations());
  each_entry(c, [&](std::int64_t i, std::int64_t j) {
    for (std::int64_t k = 0; k < a.shape().columns; ++k) {
      c.value(i, j) += a.value(i, k) * b.value(k, j);
      c.magnitude(i, j) += a.magnitude(i, k) * b.magnitude(k, j);
    }
  });
  return c;
}

inline ReferenceMatrix transposed(const ReferenceMatrix& a) {
  ReferenceMatrix c({a.shape().columns, a.shape().rows}, a.operations());
  each_entry(c, [&](std::int64_t i, std::int64_t j) {
    c.value(i, j) = a.value(j, i);
    c.magnitude(i, j) = a.magnitude(j, i);
  });
  return c;
}

inline ReferenceMatrix below(std::span<const ReferenceMatrix> parts) {
  Shape shape{0, parts.front().shape().columns};
  std::int64_t operations = 0;
  for (const ReferenceMatrix& part : parts) {
    shape.rows += part.shape().rows;
    operations = std::max(operations, part.operations());
  }
  ReferenceMatrix c(shape, operations + static_cast<std::int64_t>(parts.size()));
  std::int64_t first = 0;
  for (const ReferenceMatrix& part : parts) {
    each_entry(part, [&](std::int64_t i, std::int64_t j) {
      c.value(first + i, j) = part.value(i, j);
      c.magnitude(first + i, j) = part.magnitude(i, j);
    });
    first += part.shape().rows;
  }
  return c;
}

inline ReferenceMatrix below(std::initializer_list<ReferenceMatrix> parts) {
  return below(std::span<const ReferenceMatrix>(parts.begin(), parts.size()));
}

inline ReferenceMatrix beside(std::span<const ReferenceMatrix> parts) {
  std::vector<ReferenceMatrix> turned;
  for (const ReferenceMatrix& part : parts) turned.push_back(transposed(part));
  return transposed(below(turned));
}

inline ReferenceMatrix beside(std::initializer_list<ReferenceMatrix> parts) {
  return beside(std::span<const ReferenceMatrix>(parts.begin(), parts.size()));
}

/// Entry (i, j), (k, l) is a(i, k) b(j, l).
inline ReferenceMatrix kronecker_matrix(const ReferenceMatrix& a, const ReferenceMatrix& b) {
  ReferenceMatrix c({a.shape().rows * b.shape().rows, a.shape().columns * b.shape().columns},
                    a.operations() + b.operations());
  each_entry(a, [&](std::int64_t i, std::int64_t k) {
    each_entry(b, [&](std::int64_t j, std::int64_t l) {
      const std::int64_t row = i * b.shape().rows + j;
      const std::int64_t column = k * b.shape().columns + l;
      c.value(row, column) = a.value(i, k) * b.value(j, l);
      c.magnitude(row, column) = a.magnitude(i, k) * b.magnitude(j, l);
    });
  });
  return c;
}

/// A one in column index[i] of row i, none where index[i] is negative.
inline ReferenceMatrix selection_matrix(std::int64_t inputs, std::span<const std::int64_t> index) {
  const auto rows = static_cast<std::int64_t>(index.size());
  ReferenceMatrix m({rows, inputs}, std::max<std::int64_t>(rows, 1));
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t j = index[static_cast<std::size_t>(i)];
    if (j >= 0) m.value(i, j) = m.magnitude(i, j) = 1;
  }
  return m;
}

/// Where the entry that stands at j on an axis of n entries comes from, by walking there from inside; -1 for a zero.
inline std::int64_t walked_entry(PaddingMode mode, std::int64_t n, std::int64_t j) {
  if (mode == PaddingMode::Zeros) return j >= 0 && j < n ? j : -1;
  const std::int64_t step = j < 0 ? -1 : 1;
  std::int64_t at = 0;
  std::int64_t direction = step;
  for (std::int64_t walked = 0; walked != j; walked += step) {
    std::int64_t next = at + direction;
    if (next < 0 || next >= n) {
      if (mode == PaddingMode::Circular) next = next < 0 ? n - 1 : 0;
      if (mode == PaddingMode::Replicate) next = at;
      if (mode == PaddingMode::Reflect) {
        direction = -direction;
        next = n == 1 ? at : at + direction;
      }
    }
    at = next;
  }
  return at;
}

/// The matrix of a correlation, from its definition: entry (o, a), (i, j) is the sum of K[o, i, p] over the taps p of
/// output a that read position j of channel i. A product adds a weight for each tap, and the copies of an entry.
inline ReferenceMatrix convolution_matrix(std::span<const double> kernel, const Correlation& c) {
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  std::int64_t taps = 1;
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  std::int64_t windows = 1;
  for (const CorrelationAxis& axis : c.axes) {
    taps *= axis.kernel;
    inputs *= axis.input;
    outputs *= axis.output;
    windows *= axis.window();
  }
  ReferenceMatrix m({c.out_channels * outputs, c.in_channels * inputs},
                    std::max({c.out_channels * outputs, c.in_channels * inputs, in * taps, out * taps + windows}));
  for (std::int64_t o = 0; o < c.out_channels; ++o) {
    for (std::int64_t a = 0; a < outputs; ++a) {
      for (std::int64_t k = 0; k < in * taps; ++k) {
        std::int64_t j = 0;
        std::int64_t left_a = a;
        std::int64_t left_p = k % taps;
        std::int64_t unit_a = outputs;
        std::int64_t unit_p = taps;
        for (const CorrelationAxis& axis : c.axes) {
          unit_a /= axis.output;
          unit_p /= axis.kernel;
          const std::int64_t u = left_a / unit_a * axis.stride + left_p / unit_p * axis.dilation - axis.pad_low;
          const std::int64_t from = walked_entry(c.padding_mode, axis.input, u);
          j = j < 0 || from < 0 ? -1 : j * axis.input + from;
          left_a %= unit_a;
          left_p %= unit_p;
        }
        if (j < 0) continue;
        const std::int64_t column = (o / out * in + k / taps) * inputs + j;
        const double weight = kernel[static_cast<std::size_t>(o * in * taps + k)];
        m.value(o * outputs + a, column) += weight;
        m.magnitude(o * outputs + a, column) += std::fabs(weight);
      }
    }
  }
  return m;
}

/// The matrix that structure() describes, found by following it down to stored matrices; an opaque part is applied to
/// the unit vectors.
template <Real T>
ReferenceMatrix evaluate(const LinearOperator<T>& a, Context& context) {
  struct Evaluate {
    const LinearOperator<T>& a;
    Context& context;

    ReferenceMatrix operator()(const structure::Opaque&) const {
      const auto [rows, columns] = a.shape();
      std::vector<double> entries(static_cast<std::size_t>(rows * columns));
      std::vector<T> unit(static_cast<std::size_t>(columns));
      std::vector<T> image(static_cast<std::size_t>(rows));
      for (std::size_t j = 0; j < unit.size(); ++j) {
        unit[j] = 1;
        a.apply(unit, image, context);
        unit[j] = 0;
        for (std::size_t i = 0; i < image.size(); ++i) entries[i * unit.size() + j] = image[i];
      }
      return ReferenceMatrix::of(a.shape(), entries);
    }

    ReferenceMatrix operator()(const structure::Stored& stored) const {
      const kernels::StoredMatrix& s = *stored.matrix;
      std::vector<double> entries;
      for (std::int64_t i = 0; i < s.rows; ++i) {
        for (std::int64_t j = 0; j < s.columns; ++j) {
          entries.push_back(gallery::fetch(s.dtype, s.data, static_cast<std::size_t>(i * s.stride + j)));
        }
      }
      const ReferenceMatrix m = ReferenceMatrix::of({s.rows, s.columns}, entries);
      return stored.transposed ? conformance::transposed(m) : m;
    }

    ReferenceMatrix operator()(const structure::Convolution& c) const {
      const kernels::StoredMatrix& k = *c.kernel;
      std::vector<double> kernel;
      for (std::int64_t e = 0; e < k.rows * k.columns; ++e) {
        const std::int64_t at = e / k.columns * k.stride + e % k.columns;
        kernel.push_back(gallery::fetch(k.dtype, k.data, static_cast<std::size_t>(at)));
      }
      return convolution_matrix(kernel, *c.correlation);
    }

    ReferenceMatrix operator()(const structure::Diagonal& d) const {
      ReferenceMatrix m({d.order, d.order}, 1);
      for (std::int64_t i = 0; i < d.order; ++i) {
        m.value(i, i) = d.is_identity() ? 1 : d.entries[static_cast<std::size_t>(i)];
        m.magnitude(i, i) = std::fabs(m.value(i, i));
      }
      return m;
    }

    ReferenceMatrix operator()(const structure::Selection& s) const {
      std::vector<std::int64_t> index;
      for (std::int64_t i = 0; i < s.entries->size(); ++i) index.push_back(s.entries->at(i));
      return selection_matrix(s.entries->inputs(), index);
    }

    ReferenceMatrix operator()(const structure::Kronecker<T>& k) const {
      ReferenceMatrix m = evaluate(*k.factors.front(), context);
      for (std::size_t i = 1; i < k.factors.size(); ++i) {
        m = kronecker_matrix(m, evaluate(*k.factors[i], context));
      }
      return m;
    }

    ReferenceMatrix operator()(const structure::Sum<T>& sum) const {
      ReferenceMatrix m(a.shape(), 0);
      for (const Operator<T>& term : sum.terms) m = m + evaluate(*term, context);
      return m;
    }

    ReferenceMatrix operator()(const structure::Product<T>& product) const {
      return evaluate(*product.left, context) * evaluate(*product.right, context);
    }

    ReferenceMatrix operator()(const structure::Scaled<T>& scaled) const {
      return scaled.factor * evaluate(*scaled.of, context);
    }

    ReferenceMatrix operator()(const structure::Transposed<T>& turned) const {
      return conformance::transposed(evaluate(*turned.of, context));
    }

    ReferenceMatrix operator()(const structure::Stacked<T>& stacked) const {
      std::vector<ReferenceMatrix> parts;
      for (const Operator<T>& part : stacked.parts) parts.push_back(evaluate(*part, context));
      return stacked.of_rows ? conformance::below(parts) : conformance::beside(parts);
    }
  };
  return std::visit(Evaluate{a, context}, a.structure());
}

}  // namespace sigmax::conformance
