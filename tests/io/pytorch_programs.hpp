// Modules, TorchScript's code and graphs of torch.export as the tests of their readers write and read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/pytorch_archive.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io::testing {

inline std::int64_t elements_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

/// The bytes of a storage of float zeros.
inline std::string zeros_of(const std::vector<std::int64_t>& shape) {
  return raw(std::vector<float>(static_cast<std::size_t>(elements_of(shape))));
}

/// A pickled parameter of that shape in the storage `key`.
inline std::string parameter(const std::string& key, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * shape[d + 1];
  return pk::call(pk::global("torch._utils", "_rebuild_parameter"),
                  {pk::tensor(pk::storage(key, elements_of(shape)), 0, shape, strides), "\x88",
                   pk::call(pk::global("collections", "OrderedDict"), {})});
}

/// The uses in TorchScript's code, a file for each name below `__torch__`.
inline ProgramUses program(const std::vector<std::pair<std::string, std::string>>& files) {
  std::vector<ZipContent> contents = {{"r/data.pkl", ""}};
  for (const auto& [name, code] : files) contents.push_back({"r/code/__torch__" + name + ".py", code});
  const auto file = file_of(zip_of(contents), "m.ts");
  return read_torchscript_code(file, read_zip_directory(file), "r/");
}

/// The code of a class Net whose forward() has these statements.
inline std::string body(const std::string& statements, const std::string& attributes = "") {
  return "class Net(Module):\n" + attributes + "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n" +
         statements;
}

/// The uses in a graph of torch.export.
inline ProgramUses graph(const std::string& text) {
  const auto file = file_of(zip_of({{"model.json", text}}), "m.pt2");
  return read_exported_graph(file, read_zip_directory(file)[0]);
}

}  // namespace sigmax::io::testing
