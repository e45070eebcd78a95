#include "cli/certify/request.hpp"

#include <limits>

namespace sigmax::cli {

CertifyOptions CertifyRequest::options() const {
  CertifyOptions options;
  switch (kind) {
    case Kind::automatic: options.proven_if_cheap = true; break;
    case Kind::proven: options.proven_up_to = size.value_or(std::numeric_limits<std::int64_t>::max()); break;
    case Kind::probabilistic: options.method = CertifyMethod::probabilistic; break;
    case Kind::none: options.method = CertifyMethod::none; break;
  }
  return options;
}

}  // namespace sigmax::cli
