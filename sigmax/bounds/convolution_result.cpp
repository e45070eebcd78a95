#include "sigmax/bounds/convolution_result.hpp"

#include "sigmax/core/floating_environment.hpp"

namespace sigmax {

std::string_view name(ConvolutionQuestion question) noexcept {
  switch (question) {
    case ConvolutionQuestion::every_size: return "every_size";
    case ConvolutionQuestion::input_size: return "input_size";
    case ConvolutionQuestion::circular: return "circular";
  }
  return "every_size";
}

std::string_view name(ConvolutionTheorem theorem) noexcept {
  switch (theorem) {
    case ConvolutionTheorem::zero: return "zero";
    case ConvolutionTheorem::torus_point: return "torus_point";
    case ConvolutionTheorem::branch_and_bound: return "branch_and_bound";
    case ConvolutionTheorem::circulant: return "circulant";
    case ConvolutionTheorem::offset_grid: return "offset_grid";
    case ConvolutionTheorem::one_axis: return "one_axis";
    case ConvolutionTheorem::dense: return "dense";
    case ConvolutionTheorem::product: return "product";
  }
  return "zero";
}

}  // namespace sigmax
