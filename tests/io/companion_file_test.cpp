#include "sigmax/io/bytes/companion_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::refusal;
using testing::TempFolder;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

class CompanionFile : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(at("model/sub"));
    folder_.write("model/m.onnx", "the model");
    folder_.write("model/w.data", "beside");
    folder_.write("model/sub/w.data", "below");
    folder_.write("secret", "secret");
  }

  fs::path at(const std::string& name) const { return folder_.path() / name; }

  void link(const std::string& target, const std::string& name) const {
    fs::create_directories(at(name).parent_path());
    fs::create_symlink(target, at(name));
  }

  void make(const std::string& name, const std::string& content) const {
    fs::create_directories(at(name).parent_path());
    folder_.write(name, content);
  }

  // The content that is read, or the reason for the refusal.
  std::string read(const std::string& location, const std::string& model = "model/m.onnx") const {
    std::string text;
    const std::string problem =
        refusal([&] { text = text_of(*open_companion(*MappedFile::open(at(model)), location)); });
    return problem == "nothing was thrown" ? text : problem;
  }

  TempFolder folder_;
};

TEST_F(CompanionFile, LiesBesideTheModelOrBelow) {
  EXPECT_EQ(read("w.data"), "beside");
  EXPECT_EQ(read("./sub//w.data"), "below");
  EXPECT_EQ(open_companion(*MappedFile::open(at("model/m.onnx")), "./sub/.//w.data")->path(), at("model/sub/w.data"));
  EXPECT_TRUE(contains(read("absent"), "is missing: there is no '" + at("model/absent").string()));
  EXPECT_TRUE(contains(read("w.data/x"), "is missing"));
  EXPECT_TRUE(contains(read("sub"), "is not a regular file"));
}

TEST_F(CompanionFile, LinksAreFollowedWithinTheModelsFolder) {
  link("w.data", "model/near");
  link("sub", "model/other");
  link("near", "model/far");
  link("../w.data", "model/sub/up");
  link(at("model/sub/w.data").string(), "model/absolute");
  EXPECT_EQ(read("near"), "beside");
  EXPECT_EQ(read("other/w.data"), "below");
  EXPECT_EQ(read("far"), "beside");
  EXPECT_EQ(read("sub/up"), "beside");
  EXPECT_EQ(read("absolute"), "below");
}

