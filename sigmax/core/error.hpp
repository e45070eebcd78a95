// Errors that a caller can act on.
//
// Misuse and malformed input throw; a numerical outcome (not converged, certificate not reached) is data in a result
// and never an exception. Every message names the value or the file and says what would be accepted.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace sigmax {

/// Misuse of the library: a shape that does not fit, an option out of range. The message reads `[who] what`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A computed result contradicts itself. Either another thread or process changed the matrix while it was read, or
/// sigmax has a bug; the message says what to report.
class InternalError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read, is malformed, or is not what its name promises.
///
/// what() reads `<file>: <place>: <problem>`, or `<file>: <problem>` when no place applies.
class FileError : public Error {
 public:
  FileError(std::string file, std::string place, std::string problem)
      : Error(file + ": " + (place.empty() ? std::string() : place + ": ") + problem),
        file_(std::move(file)),
        place_(std::move(place)),
        problem_(std::move(problem)) {}

  const std::string& file() const noexcept { return file_; }
  const std::string& place() const noexcept { return place_; }
  const std::string& problem() const noexcept { return problem_; }

 private:
  std::string file_;
  std::string place_;
  std::string problem_;
};

/// Thrown out of a long computation after Context::request_cancel().
class Canceled : public Error {
 public:
  Canceled() : Error("canceled") {}
};

}  // namespace sigmax
