// Archives of torch.save as the tests of their readers write and read them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"

namespace sigmax::io::testing {

inline std::vector<Entry> read_archive(const std::vector<ZipContent>& contents) {
  const auto file = file_of(zip_of(contents), "model.pt");
  return read_pytorch_archive(file, read_zip_directory(file));
}

// The entries of a checkpoint {"x": `object`, "plain": a vector} with the storages given by key.
inline std::vector<Entry> read(const std::string& object,
                               std::vector<std::pair<std::string, std::string>> storages = {}) {
  const std::string plain = pk::tensor(pk::storage("plain", 2), 0, {2}, {1});
  std::vector<ZipContent> contents = {
      {"r/data.pkl", pk::whole(pk::dict({pk::str("x"), object, pk::str("plain"), plain}))},
      {"r/data/plain", raw(std::vector<float>{1, 2})}};
  for (const auto& [key, bytes] : storages) contents.push_back({"r/data/" + key, bytes});
  std::vector<Entry> entries = read_archive(contents);
  EXPECT_EQ(entries.back().name, "plain");
  EXPECT_EQ(entries.back().load().at(std::vector<std::int64_t>{1}), 2);
  return entries;
}

}  // namespace sigmax::io::testing
