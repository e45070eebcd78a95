#include "sigmax/ops/magnitude.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include "sigmax/kernels/scan.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax {
namespace {

// One call operator for each structure: a new one does not compile until it is handled.
template <Real T>
struct NormOf {
  Context& context;

  double of(const LinearOperator<T>& a) const { return std::visit(*this, a.structure()); }

  double operator()(const structure::Opaque&) const { return 0; }
  double operator()(const structure::Stored& stored) const {
    const kernels::Scan facts = kernels::scan(*stored.matrix, context);
    return std::sqrt(facts.sum_squares) / facts.scale;
  }
  // Entries of the kernel that stand in the same place of a row add up, at most `copies` of them.
  double operator()(const structure::Convolution& c) const {
    const kernels::Scan facts = kernels::scan(*c.kernel, context);
    const auto times = static_cast<double>(c.correlation->output_positions() * c.correlation->copies());
    return std::sqrt(times * facts.sum_squares) / facts.scale;
  }
  double operator()(const structure::Diagonal& d) const {
    double largest = d.is_identity() ? 1 : 0;
    for (const double entry : d.entries) largest = std::max(largest, std::fabs(entry));
    return largest;
  }
  double operator()(const structure::Selection& s) const {
    return std::sqrt(static_cast<double>(s.entries->most_copies()));
  }
  double operator()(const structure::Kronecker<T>& k) const {
    double product = 1;
    for (const Operator<T>& factor : k.factors) product *= of(*factor);
    return product;
  }
  double operator()(const structure::Sum<T>& s) const {
    double sum = 0;
    for (const Operator<T>& term : s.terms) sum += of(*term);
    return sum;
  }
  double operator()(const structure::Product<T>& p) const { return of(*p.left) * of(*p.right); }
  double operator()(const structure::Scaled<T>& s) const { return std::fabs(s.factor) * of(*s.of); }
  double operator()(const structure::Transposed<T>& t) const { return of(*t.of); }
  double operator()(const structure::Stacked<T>& s) const {
    double square = 0;
    for (const Operator<T>& part : s.parts) square = std::hypot(square, of(*part));
    return square;
  }
};

// Whether different taps may read the same entry of x all over the image, as around a circle shorter than the kernel.
// Repeated entries at the borders of a longer axis leave the rest as it is.
bool cancels(const Correlation& c) {
  return c.padding_mode != PaddingMode::Zeros &&
         std::any_of(c.axes.begin(), c.axes.end(),
                     [](const CorrelationAxis& axis) { return axis.reach() > axis.input; });
}

// Whether rounding errors may be relative to more than |A|.
template <Real T>
struct Cancels {
  bool operator()(const structure::Opaque&) const { return false; }
  bool operator()(const structure::Stored&) const { return false; }
  bool operator()(const structure::Diagonal&) const { return false; }
  bool operator()(const structure::Selection&) const { return false; }
  bool operator()(const structure::Convolution& c) const { return cancels(*c.correlation); }
  // The norm of a Kronecker product is the product of the norms.
  bool operator()(const structure::Kronecker<T>& k) const {
    return std::any_of(k.factors.begin(), k.factors.end(),
                       [](const Operator<T>& factor) { return std::visit(Cancels{}, factor->structure()); });
  }
  bool operator()(const structure::Sum<T>&) const { return true; }
  bool operator()(const structure::Product<T>&) const { return true; }
  bool operator()(const structure::Scaled<T>&) const { return true; }
  bool operator()(const structure::Transposed<T>&) const { return true; }
  bool operator()(const structure::Stacked<T>&) const { return true; }
};

}  // namespace

template <Real T>
double uncanceled_norm(const LinearOperator<T>& a, Context& context) {
  const Structure<T> structure = a.structure();
  return std::visit(Cancels<T>{}, structure) ? std::visit(NormOf<T>{context}, structure) : 0;
}

template double uncanceled_norm<float>(const LinearOperator<float>&, Context&);
template double uncanceled_norm<double>(const LinearOperator<double>&, Context&);

}  // namespace sigmax
