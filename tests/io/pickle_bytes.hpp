// Writes pickles in memory for the tests of io/: one function per opcode or common group of opcodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io::testing::pk {

inline const std::string kProto = "\x80\x02";
inline const std::string kStop = ".";

inline std::string str(const std::string& text) { return "X" + raw(static_cast<std::uint32_t>(text.size())) + text; }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string num(std::int64_t value) { return std::string("\x8a\x08") + raw(value); }
inline std::string real(double value) {
  const std::string little = raw(value);
  return "G" + std::string(little.rbegin(), little.rend());
}
inline std::string put(unsigned char key) { return "q" + raw(key); }
inline std::string get(unsigned char key) { return "h" + raw(key); }

inline std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}
inline std::string tuple(const std::vector<std::string>& items) { return "(" + joined(items) + "t"; }
inline std::string list(const std::vector<std::string>& items) { return "](" + joined(items) + "e"; }
inline std::string ints(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(num(value));
  return tuple(items);
}
/// Keys and values in turn, each a piece of a pickle.
inline std::string dict(const std::vector<std::string>& pairs) { return "}(" + joined(pairs) + "u"; }
inline std::string call(const std::string& callable, const std::vector<std::string>& args) {
  return callable + tuple(args) + "R";
}

inline std::string storage(const std::string& key, std::int64_t elements, const std::string& type = "FloatStorage") {
  return tuple({str("storage"), global("torch", type), str(key), str("cpu"), num(elements)}) + "Q";
}

/// What torch.save writes for a tensor.
inline std::string tensor(const std::string& stored, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"), {stored, num(offset), ints(shape), ints(strides), "\x89",
                                                             call(global("collections", "OrderedDict"), {})});
}

/// An object of a class without arguments, with a state.
inline std::string object(const std::string& module, const std::string& type, const std::string& state) {
  return global(module, type) + ")\x81" + state + "b";
}

/// What torch.save writes for a DTensor if this file has its part `local`.
inline std::string dtensor(const std::vector<std::int64_t>& shape, const std::string& local,
                           const std::vector<std::string>& placements) {
  std::vector<std::string> placed;
  for (const std::string& placement : placements) {
    placed.push_back(object("torch.distributed.tensor.placement_types", placement, dict({str("dim"), num(0)})));
  }
  const std::string spec =
      object("torch.distributed.tensor._dtensor_spec", "DTensorSpec", dict({str("placements"), tuple(placed)}));
  const std::string type = global("torch.distributed.tensor", "DTensor");
  const std::string made =
      tuple({type, global("torch", "float32"), ints(shape), ints(shape), num(0), "N", "N", "\x89"});
  return call(global("torch._tensor", "_rebuild_from_type_v2"),
              {global("torch._utils", "_rebuild_wrapper_subclass"), type, made,
               tuple({"N", dict({str("_local_tensor"), local, str("_spec"), spec})})});
}

inline std::string whole(const std::string& value) { return kProto + value + kStop; }

}  // namespace sigmax::io::testing::pk