TEST_F(CompanionFile, NoLinkLeadsOut) {
  link("../secret", "model/a");
  link(at("secret").string(), "model/b");
  link("..", "model/c");
  link("a", "model/d");
  link("/dev/null", "model/e");
  link("circle", "model/circle");
  link("absent", "model/f");
  make("model-2/secret", "of a folder whose name begins alike");
  link("../model-2/secret", "model/g");
  for (const char* location : {"a", "b", "c/secret", "d", "g"}) {
    EXPECT_TRUE(contains(read(location), "leads out of the model's folder, to '")) << location;
  }
  EXPECT_TRUE(contains(read("g"), at("model-2/secret").string()));
  EXPECT_TRUE(contains(read("c/model/sub/../../secret"), "has '..'"));
  EXPECT_EQ(read("c/model/w.data"), "beside");  // out and in again: only the end of the path counts
  EXPECT_TRUE(contains(read("e"), "is not a regular file"));
  EXPECT_TRUE(contains(read("circle"), "Too many levels of symbolic links"));
  EXPECT_TRUE(contains(read("f"), "is missing"));
  ASSERT_EQ(::mkfifo(at("model/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(contains(read("pipe"), "is not a regular file"));
}

TEST_F(CompanionFile, LocationsArePathsBelowTheModel) {
  const std::string long_name(4097, 'x');
  struct Case {
    std::string location;
    const char* problem;
  };
  const Case cases[] = {
      {"", "is not a file name"},
      {".", "is not a file name"},
      {"./.", "is not a file name"},
      {long_name, "is not a file name"},
      {"..", "has '..'"},
      {"../secret", "has '..'"},
      {"sub/../w.data", "has '..'"},
      {"sub/..", "has '..'"},
      {"/etc/hostname", "is absolute"},
      {"//etc/hostname", "is absolute"},
      {"..\\secret", "backslash"},
      {std::string("w.data\0x", 8), "NUL"},
      {"a\nb", "control character"},
      {"\x1b[2J", "control character"},
  };
  for (const Case& c : cases) EXPECT_TRUE(contains(read(c.location), c.problem)) << c.location;
}

// huggingface_hub lays its cache out like this: each file of a snapshot is a link to a blob.
TEST_F(CompanionFile, AHubCacheKeepsItsFilesAsBlobs) {
  const std::string repository = "hub/models--org--name/";
  make(repository + "blobs/111", "the model");
  make(repository + "blobs/222", "its data");
  make("hub/models--org--other/blobs/333", "of another model");
  link("../../blobs/111", repository + "snapshots/rev/m.onnx");
  link("../../blobs/222", repository + "snapshots/rev/m.data");
  link("../../../blobs/111", repository + "snapshots/rev/onnx/m.onnx");
  link("../../../blobs/222", repository + "snapshots/rev/onnx/m.data");
  link("../../../models--org--other/blobs/333", repository + "snapshots/rev/other.data");
  link("../../../../secret", repository + "snapshots/rev/secret.data");
  make(repository + "snapshots/rev/copied.onnx", "a model that is no link");
  const std::string snapshot = repository + "snapshots/rev/";
  EXPECT_EQ(read("m.data", snapshot + "m.onnx"), "its data");
  EXPECT_EQ(read("m.data", snapshot + "onnx/m.onnx"), "its data");
  EXPECT_EQ(read("m.data", snapshot + "copied.onnx"), "its data");
  EXPECT_EQ(read("onnx/m.data", snapshot + "m.onnx"), "its data");
  EXPECT_TRUE(contains(read("other.data", snapshot + "m.onnx"), "leads out of the model's folder"));
  EXPECT_TRUE(contains(read("secret.data", snapshot + "m.onnx"), "leads out of the model's folder"));
  // Somebody's link to a folder in the cache, and the revision under another name.
  fs::create_directory_symlink(at(snapshot), at("latest"));
  EXPECT_EQ(read("m.data", "latest/m.onnx"), "its data");
}

// `huggingface-cli download --local-dir` used to fill a folder with links into the cache.
TEST_F(CompanionFile, MayLieBesideTheFileThatTheModelIsALinkTo) {
  make("hub/models--org--name/blobs/111", "the model");
  make("hub/models--org--name/blobs/222", "its data");
  make("store/m.onnx", "the model");
  make("store/m.data", "in the store");
  link(at("hub/models--org--name/blobs/111").string(), "local/m.onnx");
  link(at("hub/models--org--name/blobs/222").string(), "local/m.data");
  link("../store/m.onnx", "linked/m.onnx");
  link("../store/m.data", "linked/m.data");
  link("../secret", "linked/secret");
  EXPECT_EQ(read("m.data", "local/m.onnx"), "its data");
  EXPECT_EQ(read("m.data", "linked/m.onnx"), "in the store");
  EXPECT_TRUE(contains(read("secret", "linked/m.onnx"), "leads out of the model's folder"));
}

// Folders that only look like parts of a cache grant no more rights than others.
TEST_F(CompanionFile, OnlyACacheHasBlobs) {
  make("plain/blobs/222", "x");
  make("plain/snapshots/rev/m.onnx", "the model");
  link("../../blobs/222", "plain/snapshots/rev/m.data");
  make("models--a--b/other/rev/m.onnx", "the model");
  make("models--a--b/blobs/222", "x");
  link("../../blobs/222", "models--a--b/other/rev/m.data");
  make("models--c--d/snapshots/rev/m.onnx", "the model");
  link("../..", "models--c--d/snapshots/rev/up");
  make("models--c--d/refs/main", "x");
  EXPECT_TRUE(contains(read("m.data", "plain/snapshots/rev/m.onnx"), "leads out"));
  EXPECT_TRUE(contains(read("m.data", "models--a--b/other/rev/m.onnx"), "leads out"));
  EXPECT_TRUE(contains(read("up/refs/main", "models--c--d/snapshots/rev/m.onnx"), "leads out"));
}

TEST_F(CompanionFile, TheModelsPathMayBeRelativeOrBytesInMemory) {
  const fs::path before = fs::current_path();
  fs::current_path(at("model"));
  const auto model = MappedFile::open("m.onnx");
  EXPECT_EQ(text_of(*open_companion(*model, "w.data")), "beside");
  EXPECT_EQ(open_companion(*model, "w.data")->path(), "w.data");
  fs::current_path(before);
  const auto in_memory = MappedFile::from_bytes("/nonexistent/m.onnx", {std::byte{1}});
  EXPECT_TRUE(contains(refusal([&] { open_companion(*in_memory, "w.data"); }), "is missing"));
}

}  // namespace
}  // namespace sigmax::io
