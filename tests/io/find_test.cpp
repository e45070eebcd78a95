#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::io {
namespace {

using testing::contains;

Entry entry(std::string name, std::string file = "a.safetensors", std::string provenance = "") {
  Entry one;
  one.name = std::move(name);
  one.dtype = DType::f32;
  one.dtype_name = "f32";
  one.shape = {2, 3};
  one.file = "model/" + file;
  one.provenance = std::move(provenance);
  return one;
}

Checkpoint checkpoint(std::vector<Entry> entries) {
  Checkpoint all;
  all.paths = {"model"};
  all.entries = std::move(entries);
  return all;
}

// The message of the Error that find() throws.
std::string refused(const Checkpoint& all, std::string_view name) {
  try {
    all.find(name);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Find, ATensorByItsName) {
  const Checkpoint all = checkpoint({entry("fc1.weight"), entry("fc2.weight")});
  EXPECT_EQ(&all.find("fc2.weight"), &all.entries[1]);
  EXPECT_EQ(all.label(all.entries[1]), "fc2.weight");
}

TEST(Find, AnAbsentNameIsAnsweredWithTheClosestOnes) {
  const Checkpoint all = checkpoint({entry("encoder.fc1.weight"), entry("encoder.fc2.weight"), entry("head.bias")});
  const std::string said = refused(all, "encoder.fc3.weight");
  EXPECT_TRUE(contains(said, "[find] model has no tensor 'encoder.fc3.weight'; did you mean"));
  EXPECT_TRUE(contains(said, "\n  'encoder.fc1.weight'"));
  EXPECT_TRUE(contains(said, "\n  'encoder.fc2.weight'"));
  EXPECT_FALSE(contains(said, "head.bias"));
}

TEST(Find, WhereNothingIsCloseTheFirstNamesAreListed) {
  std::vector<Entry> many;
  for (int i = 0; i < 11; ++i) many.push_back(entry(fmt::format("layers.{}.weight", i)));
  const std::string said = refused(checkpoint(many), "zzz");
  EXPECT_TRUE(contains(said, "no tensor 'zzz'; it has\n  'layers.0.weight'"));
  EXPECT_TRUE(contains(said, "'layers.7.weight'\n  ... and 3 more"));
  EXPECT_FALSE(contains(said, "layers.8"));
  EXPECT_EQ(refused(checkpoint({}), "w"), "[find] model has no tensor 'w'");
}

TEST(Find, SeveralOfOneNameAreListedWithTheirNumbers) {
  const Checkpoint all = checkpoint({entry("w"), entry("x"), entry("w", "b.onnx", "initializer")});
  const std::string said = refused(all, "w");
  EXPECT_TRUE(contains(said, "model has 2 tensors called 'w'; name one by its number, as in 'w@2'"));
  EXPECT_TRUE(contains(said, "\n  'w@1'  [2, 3] f32  a.safetensors"));
  EXPECT_TRUE(contains(said, "\n  'w@2'  [2, 3] f32  b.onnx, initializer"));
  EXPECT_EQ(all.candidates("w").size(), 2U);
  EXPECT_EQ(&all.find("w@1"), &all.entries[0]);
  EXPECT_EQ(&all.find("w@2"), &all.entries[2]);
  EXPECT_EQ(&all.find("x@1"), &all.entries[1]);
  for (const Entry& one : all.entries) EXPECT_EQ(&all.find(all.label(one)), &one);
}

TEST(Find, ANumberBeyondThemIsRefusedAndWhatIsNoNumberIsAName) {
  const Checkpoint all = checkpoint({entry("w"), entry("w")});
  for (const char* name : {"w@0", "w@3", "w@18446744073709551615"}) {
    EXPECT_TRUE(contains(refused(all, name), "model has 2 tensors called 'w', and no number"));
  }
  for (const char* name : {"w@", "w@x", "w@1x", "w@-1", "w@18446744073709551616", "y@1"}) {
    EXPECT_TRUE(contains(refused(all, name), "no tensor")) << name;
    EXPECT_TRUE(all.candidates(name).empty()) << name;
  }
}

TEST(Find, ANameWithAnAtOfItsOwnGoesFirst) {
  const Checkpoint all = checkpoint({entry("w"), entry("w"), entry("w@2")});
  EXPECT_EQ(&all.find("w@2"), &all.entries[2]);
  EXPECT_EQ(&all.find("w@1"), &all.entries[0]);
}

TEST(Find, AHostileNameDoesNotReachATerminalAsItIs) {
  const Checkpoint all = checkpoint({entry("w\x1b[2Jx"), entry("w\x1b[2Jx")});
  EXPECT_FALSE(contains(refused(all, "w\x1b[2Jx"), "\x1b"));
  EXPECT_FALSE(contains(refused(all, "w\x1b[2Jy"), "\x1b"));
}

}  // namespace
}  // namespace sigmax::io
