// The way into an SvdCertificate. Internal to svd/ and bounds/.
#pragma once

#include "sigmax/svd/certificate.hpp"

namespace sigmax {

struct CertificateDoor {
  static CertificateContents& open(SvdCertificate& certificate) noexcept { return certificate.contents_; }
  static const CertificateContents& open(const SvdCertificate& certificate) noexcept { return certificate.contents_; }
};

inline CertificateContents& contents(SvdCertificate& certificate) noexcept {
  return CertificateDoor::open(certificate);
}
inline const CertificateContents& contents(const SvdCertificate& certificate) noexcept {
  return CertificateDoor::open(certificate);
}

}  // namespace sigmax
