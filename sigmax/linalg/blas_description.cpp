#include "sigmax/linalg/blas_description.hpp"

#include "sigmax/linalg/blas.hpp"

namespace sigmax {

std::string blas_description() {
  return std::string(openblas_get_config()) + ", kernels for " + openblas_get_corename();
}

}  // namespace sigmax
