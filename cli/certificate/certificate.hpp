// The certificate that tools/check-certificate checks: docs/certificates.md has the format.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::cli {

/// A double without rounding: `0x1.8p+1`.
std::string exactly(double value);

/// An array of doubles: `shape`, `sha256` and `data`, little-endian in base64.
report::Record array_record(std::span<const double> row_major, const Dimensions& shape);

/// What a certificate is made of. Files are listed as claims name them.
class Certificate {
 public:
  explicit Certificate(std::string version) : version_(std::move(version)) {}

  /// The position of the file in the list. Reads all of it for its hash. Throws FileError.
  std::int64_t file(const std::filesystem::path& path);

  /// A tensor as matrices of one shape: by name and hash where the checker can read it from its file, otherwise by its
  /// values, which is then listed as not checked.
  report::Value matrices(const io::Entry& entry, const Tensor& tensor, const audit::Layout& layout);

  /// The rows x columns entries of a matrix, of which `of` says in words what it is.
  report::Value matrix(const Matrix<double>& entries, const std::string& of);

  void claim(report::Record record) { claims_.emplace_back(std::move(record)); }
  void assume(const std::string& what) { assumed_.emplace_back(what); }
  void leave_unchecked(const std::string& what) { unchecked_.emplace_back(what); }
  bool claims_anything() const { return !claims_.empty(); }

  /// The document, sealed by the hash of all that precedes its last line.
  std::string text() const;

 private:
  std::string version_;
  std::map<std::filesystem::path, std::int64_t> positions_;
  report::List files_;
  report::List claims_;
  report::List assumed_;
  report::List unchecked_;
};

}  // namespace sigmax::cli
