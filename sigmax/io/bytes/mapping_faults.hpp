// What happens where the system cannot supply a page of a mapped file: zeros and a mark, instead of the process's end.
#pragma once

#include <cstddef>

namespace sigmax::io {

/// Sets a handler of SIGBUS for the process. Without it, reading a MappedFile beyond the end of a file that has been
/// truncated since ends the process. With it such a read gives zeros, from the page that cannot be had to the end of
/// the mapping, and the mapping is marked: MappedFile::check_intact() throws, and so do Entry::load() and the audit. A
/// file on a disk or a server that fails in the middle is treated alike.
///
/// Faults anywhere else, and signals that were sent, go to the handler that was there before, or do what the system
/// does by default. The sigmax command calls this; a program that uses the library decides for itself, since signals
/// belong to the whole process. Call it once the program's own handlers are set. Further calls have no effect.
///
/// Source: docs/adr/0036-truncated-files.md.
void handle_mapping_faults();

/// A mapping of a file, known to the handler while this lives. Making and releasing one takes a lock; the handler takes
/// none.
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
