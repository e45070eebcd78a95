#include "sigmax/io/pytorch/pickle_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

constexpr std::size_t kMostValues = std::size_t{1} << 24;
constexpr unsigned kNewestProtocol = 5;

}  // namespace

Pickle Pickle::read(std::shared_ptr<const MappedFile> file, std::size_t offset, std::string place) {
  return PickleMachine(std::move(file), offset, std::move(place)).run();
}

PickleMachine::PickleMachine(std::shared_ptr<const MappedFile> file, std::size_t offset, std::string place)
    : place_(std::move(place)),
      bytes_(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()),
      position_(std::min(offset, bytes_.size())),
      start_(position_),
      opcode_at_(position_) {
  pickle_.file_ = std::move(file);
  pickle_.nodes_.resize(kSharedValues);
  for (const Id id : {kFalse, kTrue}) {
    pickle_.nodes_[id].kind = PickleKind::boolean;
    pickle_.nodes_[id].integer = id == kTrue;
  }
  pickle_.nodes_[kEmptyTuple].kind = PickleKind::tuple;
}

Pickle PickleMachine::run() {
  constexpr unsigned char kProto = 0x80, kFrame = 0x95, kStop = '.';
  for (;;) {
    opcode_at_ = position_;
    const auto opcode = static_cast<unsigned char>(take(1).front());
    if (opcode == kStop) break;
    if (opcode == kProto) {
      const auto protocol = take_unsigned(1);
      if (protocol > kNewestProtocol) refuse(fmt::format("protocol {} is newer than {}", protocol, kNewestProtocol));
    } else if (opcode == kFrame) {
      const auto length = take_unsigned(8);
      if (length > bytes_.size() - position_) refuse(fmt::format("a frame of {} bytes is cut short", length));
    } else if (!run_constant(opcode) && !run_number(opcode) && !run_string(opcode) && !run_container(opcode) &&
               !run_fill(opcode) && !run_memo(opcode) && !run_call(opcode)) {
      refuse(fmt::format("opcode 0x{:02x} is not one that checkpoints use", opcode));
    }
  }
  pickle_.root_ = pop();
  pickle_.begin_ = start_;
  pickle_.end_ = position_;
  return std::move(pickle_);
}

void PickleMachine::refuse(const std::string& problem) const {
  throw FileError(pickle_.file_->path().string(), fmt::format("{}, byte {}", place_, opcode_at_), problem);
}

std::string_view PickleMachine::take(std::uint64_t count) {
  if (count > bytes_.size() - position_) {
    refuse(fmt::format("the pickle is cut short: {} bytes wanted, {} left", count, bytes_.size() - position_));
  }
  const std::string_view taken = bytes_.substr(position_, static_cast<std::size_t>(count));
  position_ += taken.size();
  return taken;
}

std::uint64_t PickleMachine::take_unsigned(unsigned bytes) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const char c : take(bytes)) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << shift;
    shift += 8;
  }
  return value;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = bytes_.find('\n', position_);
  if (end == std::string_view::npos) refuse("the pickle is cut short: a line without an end");
  const std::string_view line = bytes_.substr(position_, end - position_);
  position_ = end + 1;
  return line;
}

PickleMachine::Id PickleMachine::make(PickleKind kind) {
  if (pickle_.nodes_.size() >= kMostValues) {
    refuse(fmt::format("holds more than {} values: not a checkpoint that can be read", kMostValues));
  }
  pickle_.nodes_.emplace_back().kind = kind;
  return static_cast<Id>(pickle_.nodes_.size() - 1);
}

PickleMachine::Id PickleMachine::make_integer(std::int64_t value) {
  const Id id = make(PickleKind::integer);
  pickle_.nodes_[id].integer = value;
  return id;
}

PickleMachine::Id PickleMachine::make_text(PickleKind kind, std::string_view text) {
  const Id id = make(kind);
  pickle_.nodes_[id].text = text;
  return id;
}

PickleMachine::Id PickleMachine::make_long(std::string_view little_endian) {
  if (little_endian.size() > sizeof(std::int64_t)) return make_text(PickleKind::big_integer, little_endian);
  const bool negative = !little_endian.empty() && static_cast<signed char>(little_endian.back()) < 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = little_endian.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(little_endian[i]);
  }
  return make_integer(static_cast<std::int64_t>(value));
}

PickleMachine::Id PickleMachine::make_container(PickleKind kind, std::span<const Id> values) {
  const Id id = make(kind);
  append(id, values);
  return id;
}

PickleMachine::Id PickleMachine::make_call(Id callable, Id args) {
  return make_container(PickleKind::call, std::array<Id, 5>{callable, args});
}

// A container's values lie side by side in the pool. If a container cannot grow where it is, it moves to the end with
// twice the room, as a vector does, so that any order of appending stays linear.
void PickleMachine::append(Id container, std::span<const Id> values) {
  auto& node = pickle_.nodes_[container];
  auto& pool = pickle_.pool_;
  const std::uint64_t needed = std::uint64_t{node.count} + values.size();
  if (needed > std::numeric_limits<std::uint32_t>::max() / 2) refuse("a container holds more than 2^31 values");
  if (needed > node.capacity) {
    const bool last = node.capacity != 0 && node.first + node.capacity == pool.size();
    const std::uint64_t room = node.count == 0 ? needed : std::max<std::uint64_t>(needed, 2 * node.count);
    const std::uint64_t first = last ? node.first : pool.size();
    pool.resize(first + room, Pickle::kAbsent);
    if (!last)
      std::copy_n(pool.begin() + static_cast<std::ptrdiff_t>(node.first), node.count,
                  pool.begin() + static_cast<std::ptrdiff_t>(first));
    node.first = first;
    node.capacity = static_cast<std::uint32_t>(room);
  }
  std::copy(values.begin(), values.end(), pool.begin() + static_cast<std::ptrdiff_t>(node.first + node.count));
  node.count = static_cast<std::uint32_t>(needed);
}

// The container that is one part of a call, made at its first use.
PickleMachine::Id PickleMachine::part(Id call, std::size_t index, PickleKind kind) {
  const std::size_t slot = pickle_.nodes_[call].first + index;
  if (pickle_.pool_[slot] == Pickle::kAbsent) {
    const Id made = make(kind);
    pickle_.pool_[slot] = made;
  }
  return pickle_.pool_[slot];
}

PickleMachine::Id PickleMachine::pop() {
  const Id id = top();
  stack_.pop_back();
  return id;
}

PickleMachine::Id PickleMachine::top() const {
  if (stack_.size() <= floor()) refuse("takes from an empty stack");
  return stack_.back();
}

std::vector<PickleMachine::Id> PickleMachine::pop_to_mark() {
  if (marks_.empty()) refuse("looks for a mark that was never set");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Id> values(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return values;
}

// Writers number the values that they memoize from 0 on, one opcode each. So a key larger than the number of bytes read
// is false and would only make the memo large.
void PickleMachine::memoize(std::uint64_t key) {
  if (key >= position_ - start_) refuse(fmt::format("memo key {} is larger than the pickle so far", key));
  if (key >= memo_.size()) memo_.resize(key + 1, Pickle::kAbsent);
  if (memo_[key] == Pickle::kAbsent) ++memoized_;
  memo_[key] = top();
}

void PickleMachine::recall(std::uint64_t key) {
  if (key >= memo_.size() || memo_[key] == Pickle::kAbsent) {
    refuse(fmt::format("recalls memo key {}, which was never stored", key));
  }
  push(memo_[key]);
}

}  // namespace sigmax::io
