// If the system cannot supply a page of a mapped file, the reader gets zeros and a mark instead of the process ending.
#pragma once

#include <cstddef>

namespace sigmax::io {

/// Sets a handler of SIGBUS for the process. Without it, reading a MappedFile beyond the end of a file that has since
/// been truncated ends the process. With it, such a read gives zeros from the missing page to the end of the mapping,
/// and the mapping is marked: MappedFile::check_intact() throws, and so do Entry::load() and the audit. A file on a
/// disk or a server that fails in the middle of the work is treated the same way.
///
/// Faults anywhere else, and signals that were sent, go to the previous handler, or do what the system does by default.
/// The sigmax command calls this; a program that uses the library decides for itself, since signals belong to the whole
/// process. Call it after the program has set its own handlers. Further calls have no effect.
///
/// Source: docs/adr/0036-truncated-files.md.
void handle_mapping_faults();

/// A mapping of a file that the handler knows while this object lives. Making and releasing one takes a lock; the
/// handler takes none.
class WatchedMapping {
 public:
  WatchedMapping(const std::byte* data, std::size_t size);
  ~WatchedMapping();
  WatchedMapping(const WatchedMapping&) = delete;
  WatchedMapping& operator=(const WatchedMapping&) = delete;

  /// True if a part of it had to be replaced by zeros.
  bool is_broken() const noexcept;

  struct Slot;

 private:
  Slot* slot_;
};

}  // namespace sigmax::io
