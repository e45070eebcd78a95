#include "sigmax/io/pytorch/pytorch_export.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::zip_of;
using testing::ZipContent;
namespace pk = testing::pk;

const std::vector<float> kValues{0, 1, 2, 3, 4, 5};

std::vector<Entry> read(const std::vector<ZipContent>& contents) {
  const auto file = file_of(zip_of(contents), "model.pt2");
  const auto members = read_zip_directory(file);
  EXPECT_TRUE(is_exported_program(members));
  EXPECT_FALSE(is_pytorch_archive(members));
  return read_exported_program(file, members);
}

std::string ints(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) {
    text += (text.empty() ? "" : ", ") + ("{\"as_int\": " + std::to_string(value) + "}");
  }
  return "[" + text + "]";
}

std::string payload(const std::string& name, const std::string& path, const std::vector<std::int64_t>& sizes,
                    const std::vector<std::int64_t>& strides, std::int64_t offset = 0, int dtype = 7, int layout = 7,
                    bool pickled = false) {
  return "\"" + name + "\": {\"path_name\": \"" + path +
         "\", \"is_param\": true, \"use_pickle\": " + (pickled ? "true" : "false") +
         ", \"tensor_meta\": {\"dtype\": " + std::to_string(dtype) + ", \"sizes\": " + ints(sizes) +
         ", \"requires_grad\": true, \"device\": {\"type\": \"cpu\", \"index\": 3}" +
         ", \"strides\": " + ints(strides) + ", \"storage_offset\": {\"as_int\": " + std::to_string(offset) +
         "}, \"layout\": " + std::to_string(layout) + "}}";
}

std::string config(const std::vector<std::string>& payloads) {
  std::string text;
  for (const std::string& each : payloads) text += (text.empty() ? "" : ", ") + each;
  return "{\"config\": {" + text + "}}";
}

std::vector<ZipContent> program(const std::vector<std::string>& payloads) {
  return {{"model/data/weights/weight_0", raw(kValues)},
          {"model/data/weights/model_weights_config.json", config(payloads)},
          {"model/data/constants/model_constants_config.json", config({})},
          {"model/models/model.json", "{}"},
          {"model/archive_format", "pt2"}};
}

std::string saved(const std::string& object) {
  return zip_of({{"archive/data.pkl", pk::whole(object)}, {"archive/data/0", raw(kValues)}});
}

double at(const Entry& entry, const Dimensions& index) { return entry.load().at(index); }

TEST(ExportedProgram, WeightsAreReadByTheirDescription) {
  const auto contents =
      program({payload("fc.weight", "weight_0", {2, 3}, {3, 1}), payload("fc.transposed", "weight_0", {3, 2}, {1, 3}),
               payload("part", "weight_0", {2}, {2}, 1), payload("half", "weight_0", {4}, {1}, 0, 6)});
  const auto entries = read(contents);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].name, "fc.weight");
  EXPECT_EQ(entries[0].shape, (Dimensions{2, 3}));
  EXPECT_EQ(at(entries[0], {1, 2}), 5);
  EXPECT_EQ(at(entries[1], {2, 1}), 5);
  EXPECT_EQ(at(entries[2], {1}), 3);
  EXPECT_EQ(entries[3].dtype, DType::f16);
  EXPECT_TRUE(contains(entries[0].provenance, "model/data/weights/weight_0, shared by 4 tensors"));
  ASSERT_TRUE(entries[0].bytes);
  EXPECT_EQ(zip_of(contents).substr(entries[0].bytes->offset, entries[0].bytes->length), raw(kValues));
}

TEST(ExportedProgram, ConstantsPickledWeightsAndSeveralModelsAreRead) {
  const std::string tensor = saved(pk::tensor(pk::storage("0", 6), 0, {2, 3}, {3, 1}));
  const auto entries =
      read({{"r/archive_format", "pt2"},
            {"r/data/weights/a_weights_config.json", config({payload("w", "weight_0", {2, 3}, {3, 1}, 0, 7, 7, true)})},
            {"r/data/weights/b_weights_config.json", config({payload("w", "weight_1", {6}, {1})})},
            {"r/data/constants/b_constants_config.json", config({payload("c", "tensor_0", {6}, {1})})},
            {"r/data/weights/weight_0", tensor},
            {"r/data/weights/weight_1", raw(kValues)},
            {"r/data/constants/tensor_0", raw(kValues), true}});
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a.w");
  EXPECT_EQ(at(entries[0], {1, 1}), 4);
  EXPECT_EQ(entries[1].name, "b.w");
  EXPECT_EQ(at(entries[1], {5}), 5);
  EXPECT_EQ(entries[2].name, "b.c");
  EXPECT_EQ(at(entries[2], {5}), 5);
}

TEST(ExportedProgram, ArchivesBefore28HoldOneOfTorchSave) {
  const std::string dict = saved(pk::dict({pk::str("fc.weight"), pk::tensor(pk::storage("0", 6), 0, {2, 3}, {3, 1})}));
  const std::vector<ZipContent> contents = {{"serialized_exported_program.json", "{}"},
                                            {"serialized_state_dict.pt", dict},
                                            {"serialized_constants.pt", saved(pk::dict({}))},
                                            {"version", "5.1"}};
  const auto entries = read(contents);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "fc.weight");
  EXPECT_EQ(at(entries[0], {1, 2}), 5);
  EXPECT_EQ(zip_of(contents).substr(entries[0].bytes->offset, entries[0].bytes->length), raw(kValues));
  EXPECT_TRUE(contains(refusal([] {
                         read({{"serialized_state_dict.pt", "no archive"}});
                       }),
                       "is not an archive of torch.save"));
}

