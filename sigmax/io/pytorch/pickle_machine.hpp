// The stack machine that a pickle's opcodes drive. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

/// Runs the opcodes of one pickle into a Pickle. Every opcode reads at least its own byte and pushes, stores or
/// memoizes at most one value, so the bytes read bound the stack, the memo and the values.
class PickleMachine {
 public:
  using Id = Pickle::Id;

  PickleMachine(std::shared_ptr<const MappedFile> file, std::size_t offset, std::string place);

  /// Runs to the STOP opcode. Throws FileError as Pickle::read says.
  Pickle run();

 private:
  // Values that every pickle shares, instead of making one per opcode.
  enum Shared : Id { kNone = Pickle::kAbsent + 1, kFalse, kTrue, kEmptyTuple, kSharedValues };

  [[noreturn]] void refuse(const std::string& problem) const;

  // Input.
  std::string_view take(std::uint64_t count);
  std::uint64_t take_unsigned(unsigned bytes);
  std::string_view take_line();

  // Values.
  Id make(PickleKind kind);
  Id make_integer(std::int64_t value);
  Id make_text(PickleKind kind, std::string_view text);
  Id make_long(std::string_view little_endian);
  Id make_container(PickleKind kind, std::span<const Id> values);
  Id make_call(Id callable, Id args);
  void append(Id container, std::span<const Id> values);
  Id part(Id call, std::size_t index, PickleKind kind);

  // Stack and memo.
  void push(Id id) { stack_.push_back(id); }
  Id pop();
  Id top() const;
  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
  std::vector<Id> pop_to_mark();
  void memoize(std::uint64_t key);
  void recall(std::uint64_t key);

  // Groups of opcodes; each returns true if the opcode belongs to it.
  bool run_constant(unsigned char opcode);
  bool run_number(unsigned char opcode);
  bool run_string(unsigned char opcode);
  bool run_container(unsigned char opcode);
  bool run_fill(unsigned char opcode);
  bool run_memo(unsigned char opcode);
  bool run_call(unsigned char opcode);
  void set_items(Id target, std::span<const Id> pairs);
  void append_items(Id target, std::span<const Id> values);
  void build();
  void push_global(Id module, Id attribute);

  std::string place_;
  std::string_view bytes_;
  std::size_t position_;
  std::size_t start_;
  std::size_t opcode_at_;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::vector<Id> memo_;            // kAbsent where nothing was memoized
  std::size_t memoized_ = 0;
};

}  // namespace sigmax::io
