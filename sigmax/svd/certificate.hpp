// What svd() keeps of its random start, for a probabilistic bound: to be handed on, not to be looked into.
#pragma once

#include <vector>

#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

struct CertificateContents {
  /// The recurrence of each of the independent start vectors, for (scale A)^T (scale A) or its counterpart on the rows.
  /// None if the start was not random.
  std::vector<LanczosRecurrence> recurrences;
  double scale = 1;
};

/// Opaque: svd() fills it in, and certify() makes a bound of it.
class SvdCertificate {
 public:
  /// Whether no bound can be made of it: the start was not random, or the method keeps no recurrence.
  bool empty() const noexcept { return contents_.recurrences.empty(); }

 private:
  friend struct CertificateDoor;  // svd/certificate_contents.hpp
  CertificateContents contents_;
};

}  // namespace sigmax
