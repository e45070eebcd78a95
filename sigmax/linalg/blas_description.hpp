// The BLAS library that this program runs on.
#pragma once

#include <string>

namespace sigmax {

/// The BLAS library's own description of its version and processor kernels.
std::string blas_description();

}  // namespace sigmax
