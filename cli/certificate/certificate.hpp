// The certificate that tools/check-certificate checks: docs/certificates.md has the format.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::cli {

/// A double without rounding: `0x1.8p+1`.
std::string exactly(double value);

/// Little-endian, in base64.
std::string exactly(std::span<const double> values);

/// Whether the checker reads the format, and the tensor's name there means one tensor.
bool is_read_by_the_checker(const io::Entry& entry);

/// What a certificate is made of. Files are listed as claims name them.
class Certificate {
 public:
  explicit Certificate(std::string version) : version_(std::move(version)) {}

  /// The file's SHA-256, by which claims name it. Reads all of it. Throws FileError.
  const std::string& file(const std::filesystem::path& path);

  /// A tensor as matrices of one shape: its file, its name there, a hash of its elements, and what makes matrices of
  /// them. The checker must be able to read it.
  report::Record matrices(const io::Entry& entry, const Tensor& tensor, const audit::Layout& layout);

  void claim(report::Record record) { claims_.emplace_back(std::move(record)); }
  void assume(const std::string& what) { assumed_.emplace_back(what); }
  void leave_unchecked(const std::string& what) { unchecked_.emplace_back(what); }

  /// The document, sealed by the hash of all that precedes its last line.
  std::string text() const;

 private:
  std::string version_;
  std::map<std::filesystem::path, std::string> hashes_;
  report::List files_;
  report::List claims_;
  report::List assumed_;
  report::List unchecked_;
};

}  // namespace sigmax::cli
