#include "sigmax/bounds/convolution.hpp"

namespace sigmax {}
