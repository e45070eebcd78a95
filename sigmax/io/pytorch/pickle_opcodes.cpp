// The opcodes, by group, as Python's pickletools describes them. Case labels are the opcodes' own characters.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>

#include "sigmax/io/pytorch/pickle_machine.hpp"

namespace sigmax::io {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_digits(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool PickleMachine::run_constant(unsigned char opcode) {
  switch (opcode) {
    case 'N': push(kNone); return true;
    case 0x88: push(kTrue); return true;
    case 0x89: push(kFalse); return true;
    case ')': push(kEmptyTuple); return true;
    case '(': marks_.push_back(stack_.size()); return true;
    case '0':  // POP takes a mark if one lies on top
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case '1': pop_to_mark(); return true;
    case '2': push(top()); return true;
    default: return false;
  }
}

bool PickleMachine::run_number(unsigned char opcode) {
  switch (opcode) {
    case 'J': push(make_integer(static_cast<std::int32_t>(take_unsigned(4)))); return true;
    case 'K': push(make_integer(static_cast<std::int64_t>(take_unsigned(1)))); return true;
    case 'M': push(make_integer(static_cast<std::int64_t>(take_unsigned(2)))); return true;
    case 0x8a: push(make_long(take(take_unsigned(1)))); return true;
    case 0x8b: push(make_long(take(take_unsigned(4)))); return true;
    case 'G': {  // the one big-endian field
      std::uint64_t pattern = 0;
      for (const char c : take(8)) pattern = pattern << 8 | static_cast<unsigned char>(c);
      const Id id = make(PickleKind::real);
      pickle_.nodes_[id].real = std::bit_cast<double>(pattern);
      push(id);
      return true;
    }
    case 'F': {
      const auto value = parse_number<double>(take_line());
      if (!value) refuse("a float that is not a number");
      const Id id = make(PickleKind::real);
      pickle_.nodes_[id].real = *value;
      push(id);
      return true;
    }
    case 'I':
    case 'L': {
      std::string_view line = take_line();
      if (opcode == 'I' && (line == "00" || line == "01")) {
        push(line == "01" ? kTrue : kFalse);
        return true;
      }
      if (opcode == 'L' && line.ends_with('L')) line.remove_suffix(1);
      if (!is_digits(line)) refuse("an integer that is not made of digits");
      const auto value = parse_number<std::int64_t>(line);
      push(value ? make_integer(*value) : make_text(PickleKind::big_integer, line));
      return true;
    }
    default: return false;
  }
}

bool PickleMachine::run_string(unsigned char opcode) {
  const auto counted = [this](PickleKind kind, unsigned width) { push(make_text(kind, take(take_unsigned(width)))); };
  switch (opcode) {
    case 'X': counted(PickleKind::text, 4); return true;
    case 0x8c: counted(PickleKind::text, 1); return true;
    case 0x8d: counted(PickleKind::text, 8); return true;
    case 'B': counted(PickleKind::bytes, 4); return true;
    case 'C': counted(PickleKind::bytes, 1); return true;
    case 0x8e: counted(PickleKind::bytes, 8); return true;
    case 0x96: counted(PickleKind::bytes, 8); return true;  // BYTEARRAY8
    case 'T': counted(PickleKind::bytes, 4); return true;   // a str of Python 2
    case 'U': counted(PickleKind::bytes, 1); return true;
    default: return false;
  }
}

bool PickleMachine::run_container(unsigned char opcode) {
  const auto tuple_of = [this](std::size_t count) {
    std::array<Id, 3> values{};
    for (std::size_t i = count; i-- > 0;) values[i] = pop();
    push(make_container(PickleKind::tuple, std::span(values).first(count)));
  };
  const auto marked = [this](PickleKind kind) {
    const std::vector<Id> values = pop_to_mark();
    if (kind == PickleKind::dict && values.size() % 2 != 0) refuse("a dict with a key that has no value");
    push(make_container(kind, values));
  };
  switch (opcode) {
    case ']': push(make(PickleKind::list)); return true;
    case '}': push(make(PickleKind::dict)); return true;
    case 0x8f: push(make(PickleKind::set)); return true;
    case 0x85: tuple_of(1); return true;
    case 0x86: tuple_of(2); return true;
    case 0x87: tuple_of(3); return true;
    case 't': marked(PickleKind::tuple); return true;
    case 'l': marked(PickleKind::list); return true;
    case 'd': marked(PickleKind::dict); return true;
    case 0x91: marked(PickleKind::set); return true;  // FROZENSET
    default: return false;
  }
}

bool PickleMachine::run_fill(unsigned char opcode) {
  switch (opcode) {
    case 'a': {
      const Id value = pop();
      append_items(top(), std::array{value});
      return true;
    }
    case 's': {
      const Id value = pop();
      const Id key = pop();
      set_items(top(), std::array{key, value});
      return true;
    }
    case 'e':
    case 0x90: {  // APPENDS and ADDITEMS
      const std::vector<Id> values = pop_to_mark();
      append_items(top(), values);
      return true;
    }
    case 'u': {
      const std::vector<Id> pairs = pop_to_mark();
      set_items(top(), pairs);
      return true;
    }
    default: return false;
  }
}

void PickleMachine::set_items(Id target, std::span<const Id> pairs) {
  if (pairs.size() % 2 != 0) refuse("sets items with a key that has no value");
  if (pickle_.is(target, PickleKind::call)) target = part(target, 3, PickleKind::dict);
  if (!pickle_.is(target, PickleKind::dict)) refuse("sets items of something that is not a dict");
  append(target, pairs);
}

void PickleMachine::append_items(Id target, std::span<const Id> values) {
  if (pickle_.is(target, PickleKind::call)) target = part(target, 4, PickleKind::list);
  if (!pickle_.is(target, PickleKind::list) && !pickle_.is(target, PickleKind::set)) {
    refuse("appends to something that is not a list");
  }
  append(target, values);
}

bool PickleMachine::run_memo(unsigned char opcode) {
  const auto decimal = [this] {
    const auto key = parse_number<std::uint64_t>(take_line());
    if (!key) refuse("a memo key that is not a number");
    return *key;
  };
  switch (opcode) {
    case 'q': memoize(take_unsigned(1)); return true;
    case 'r': memoize(take_unsigned(4)); return true;
    case 'p': memoize(decimal()); return true;
    case 0x94: memoize(memoized_); return true;
    case 'h': recall(take_unsigned(1)); return true;
    case 'j': recall(take_unsigned(4)); return true;
    case 'g': recall(decimal()); return true;
    default: return false;
  }
}

bool PickleMachine::run_call(unsigned char opcode) {
  switch (opcode) {
    case 'c': {
      const Id module = make_text(PickleKind::text, take_line());
      push_global(module, make_text(PickleKind::text, take_line()));
      return true;
    }
    case 0x93: {
      const Id attribute = pop();
      push_global(pop(), attribute);
      return true;
    }
    case 'R':     // REDUCE: a function and its arguments
    case 0x81: {  // NEWOBJ: a class and the arguments of its __new__
      const Id args = pop();
      push(make_call(pop(), args));
      return true;
    }
    case 0x92: {  // NEWOBJ_EX
      const Id named = pop();
      const Id args = pop();
      push(make_call(pop(), make_container(PickleKind::tuple, std::array{args, named})));
      return true;
    }
    case 'i':    // INST: the class by name, the arguments above a mark
    case 'o': {  // OBJ: the class and the arguments above a mark
      if (opcode == 'i') {
        const Id module = make_text(PickleKind::text, take_line());
        const Id attribute = make_text(PickleKind::text, take_line());
        const std::vector<Id> args = pop_to_mark();
        push_global(module, attribute);
        push(make_call(pop(), make_container(PickleKind::tuple, args)));
        return true;
      }
      const std::vector<Id> values = pop_to_mark();
      if (values.empty()) refuse("an object without a class");
      push(make_call(values.front(), make_container(PickleKind::tuple, std::span(values).subspan(1))));
      return true;
    }
    case 'b': build(); return true;
    case 'Q': push(make_container(PickleKind::persistent_id, std::array{pop()})); return true;
    default: return false;
  }
}

void PickleMachine::build() {
  const Id state = pop();
  const Id target = top();
  if (!pickle_.is(target, PickleKind::call)) refuse("gives a state to something that is not an object");
  pickle_.pool_[pickle_.nodes_[target].first + 2] = state;
}

void PickleMachine::push_global(Id module, Id attribute) {
  if (!pickle_.is(module, PickleKind::text) || !pickle_.is(attribute, PickleKind::text)) {
    refuse("a global whose name is not text");
  }
  push(make_container(PickleKind::global, std::array{module, attribute}));
}

}  // namespace sigmax::io