TEST(ExportedProgram, LiesAreRefusedAndWhatIsNotReadHasItsReason) {
  const auto problem = [](const std::string& description) { return refusal([&] { read(program({description})); }); };
  EXPECT_TRUE(contains(problem(payload("w", "weight_0", {3, 3}, {3, 1})), "tensor 'w': shape [3, 3]"));
  EXPECT_TRUE(contains(problem(payload("w", "weight_0", {2}, {1}, 5)), "reaches past"));
  EXPECT_TRUE(contains(problem(payload("w", "weight_0", {1LL << 40, 1LL << 40}, {1, 1})), "is not valid"));
  EXPECT_TRUE(contains(problem(payload("w", "weight_9", {2}, {1})), "'model/data/weights/weight_9' is missing"));
  EXPECT_TRUE(contains(problem("\"w\": nothing"), "JSON"));
  EXPECT_TRUE(contains(problem("\"w\": []"), "is an array"));
  EXPECT_TRUE(
      contains(problem(payload("w", "weight_0", {2}, {1}) + ", " + payload("w", "weight_0", {2}, {1})), "twice"));
  EXPECT_TRUE(contains(refusal([] {
                         read({{"m/archive_format", "pt2"}, {"m/data/aotinductor/model/x.so", ""}});
                       }),
                       "AOTInductor"));
  const auto reason = [](const std::string& description) {
    const auto entries = read(program({description, payload("plain", "weight_0", {6}, {1})}));
    EXPECT_EQ(entries.size(), 2u);
    EXPECT_EQ(at(entries[1], {5}), 5);
    EXPECT_FALSE(entries[0].load);
    return entries[0].unreadable;
  };
  EXPECT_TRUE(contains(reason(payload("w", "weight_0", {2}, {1}, 0, 7, 2)), "a sparse tensor"));
  EXPECT_TRUE(contains(reason(payload("w", "weight_0", {2}, {1}, 0, 99)), "torch type 99"));
  EXPECT_TRUE(contains(reason(payload("w", "weight_0", {2}, {1, 1})), "are not numbers, or not equally many"));
  EXPECT_TRUE(contains(reason(payload("w", "weight_0", {-2}, {1})), "are not numbers, or not equally many"));
}

// torch.package.

std::vector<Entry> read_package(const std::vector<ZipContent>& contents) {
  const auto file = file_of(zip_of(contents), "package.pt");
  const auto members = read_zip_directory(file);
  EXPECT_TRUE(is_torch_package(members));
  return read_torch_package(file, members);
}

// torch.package numbers its storages.
std::string numbered(std::int64_t key) {
  const std::string stored =
      pk::tuple({pk::str("storage"), pk::global("torch", "FloatStorage"), pk::num(key), pk::str("cpu"), pk::num(6)}) +
      "Q";
  return pk::tensor(stored, 0, {2, 3}, {3, 1});
}

TEST(TorchPackage, TheTensorsOfItsPicklesAreRead) {
  const std::string module = pk::object("torch.nn.modules.linear", "Linear",
                                        pk::dict({pk::str("_parameters"), pk::dict({pk::str("weight"), numbered(0)}),
                                                  pk::str("_modules"), "}", pk::str("_buffers"), "}"}));
  const std::vector<ZipContent> contents = {{"p/.data/0.storage", raw(kValues)},
                                            {"p/.data/extern_modules", "torch"},
                                            {"p/.data/python_version", "3.11"},
                                            {"p/code.py", "import os"},
                                            {"p/model/model.pkl", pk::whole(module)}};
  const auto entries = read_package(contents);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "weight");
  EXPECT_EQ(at(entries[0], {1, 2}), 5);
  EXPECT_EQ(entries[0].provenance, "p/.data/0.storage");

  auto several = contents;
  several.push_back({"p/other/state", pk::whole(pk::dict({pk::str("w"), numbered(0)}))});
  several.push_back({"p/text", "no pickle"});
  const auto more = read_package(several);
  ASSERT_EQ(more.size(), 2u);
  EXPECT_EQ(more[0].name, "model.model.weight");
  EXPECT_EQ(more[1].name, "other.state.w");
  several.push_back({"p/bad", pk::whole(numbered(7))});
  EXPECT_TRUE(contains(refusal([&] { read_package(several); }), "its storage '7' is not in the file"));
}

// One pickle may name a tensor often; several of them together may name it no more often than the file justifies.
TEST(TorchPackage, ManyPicklesMayNotNameATensorForEver) {
  std::string often = "](" + numbered(0) + pk::put(0);
  for (int i = 0; i < 40000; ++i) often += pk::get(0);
  std::vector<ZipContent> contents = {{"p/.data/0.storage", raw(kValues)}, {"p/.data/extern_modules", "torch"}};
  contents.push_back({"p/a", pk::whole(often + "e")});
  EXPECT_EQ(read_package(contents).size(), 40001u);
  for (const char* name : {"p/b", "p/c", "p/d"}) contents.push_back({name, pk::whole(often + "e"), true});
  EXPECT_TRUE(contains(refusal([&] { read_package(contents); }), "more than its bytes justify"));
}

}  // namespace
}  // namespace sigmax::io
